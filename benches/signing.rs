//! What a signature costs per request: an UploadPart head with a customer key, in the presigned form, which does the
//! same work as the header form and assembles an address on top.

use std::{
    hint::black_box,
    time::{Duration, UNIX_EPOCH},
};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::request::Parts;
use sealift::{
    dialect::Dialect,
    signing::{Credentials, presign},
};

fn upload_part() -> Parts {
    http::Request::put(
        "https://examplebucket-1250000000.cos.ap-beijing.myqcloud.com/backups/2026/archive%20%E5%A4%87%E4%BB%BD.tar\
         ?partNumber=10000&uploadId=1585130821cbb7df1d11846c073ad648e8f33b087cec2381df437acdc833cf654b9ecc6361",
    )
    .header("content-length", "16777216")
    .header("x-cos-server-side-encryption-customer-algorithm", "AES256")
    .header("x-cos-server-side-encryption-customer-key", "MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY=")
    .header("x-cos-server-side-encryption-customer-key-md5", "U5L61r7jcwdNvT7frmUG8g==")
    .body(())
    .expect("the head is well formed")
    .into_parts()
    .0
}

fn signing(criterion: &mut Criterion) {
    let credentials = Credentials::new("TESTSECRETID", "TESTSECRETKEY0123456789").expect("they are well formed");
    let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    criterion.bench_function("sign an UploadPart head", |bencher| {
        bencher.iter_batched(
            upload_part,
            |mut head| {
                presign(Dialect::Cos, "ap-beijing", &mut head, black_box(&credentials), now, 3600)
                    .expect("it can be signed");
                head
            },
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, signing);
criterion_main!(benches);
