//! A short upload, and any record, for the tests of this module.

use std::{collections::BTreeMap, ffi::OsString, os::unix::ffi::OsStringExt as _, path::PathBuf};

use proptest::prelude::*;

use super::{
    encryption::{Encryption, KeyMark},
    identity::{Identity, SourceState, Target},
    record::{self, EchoSeen, Initiated, Part, Record},
};
use crate::{
    checksum::{Algorithm, Checksum},
    ident::{ETag, PartNumber, UploadId},
};

pub(super) const PART_SIZE: u64 = 16 << 20;

pub(super) fn identity() -> Identity {
    Identity {
        target: Target {
            store: "cos".into(),
            bucket: "examplebucket-1250000000".into(),
            key: "backup/日.tar".into(),
            realm: None,
        },
        source: SourceState {
            path: "/srv/backup \"1\".tar".into(),
            size: 2 * PART_SIZE + 5,
            mtime: 1_790_000_000_123_456_789,
            ctime: 1_790_000_001_000_000_001,
            dev: 2049,
            ino: 77,
        },
        sse: Encryption {
            mode: "customer".into(),
            kms_key_id: None,
            context: None,
            key: Some(KeyMark { salt: "00ff".into(), fingerprint: "a1b2".into() }),
        },
        properties: BTreeMap::from([("content type".to_owned(), "0011223344556677".to_owned())]),
        part_size: PART_SIZE,
        checksum: None,
        keeps_checksum: false,
        nonce: "0123456789abcdef0123456789abcdef".into(),
        started_at: 1_790_000_100,
        endpoint: Some("https://cos.ap-guangzhou.myqcloud.com".into()),
    }
}

pub(super) fn part(number: u16) -> Part {
    Part {
        number: PartNumber::new(number).unwrap(),
        len: if number == 3 { 5 } else { PART_SIZE },
        checksum: Checksum::of(Algorithm::Crc64Xz, &number.to_be_bytes()),
        etag: ETag::new(&format!("5d41402abc4b2a76b9719d911017{number:04}")).unwrap(),
        echo: EchoSeen::Confirmed,
        unproved: number == 2,
    }
}

/// From beginning to end.
pub(super) fn records() -> [Record; 7] {
    let upload_id =
        UploadId::new("1585130821cbb7df1d11846c073ad648e8f33b087cec2381df437acdc833cf654b9ecc6361").unwrap();
    [
        Record::Initiating(Box::new(identity())),
        Record::Initiated(Initiated { upload_id, at: 1_790_000_101, kms_key: None }),
        Record::Part(part(1)),
        Record::Part(part(3)),
        Record::Part(part(2)),
        Record::Completing,
        Record::Completed,
    ]
}

pub(super) fn text() -> String {
    records().iter().map(record::encode).collect()
}

pub(super) fn any_record() -> impl Strategy<Value = Record> {
    let upload_id = any::<String>().prop_filter_map("never empty", UploadId::new);
    let initiated = (upload_id, any::<u64>(), any::<Option<String>>())
        .prop_map(|(upload_id, at, kms_key)| Record::Initiated(Initiated { upload_id, at, kms_key }));
    prop_oneof![
        any_identity().prop_map(|identity| Record::Initiating(Box::new(identity))),
        initiated,
        any_part().prop_map(Record::Part),
        Just(Record::Completing),
        Just(Record::Completed),
        any::<String>().prop_map(|why| Record::Ended { why }),
    ]
}

fn any_part() -> impl Strategy<Value = Part> {
    let etag = any::<String>().prop_filter_map("never empty", |text| ETag::new(&text));
    let echo = prop::sample::select(vec![EchoSeen::Confirmed, EchoSeen::Silent, EchoSeen::Unasked]);
    (1..=PartNumber::MAX, any::<u64>(), any::<u64>(), etag, echo, any::<bool>()).prop_map(
        |(number, len, crc, etag, echo, unproved)| Part {
            number: PartNumber::new(number).unwrap(),
            len,
            checksum: Checksum::new(Algorithm::Crc64Xz, crc),
            etag,
            echo,
            unproved,
        },
    )
}

fn any_identity() -> impl Strategy<Value = Identity> {
    // A path is any bytes but NUL.
    let path = prop::collection::vec(1..=255_u8, 0..40).prop_map(|bytes| PathBuf::from(OsString::from_vec(bytes)));
    let source = (path, any::<u64>(), any::<i128>(), any::<i128>(), any::<u64>(), any::<u64>())
        .prop_map(|(path, size, mtime, ctime, dev, ino)| SourceState { path, size, mtime, ctime, dev, ino });
    let target = any::<([String; 3], Option<String>)>().prop_map(|([store, bucket, key], realm)| Target {
        store,
        bucket,
        key,
        realm,
    });
    let key = any::<Option<(String, String)>>()
        .prop_map(|mark| mark.map(|(salt, fingerprint)| KeyMark { salt, fingerprint }));
    let sse = (any::<String>(), any::<Option<String>>(), any::<Option<String>>(), key)
        .prop_map(|(mode, kms_key_id, context, key)| Encryption { mode, kms_key_id, context, key });
    let properties = prop::collection::btree_map(any::<String>(), any::<String>(), 0..4);
    (
        target,
        source,
        sse,
        properties,
        any::<u64>(),
        any::<Option<String>>(),
        any::<String>(),
        any::<u64>(),
        any::<Option<String>>(),
    )
        .prop_map(|(target, source, sse, properties, part_size, checksum, nonce, started_at, endpoint)| Identity {
            target,
            source,
            sse,
            properties,
            part_size,
            keeps_checksum: checksum.is_some(),
            checksum,
            nonce,
            started_at,
            endpoint,
        })
}
