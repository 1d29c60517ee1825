//! What a signature costs per request: an UploadPart head with a customer key, in the presigned form, which does the
//! same work as the header form and assembles an address on top. Once per dialect.

use std::{
    hint::black_box,
    time::{Duration, UNIX_EPOCH},
};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use http::request::Parts;
use sealift::{
    dialect::Dialect,
    signing::{Credentials, presign},
};

fn upload_part(host: &str, prefix: &str) -> Parts {
    let customer = |what: &str| format!("{prefix}server-side-encryption-customer-{what}");
    http::Request::put(format!(
        "https://{host}/backups/2026/archive%20%E5%A4%87%E4%BB%BD.tar\
         ?partNumber=10000&uploadId=1585130821cbb7df1d11846c073ad648e8f33b087cec2381df437acdc833cf654b9ecc6361",
    ))
    .header("content-length", "16777216")
    .header(customer("algorithm"), "AES256")
    .header(customer("key"), "MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY=")
    .header(customer("key-md5"), "U5L61r7jcwdNvT7frmUG8g==")
    .body(())
    .expect("the head is well formed")
    .into_parts()
    .0
}

fn signing(criterion: &mut Criterion) {
    let credentials = Credentials::new("TESTSECRETID", "TESTSECRETKEY0123456789").expect("they are well formed");
    let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let mut group = criterion.benchmark_group("sign an UploadPart head");
    group.throughput(Throughput::Elements(1));
    for (scheme, region, host, prefix) in [
        ("cos", "ap-beijing", "examplebucket-1250000000.cos.ap-beijing.myqcloud.com", "x-cos-"),
        ("s3", "eu-central-1", "examplebucket.s3.eu-central-1.amazonaws.com", "x-amz-"),
    ] {
        let dialect: Dialect = scheme.parse().expect("it is a scheme");
        group.bench_function(scheme, |bencher| {
            bencher.iter_batched(
                || upload_part(host, prefix),
                |mut head| {
                    presign(dialect, region, &mut head, black_box(&credentials), now, 3600).expect("it can be signed");
                    head
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, signing);
criterion_main!(benches);
