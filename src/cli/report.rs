//! Results for people. The same results as JSON are the library's own types.

use std::{fmt::Write as _, time::Duration};

use super::{
    console::{Console, printable},
    units::{show_rate, show_size},
};
use crate::{
    checksum::Algorithm,
    error::{Error, ErrorKind, Result},
    transfer::{DownloadReceipt, Receipt, ReceiptChecksum, ReceiptSse},
};

/// Prints the receipt of an upload on stdout; with `--quiet` only its warnings are left.
pub(super) fn print_upload(receipt: &Receipt, console: &Console) -> Result<()> {
    let printed = if console.json() {
        console.value(receipt)
    } else if console.quiet() {
        receipt.warnings.iter().for_each(|warning| console.warn(warning));
        Ok(())
    } else {
        console.data(printable(&uploaded(receipt)).as_bytes())
    };
    // Nothing is wrong with the source, and nothing has to be sent again: it is the local record that is missing.
    printed.map_err(|error| {
        Error::new(ErrorKind::Journal, format!("{} is uploaded, but its receipt cannot be written", receipt.url))
            .with_hint("do not upload it again; `sealift stat` shows the object")
            .caused_by(error)
    })
}

/// The receipt of an upload.
pub(super) fn uploaded(receipt: &Receipt) -> String {
    let mut text = format!("{}\n", receipt.url);
    let parts = match receipt.parts {
        0 | 1 => "in one piece".to_owned(),
        parts => {
            // Parts of one size leave less than one of it for the last; those of a stream may have grown.
            let grown = u64::from(parts - 1).saturating_mul(receipt.part_size) >= receipt.size;
            format!("in {parts} parts of {}{}", if grown { "up to " } else { "" }, show_size(receipt.part_size))
        }
    };
    row(&mut text, "size", &format!("{}, {parts}", size(receipt.size)));
    row(&mut text, "encryption", &encryption(&receipt.sse));
    checksum(&mut text, receipt.checksum.as_ref());
    row(&mut text, "etag", &receipt.etag);
    maybe(&mut text, "version", receipt.version_id.as_deref());
    let mut time = format!("{:.1} s, {}", receipt.seconds, rate(receipt.size, receipt.seconds));
    if receipt.resumed_parts > 0 {
        let parts = if receipt.resumed_parts == 1 { "part was" } else { "parts were" };
        let _ = write!(time, ", {} {parts} there already", receipt.resumed_parts);
    }
    if receipt.retries > 0 {
        let requests = if receipt.retries == 1 { "request" } else { "requests" };
        let _ = write!(time, ", {} {requests} sent again", receipt.retries);
    }
    row(&mut text, "time", &time);
    proofs(&mut text, &receipt.verified, &receipt.warnings);
    text
}

/// The receipt of a download.
pub(super) fn downloaded(receipt: &DownloadReceipt) -> String {
    let mut text = format!("{}\n", receipt.url);
    row(&mut text, "size", &size(receipt.size));
    row(&mut text, "encryption", &encryption(&receipt.sse));
    checksum(&mut text, receipt.checksum.as_ref());
    maybe(&mut text, "etag", receipt.etag.as_deref());
    maybe(&mut text, "version", receipt.version_id.as_deref());
    row(&mut text, "time", &format!("{:.1} s, {}", receipt.seconds, rate(receipt.size, receipt.seconds)));
    proofs(&mut text, &receipt.verified, &receipt.warnings);
    text
}

/// One aligned line.
pub(super) fn row(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "  {name:<12}{value}");
}

/// One aligned line, if there is something to say.
pub(super) fn maybe(text: &mut String, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        row(text, name, value);
    }
}

/// A size in short and in full.
pub(super) fn size(bytes: u64) -> String {
    if bytes < 1024 { show_size(bytes) } else { format!("{} ({bytes} bytes)", show_size(bytes)) }
}

/// The encryption in words.
pub(super) fn encryption(sse: &ReceiptSse) -> String {
    match (sse.mode.as_str(), &sse.kms_key_id, &sse.key_md5) {
        ("customer", _, Some(md5)) => format!("customer key with MD5 {md5}"),
        ("kms", Some(id), _) => format!("KMS key {id}"),
        ("kms", None, _) => "KMS key of the account".to_owned(),
        ("managed", ..) => "keys managed by the store".to_owned(),
        ("none", ..) => "none asked for".to_owned(),
        (other, ..) => other.to_owned(),
    }
}

