//! What it costs to write the longest Complete, to read full pages of listings, and to put a part's head together.

use std::{fmt::Write as _, hint::black_box};

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http::{HeaderMap, StatusCode};
use sealift::{
    dialect::Dialect,
    ident::{Bucket, ETag, ObjectKey, PartNumber, Region, UploadId},
    sse::{CustomerKey, SseContext},
    wire::{Address, Addressing, Call, Complete, ListParts, ListUploads, Payload, RawAnswer, UploadPart},
};

const DIALECT: Dialect = Dialect::Cos;

fn key() -> ObjectKey {
    ObjectKey::new(DIALECT, "backups/2026/disk image.raw").expect("a key")
}

fn upload_id() -> UploadId {
    UploadId::new("1585130821cbb7df1d11846c073ad648e8f33b087cec2381df437acdc833cf654b9ecc6361").expect("not empty")
}

fn address() -> Address {
    let bucket = Bucket::new(DIALECT, "examplebucket-1250000000").expect("a bucket");
    let region = Region::new("ap-guangzhou").expect("a region");
    Address::new(DIALECT, &bucket, Some(&region), None, Addressing::Auto).expect("an address")
}

fn answer(body: String) -> RawAnswer {
    RawAnswer { status: StatusCode::OK, headers: HeaderMap::new(), body: Bytes::from(body) }
}

fn write_complete(c: &mut Criterion) {
    let etag = ETag::new("10aca43cc1378fe5bdafbed96b1fcdb8").expect("a tag");
    let parts = (0..10_000).filter_map(PartNumber::at_index).map(|number| (number, etag.clone())).collect();
    let call = Complete {
        key: key(),
        upload_id: upload_id(),
        parts,
        keeps_checksum: false,
        checksum: None,
        forbid_overwrite: false,
    };
    let mut group = c.benchmark_group("xml");
    group.throughput(Throughput::Bytes(call.payload().len()));
    group.bench_function("write Complete of 10,000 parts", |b| b.iter(|| black_box(&call).payload()));
    group.finish();
}

fn read_listings(c: &mut Criterion) {
    let mut parts = "<?xml version=\"1.0\"?><ListPartsResult>".to_owned();
    let mut uploads = "<?xml version=\"1.0\"?><ListMultipartUploadsResult>".to_owned();
    for number in 1..=1000 {
        write!(
            parts,
            "<Part><PartNumber>{number}</PartNumber><LastModified>2026-05-16T06:45:51.000Z</LastModified>\
             <ETag>&quot;10aca43cc1378fe5bdafbed96b1fcdb8&quot;</ETag><Size>16777216</Size></Part>"
        )
        .expect("a string takes it");
        write!(
            uploads,
            "<Upload><Key>backups/2026/{number} &amp; more</Key><UploadId>{}</UploadId><StorageClass>STANDARD</StorageClass>\
             <Initiator><ID>qcs::cam::uin/100000000001</ID></Initiator><Owner><ID>100000000001</ID></Owner>\
             <Initiated>2026-05-16T06:45:51.000Z</Initiated></Upload>",
            upload_id()
        )
        .expect("a string takes it");
    }
    let parts = answer(parts + "<IsTruncated>false</IsTruncated></ListPartsResult>");
    let uploads = answer(uploads + "<IsTruncated>false</IsTruncated></ListMultipartUploadsResult>");
    let list_parts = ListParts { key: key(), upload_id: upload_id(), after: None };
    let list_uploads = ListUploads { prefix: String::new(), after: None };
    let mut group = c.benchmark_group("xml");
    group.throughput(Throughput::Bytes(parts.body.len() as u64));
    group.bench_function("read ListParts of 1,000 parts", |b| {
        b.iter(|| list_parts.decode(DIALECT, black_box(&parts)).expect("sound"));
    });
    group.throughput(Throughput::Bytes(uploads.body.len() as u64));
    group.bench_function("read ListUploads of 1,000 uploads", |b| {
        b.iter(|| list_uploads.decode(DIALECT, black_box(&uploads)).expect("sound"));
    });
    group.finish();
}

fn build_a_head(c: &mut Criterion) {
    let at = address();
    let sse = SseContext::customer(DIALECT, CustomerKey::from_bytes([7; 32]));
    let call = UploadPart {
        key: key(),
        upload_id: upload_id(),
        part: PartNumber::FIRST,
        payload: Payload::Empty,
        content_md5: None,
        checksum: None,
        traffic_limit: None,
    };
    c.bench_function("head of UploadPart under a customer key", |b| {
        b.iter(|| black_box(&call).head(&at, &sse).expect("sound"));
    });
}

criterion_group!(benches, write_complete, read_listings, build_a_head);
criterion_main!(benches);
