//! Requests that cos-go-sdk-v5 sent, once more: the store answers them as it did then, by default and if it is strict.
//!
//! `tests/vectors/README.md` tells how they were recorded. Ids of uploads and opaque `ETag`s differ from run to run: a
//! request that names one is signed anew, every other goes as it was sent, signature included.

mod recorded;
mod replay;

use recorded::{Case, File, Outcome};
use replay::Replay;

const OPERATIONS: &str = include_str!("../../vectors/go-operations.json");
const FLOWS: &str = include_str!("../../vectors/go-flows.json");
const KEYS: &str = include_str!("../../vectors/go-keys.json");

/// The calls whose encryption the answer confirms, or that of a read afterwards.
const CONFIRMED: [&str; 9] = [
    "put_object",
    "head_object",
    "get_object",
    "upload_part",
    "complete",
    "copy_object",
    "upload_part_copy",
    "multi_copy",
    "upload",
];

/// The table's words against how the call ended.
fn check_row(case: &Case, (verdict, words): &(String, String), outcome: &Outcome) {
    let parts = case.requests.iter().filter(|request| request.op == "UploadPart").count();
    match (&outcome.status, &outcome.error) {
        (Some(status), Some(error)) => {
            let refusal = format!("{status} {error}").trim_end().to_owned();
            let expected = if verdict == "green" { format!("refused, {refusal}") } else { refusal };
            assert_eq!(*words, expected, "{}", case.id);
        }
        _ if words.starts_with("began anew: ") => {
            assert!(verdict != "green" && words.contains(&format!("sent {parts} of ")), "{}", case.id);
        }
        _ if words.starts_with("went on: ") => {
            assert!(verdict == "green" && words.contains(&format!("sent the {parts} missing ")), "{}", case.id);
        }
        _ => assert_eq!(verdict, "green", "{}", case.id),
    }
    if outcome.status.is_none() && verdict == "green" {
        let confirmed = CONFIRMED.contains(&case.op.as_str()) && !case.input.sse.asking().is_empty();
        assert_eq!(words.ends_with(", confirmed"), confirmed, "{}", case.id);
    }
}

/// Plays each case of a file; so many ended well, so many did not, by default and if the store is strict.
async fn replayed(file: &str) -> [(usize, usize); 2] {
    let File { cases } = serde_json::from_str(file).unwrap();
    let mut all = [(0, 0); 2];
    for (strict, (well, refused)) in [false, true].into_iter().zip(&mut all) {
        let mut replay = Replay::new(&cases, strict).await;
        for case in &cases {
            replay.prepare(&case.input.server_before).await;
            let outcome = replay.play(case).await;
            let expected = if strict { &case.sdk_result_strict } else { &case.sdk_result };
            assert_eq!(outcome, *expected, "{}, strict: {strict}", case.id);
            if outcome.status.is_none() {
                replay.check_made(case).await;
                *well += 1;
            } else {
                *refused += 1;
            }
            if let Some(row) = &case.row {
                check_row(case, if strict { &row.strict } else { &row.default }, &outcome);
            }
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn its_single_calls_are_answered_as_they_were() {
    assert_eq!(replayed(OPERATIONS).await, [(70, 12), (70, 12)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn its_uploads_and_copies_are_answered_as_they_were() {
    assert_eq!(replayed(FLOWS).await, [(27, 5), (19, 13)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn its_names_of_objects_and_sources_are_understood() {
    assert_eq!(replayed(KEYS).await, [(39, 1), (39, 1)]);
}