fn checksum(text: &mut String, checksum: Option<&ReceiptChecksum>) {
    if let Some(checksum) = checksum {
        let of = if checksum.kind == "sent" { ", of what was sent; the store keeps none of the whole" } else { "" };
        row(text, checksum_label(&checksum.algorithm), &format!("{}{of}", checksum.value));
    }
}

/// The word for a checksum before its value.
pub(super) fn checksum_label(algorithm: &str) -> &str {
    if algorithm == Algorithm::Crc64Xz.name() { "crc64" } else { algorithm }
}

/// The checks, then the answers that confirmed the encryption, then what one should know.
fn proofs(text: &mut String, verified: &[String], warnings: &[String]) {
    let (echoes, checks): (Vec<&str>, Vec<&str>) =
        verified.iter().map(String::as_str).partition(|check| check.starts_with("echo:"));
    if !checks.is_empty() {
        row(text, "verified", &checks.join(", "));
    }
    if !echoes.is_empty() {
        let answers: Vec<&str> = echoes.iter().map(|echo| echo.trim_start_matches("echo:")).collect();
        row(text, "confirmed", &format!("the encryption, by the answers to: {}", answers.join(", ")));
    }
    for (index, warning) in warnings.iter().enumerate() {
        row(text, if index == 0 { "warning" } else { "" }, warning);
    }
}

fn rate(bytes: u64, seconds: f64) -> String {
    show_rate(bytes, Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum::Checksum;

    fn sse(mode: &str, id: Option<&str>, md5: Option<&str>) -> ReceiptSse {
        ReceiptSse { mode: mode.to_owned(), kms_key_id: id.map(str::to_owned), key_md5: md5.map(str::to_owned) }
    }

    fn sample() -> Receipt {
        Receipt {
            url: "cos://b-1/k".to_owned(),
            size: 33 << 20,
            crc64: Some("42".to_owned()),
            checksum: Some(ReceiptChecksum::new(Checksum::new(Algorithm::Crc64Xz, 42), true)),
            etag: "abc-3".to_owned(),
            version_id: Some("v1".to_owned()),
            parts: 3,
            part_size: 16 << 20,
            upload_id: Some("id".to_owned()),
            sse: sse("customer", None, Some("U5L6==")),
            resumed_parts: 0,
            sent_bytes: 33 << 20,
            retries: 2,
            seconds: 2.0,
            verified: ["part-checksums", "size", "echo:initiate", "echo:parts"].map(str::to_owned).to_vec(),
            warnings: vec!["a warning".to_owned()],
        }
    }

    #[test]
    fn a_receipt_says_what_was_done_and_what_was_proved() {
        let text = uploaded(&sample());
        assert_eq!(
            text,
            "cos://b-1/k\n  size        33 MiB (34603008 bytes), in 3 parts of 16 MiB\n  encryption  customer key with MD5 U5L6==\n  \
             crc64       42\n  etag        abc-3\n  version     v1\n  time        2.0 s, 16.5 MiB/s, 2 requests sent again\n  \
             verified    part-checksums, size\n  confirmed   the encryption, by the answers to: initiate, parts\n  \
             warning     a warning\n"
        );
    }

    #[test]
    fn parts_that_have_grown_are_told_from_parts_of_one_size() {
        let mut receipt = sample();
        assert!(uploaded(&receipt).contains("in 3 parts of 16 MiB"));
        receipt.size = 32 << 20;
        assert!(uploaded(&receipt).contains("in 3 parts of up to 16 MiB"));
    }

    #[test]
    fn one_of_a_kind_is_not_many() {
        let receipt = |resumed_parts, retries| uploaded(&Receipt { resumed_parts, retries, ..sample() });
        assert!(receipt(1, 1).contains("1 part was there already, 1 request sent again"), "{}", receipt(1, 1));
        assert!(receipt(2, 2).contains("2 parts were there already, 2 requests sent again"), "{}", receipt(2, 2));
    }

    #[test]
    fn a_checksum_that_the_store_does_not_keep_is_said_to_be_of_what_was_sent() {
        let checksum = Some(ReceiptChecksum::new(Checksum::new(Algorithm::Crc64Xz, 42), false));
        let text = uploaded(&Receipt { checksum, ..sample() });
        assert!(text.contains("crc64       42, of what was sent; the store keeps none of the whole\n"), "{text}");
    }

    #[test]
    fn every_mode_has_words() {
        assert_eq!(encryption(&sse("none", None, None)), "none asked for");
        assert_eq!(encryption(&sse("managed", None, None)), "keys managed by the store");
        assert_eq!(encryption(&sse("kms", Some("k1"), None)), "KMS key k1");
        assert_eq!(encryption(&sse("kms", None, None)), "KMS key of the account");
    }
}
