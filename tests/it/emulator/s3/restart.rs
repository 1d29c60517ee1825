//! What is stored stays.

use sealift::emulator::{Emulator, EmulatorOptions};

use super::{
    super::raw::headers,
    raw::{Raw, customer, kms, managed, named},
};
use crate::support::pattern;

#[tokio::test(flavor = "multi_thread")]
async fn everything_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let options = || EmulatorOptions::s3(dir.path()).min_part_size(1024);
    let bytes = pattern(1_500_000, 1);
    let modes = [Vec::new(), managed(), kms("key-1"), customer(&[9; 32])];
    let reading = |mode: usize| if mode == 3 { customer(&[9; 32]) } else { Vec::new() };
    let asking = |mode: usize| [reading(mode), headers(&[("x-amz-checksum-mode", "ENABLED")])].concat();
    let declared = headers(&[("x-amz-checksum-algorithm", "CRC32C"), ("x-amz-checksum-type", "FULL_OBJECT")]);

    let emulator = Emulator::start(options()).await.unwrap();
    let secret = (emulator.secret().0.to_owned(), emulator.secret().1.to_owned());
    assert!(secret.0.starts_with("AKIA") && secret.0.len() == 20 && secret.1.len() == 40);
    let raw = Raw::of(&emulator);
    let mut uploads = Vec::new();
    for (mode, sse) in modes.iter().enumerate() {
        let put = raw.put(&format!("object-{mode}"), sse, &bytes).await.ok();
        let sum = put.header("x-amz-checksum-crc64nvme").to_owned();
        let key = format!("upload-{mode}");
        let id = raw.initiate(&key, &[sse.clone(), declared.clone()].concat()).await;
        let part = named(1, &raw.part(&key, &id, 1, &reading(mode), &bytes).await.ok());
        uploads.push((key, id, part, sum));
    }
    emulator.stop().await;

    let emulator = Emulator::start(options()).await.unwrap();
    assert_eq!(emulator.secret(), (&*secret.0, &*secret.1));
    let raw = Raw::of(&emulator);
    for (mode, (key, id, first, sum)) in uploads.into_iter().enumerate() {
        let got = raw.get(&format!("object-{mode}"), &asking(mode)).await.ok();
        assert!(got.body == bytes);
        assert_eq!(got.header("x-amz-checksum-crc64nvme"), sum);
        let second = named(2, &raw.part(&key, &id, 2, &reading(mode), b"the end").await.ok());
        raw.complete(&key, &id, &[first, second], &reading(mode)).await.ok();
        let got = raw.get(&key, &asking(mode)).await.ok();
        assert!(got.body == [&bytes[..], b"the end"].concat(), "{key}");
        assert!(got.headers.contains_key("x-amz-checksum-crc32c"));
    }
}
