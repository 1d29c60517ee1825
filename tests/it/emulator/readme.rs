//! What the README says of the store, compared with the store.

use std::collections::HashMap;

use sealift::emulator::{FaultPlan, Guesses};

const README: &str = include_str!("../../../README.md");

/// The cells of the table of guesses, by the question.
fn guesses() -> HashMap<&'static str, (&'static str, &'static str)> {
    let table = README.split("| question | as COS | as S3 | `--guess` |\n|---|---|---|---|\n").nth(1).unwrap();
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    rows.map(|row| match row.split('|').map(str::trim).collect::<Vec<_>>()[..] {
        ["", question, cos, s3, switches, ""] => {
            for switch in switches.split(", ") {
                let name = format!("  {}=", switch.trim_matches('`'));
                assert!(Guesses::default().help().contains(&name), "{switch} is no guess");
            }
            (question, (cos, s3))
        }
        _ => panic!("not four cells: {row}"),
    })
    .collect()
}

/// Status and code of a refusal.
type Code = (u16, String);
/// One of the guesses.
type Guess = fn(&Guesses) -> &Code;

fn said((status, code): &Code) -> String {
    format!("{status} `{code}`")
}

#[test]
fn its_table_of_guesses_is_what_the_store_guesses() {
    let (cos, s3, told) = (Guesses::default(), Guesses::s3(), guesses());
    let codes: [(&str, Guess, bool); 14] = [
        ("a customer key that is not the object's", |it| &it.wrong_key, true),
        ("a customer key that is not the upload's", |it| &it.wrong_part_key, true),
        ("no customer key where one is needed", |it| &it.missing_key, true),
        ("a malformed customer key or MD5 (COS: or algorithm)", |it| &it.malformed_key, true),
        ("a customer key where the object or upload has none", |it| &it.needless_key, true),
        ("a customer key over plain HTTP", |it| &it.key_over_http, true),
        ("a bucket at the host name of another region", |it| &it.other_region, false),
        ("the object exists and must not be overwritten", |it| &it.exists, false),
        ("gaps in the part numbers at Complete", |it| &it.gap, false),
        (
            "a request without a valid `Host`, or with a header or parameter more than once",
            |it| &it.malformed_request,
            true,
        ),
        ("an `Expect` that is not `100-continue`", |it| &it.other_expectation, true),
        ("the bytes of an archived object, for GET or a copy", |it| &it.archived, true),
        ("conditions of a copy that exclude each other", |it| &it.mixed_conditions, false),
        ("a GET of `.apk` and `.ipa` at COS's own host names", |it| &it.download_forbidden, false),
    ];
    for (question, guess, both) in codes {
        assert_eq!(told[question].0, said(guess(&cos)), "{question}, as COS");
        if both {
            assert_eq!(told[question].1, said(guess(&s3)), "{question}, as S3");
        }
    }
    assert_eq!(told["the mode `SM4`"].0, if cos.takes_sm4 { "taken" } else { "400 `SSEContentNotSupported`" });
    assert_eq!(told["Complete needs the customer key, or a Content-MD5"].0, "no, no");
    assert!(!cos.complete_needs_key && !cos.complete_needs_md5);
    assert_eq!(told["UploadPartCopy needs the customer key of its upload"], ("yes", "yes"));
    assert!(cos.part_copy_needs_key && s3.part_copy_needs_key);
    let surplus = told.keys().find(|question| question.starts_with("an encryption mode on UploadPart")).unwrap();
    assert_eq!(told[surplus].0, "taken, unless strict");
    assert!(cos.part_takes_mode && cos.initiate_takes_source_key && cos.complete_takes_key);
    let names = told["lists say that names are encoded by the element, and write a space as"];
    for ((cell, guesses), space) in [(names.0, &cos), (names.1, &s3)].into_iter().zip(["%20"; 2]) {
        assert_eq!(cell, format!("`{}`, `{space}`", guesses.encoding_element));
        assert!(!guesses.plus_for_space);
    }
}

#[test]
fn its_faults_and_its_switch_are_understood() {
    let faults = README.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    FaultPlan::from_json(faults).unwrap();
    let mut guesses = Guesses::default();
    let switch = README.split("`--guess ").nth(1).and_then(|rest| rest.split('`').next()).unwrap();
    guesses.set(switch).unwrap();
    assert_ne!(guesses, Guesses::default());
}
