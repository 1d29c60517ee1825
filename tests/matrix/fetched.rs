//! Whether what came of a download is what the design promises.

use std::fs;

use sealift::{
    Result, Uploader, emulator::Request, error::ErrorKind, operation::Operation, sse::SseMode,
    transfer::DownloadReceipt,
};

use crate::{
    cell::{Bench, Outcome},
    expect::{End, Left},
    remedy::{self, Told},
};

pub(crate) async fn judge(
    bench: &Bench<'_>,
    uploader: &Uploader,
    outcome: Result<DownloadReceipt>,
    seen: &[Request],
) -> Outcome {
    let mut complaints = Vec::new();
    let end = match outcome {
        Ok(receipt) => {
            complaints.extend(arrived(bench));
            complaints.extend(proofs(bench, &receipt, seen));
            End::Done
        }
        Err(error) => {
            let mut insist = |fact: bool, what: &str| {
                if !fact {
                    complaints.push(format!("{what}: {error:?}"));
                }
            };
            insist(error.kind() != ErrorKind::Internal, "a defect");
            insist(error.operation() == Some(Operation::Get), "it names another call");
            insist(!error.is_resumable(), "a download cannot be gone on with");
            insist(listed(bench).is_empty(), "something is left behind");
            let told = Told {
                kind: error.kind(),
                operation: error.operation(),
                code: error.code(),
                hint: error.hint().unwrap_or_default(),
            };
            complaints.extend(remedy::complaint(bench.cell, &told, Left::Nothing));
            match bench.download(uploader).await {
                Ok(_) => complaints.extend(arrived(bench)),
                Err(error) => complaints.push(format!("the second run fails: {error:?}")),
            }
            End::Failed(error.kind(), Left::Nothing)
        }
    };
    Outcome { end, complaints }
}

/// What is wrong with the file, if anything is.
fn arrived(bench: &Bench<'_>) -> Option<String> {
    let files = listed(bench);
    if files.len() != 1 {
        return Some(format!("{} files are where one should be", files.len()));
    }
    (files[0] != bench.content).then(|| format!("{} other bytes have come", files[0].len()))
}

/// The contents of all files in the folder.
fn listed(bench: &Bench<'_>) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(bench.folder()).unwrap();
    entries.map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect()
}

/// What the receipt says that is not so.
fn proofs(bench: &Bench<'_>, receipt: &DownloadReceipt, seen: &[Request]) -> Vec<String> {
    let cell = bench.cell;
    let says = |proof: &str| receipt.verified.iter().any(|said| said == proof);
    // The last answer is the one that brought the rest; the first has told the checksum.
    let spoken = |fault: &str| {
        let good = |request: &&Request| matches!(request.status, 200 | 206) && request.code.is_none();
        seen.iter().find(good).is_some_and(|request| !request.fault.as_deref().unwrap_or_default().contains(fault))
    };
    let facts = [
        (receipt.size == bench.content.len() as u64, "the receipt has another size"),
        (says("size"), "the size was not compared"),
        (says("object-checksum") == spoken("drop_crc"), "what the receipt says of checksums is not so"),
        (says("object-checksum") || !receipt.warnings.is_empty(), "nothing warns that no checksum was compared"),
        (says("echo:get") || cell.mode == SseMode::None, "the encryption was not confirmed"),
        (receipt.sse.mode == cell.told_mode(), "the receipt has another encryption"),
        (receipt.sse.key_md5 == cell.sse().key_md5(), "the receipt has another key"),
    ];
    facts.iter().filter(|(fact, _)| !fact).map(|(_, what)| format!("{what}: {receipt:?}")).collect()
}
