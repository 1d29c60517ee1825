use std::{
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::*;
use crate::checksum::Algorithm::Crc64Xz;
use crate::{
    sse::{CustomerKey, SseContext},
    transfer::journal::{Asked, Identity, StateDir, sample},
    wire::ObjectProperties,
};

fn open(dir: &StateDir) -> Result<FileJournal> {
    let Identity { target, source, .. } = sample::identity();
    dir.open(&target, &source.path)
}

fn place() -> (tempfile::TempDir, StateDir) {
    let dir = tempfile::tempdir().unwrap();
    let state = StateDir::at(dir.path().join("state"));
    (dir, state)
}

/// Writes bytes where the journal of the sample is looked for.
fn lay(dir: &StateDir, bytes: &[u8]) -> PathBuf {
    let mut journal = open(dir).unwrap();
    journal.append(&Record::Completing).unwrap();
    let path = journal.path().to_owned();
    drop(journal);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn write(journal: &mut FileJournal, records: &[Record]) {
    for record in records {
        journal.append(record).unwrap();
    }
    journal.sync().unwrap();
}

#[test]
fn what_was_written_is_there_the_next_time() {
    let (_dir, state) = place();
    let records = sample::records();
    for at in 0..records.len() - 1 {
        let mut journal = open(&state).unwrap();
        assert_eq!(journal.records().unwrap(), records[..at]);
        write(&mut journal, &records[at..=at]);
    }
    let mut journal = open(&state).unwrap();
    assert_eq!(journal.records().unwrap(), records[..6]);
    journal.clear().unwrap();
    write(&mut journal, &records[..1]);
    drop(journal);
    assert_eq!(open(&state).unwrap().records().unwrap(), records[..1]);
}

#[test]
fn the_file_is_for_the_owner_alone_and_goes_with_its_lock_at_the_end() {
    let (_dir, state) = place();
    let mut journal = open(&state).unwrap();
    write(&mut journal, &sample::records()[..1]);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(state.path()), 0o700);
    let files: Vec<_> = std::fs::read_dir(state.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 2);
    assert!(files.iter().all(|path| mode(path) == 0o600));
    journal.remove().unwrap();
    drop(journal);
    assert_eq!(std::fs::read_dir(state.path()).unwrap().count(), 0);
}

#[test]
fn an_upload_that_was_not_begun_leaves_nothing_behind() {
    let (_dir, state) = place();
    drop(open(&state).unwrap());
    assert_eq!(std::fs::read_dir(state.path()).unwrap().count(), 0);
}

#[test]
fn a_torn_tail_is_cut_off_and_the_next_record_is_whole() {
    let (_dir, state) = place();
    let records = sample::records();
    let whole = sample::text();
    let third = whole.match_indices('\n').nth(2).unwrap().0 + 1;
    for tail in ["", "1", &whole[third..third + 40], &whole[third..third + 100], "\0\0\0\0\n\0"] {
        let path = lay(&state, &[&whole.as_bytes()[..third], tail.as_bytes()].concat());
        let mut journal = open(&state).unwrap();
        assert_eq!(journal.records().unwrap(), records[..3], "{tail:?}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), whole[..third]);
        write(&mut journal, &records[3..]);
        drop(journal);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), whole);
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn what_cannot_be_gone_on_with_is_refused_and_not_touched() {
    let (_dir, state) = place();
    let whole = sample::text();
    let mut lines: Vec<&str> = whole.split_inclusive('\n').collect();
    let sealed =
        |text: &str| format!("{text} {:016x}\n", crate::checksum::Checksum::of(Crc64Xz, text.as_bytes()).get());
    let newer = [lines[0], &sealed(r#"2 {"moved":{}}"#)].concat();
    let twice = whole.repeat(2);
    let begun_damaged = whole.replacen("cos", "cOs", 1);
    let named_damaged = whole.replacen("1585130821", "1585130822", 1);
    lines.remove(1);
    let gap = lines.concat();
    for (text, why) in [
        (&newer, "another version"),
        (&twice, "follows the end"),
        (&begun_damaged, "damaged at its beginning"),
        (&named_damaged, "damaged at its beginning"),
        (&gap, "before the upload was open"),
    ] {
        let path = lay(&state, text.as_bytes());
        let error = open(&state).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Journal);
        assert!(error.message().contains(why) && error.message().contains(path.to_str().unwrap()), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), *text);
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn damage_behind_the_name_of_the_upload_costs_only_what_follows() {
    let (_dir, state) = place();
    let whole = sample::text();
    lay(&state, whole.replacen("\"n\":3", "\"n\":2", 1).as_bytes());
    assert_eq!(open(&state).unwrap().records().unwrap(), sample::records()[..3]);
}

#[test]
fn a_file_too_long_for_a_journal_is_refused() {
    let (_dir, state) = place();
    let path = lay(&state, b"");
    File::options().write(true).open(&path).unwrap().set_len(LONGEST + 1).unwrap();
    assert!(open(&state).unwrap_err().message().contains("too long"));
}

#[test]
fn a_full_disk_is_told_with_path_and_reason_and_nothing_is_written_after_it() {
    let (_dir, state) = place();
    let mut journal = open(&state).unwrap();
    write(&mut journal, &sample::records()[..2]);
    let good = std::mem::replace(&mut journal.file, File::options().write(true).open("/dev/full").unwrap());
    let error = journal.append(&Record::Part(sample::part(1))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Journal);
    assert!(error.message().contains("no space left on device"), "{error}");
    assert!(error.message().contains(journal.path().to_str().unwrap()), "{error}");
    assert!(error.hint().unwrap().contains("--state-dir"));
    // Room has come back, but a record is missing.
    journal.file = good;
    for outcome in [journal.append(&Record::Completing), journal.sync(), journal.clear()] {
        assert!(outcome.unwrap_err().message().contains("no space left"));
    }
    drop(journal);
    assert_eq!(open(&state).unwrap().records().unwrap(), sample::records()[..2]);
}

#[test]
fn a_journal_that_was_removed_under_way_is_noticed() {
    let (_dir, state) = place();
    let mut journal = open(&state).unwrap();
    write(&mut journal, &sample::records()[..1]);
    std::fs::remove_dir_all(state.path()).unwrap();
    journal.append(&sample::records()[1]).unwrap();
    assert!(journal.sync().unwrap_err().message().contains("was removed under way"));
    assert!(journal.sync().is_err());
}

#[test]
fn a_place_that_cannot_be_written_to_is_named() {
    let error = open(&StateDir::at("/proc/sealift")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Journal);
    assert!(error.message().contains("/proc/sealift"), "{error}");
}

#[test]
fn no_secret_is_in_any_byte_of_it() {
    const CANARY: [u8; 32] = *b"canary-canary-canary-canary-0123";
    let (_dir, state) = place();
    let sse = SseContext::customer(crate::dialect::COS, CustomerKey::from_bytes(CANARY));
    let Identity { target, source, .. } = sample::identity();
    let properties = ObjectProperties {
        meta: vec![("note".to_owned(), "metadata-canary".to_owned())],
        headers: vec![("cache-control".to_owned(), "header-canary".to_owned())],
        ..ObjectProperties::default()
    };
    let asked =
        Asked { target: &target, source: &source, sse: &sse, properties: &properties, part_size: None, checksum: None };
    let endpoint = Some("https://AKIDcanary:secret-canary@host/?q-signature=canary");
    let identity = Identity::new(&asked, sample::PART_SIZE, "nonce", 0, endpoint).unwrap();
    let mut journal = open(&state).unwrap();
    write(&mut journal, &[Record::Initiating(Box::new(identity.clone()))]);
    write(&mut journal, &sample::records()[1..6]);
    let mut all = Vec::new();
    for entry in std::fs::read_dir(state.path()).unwrap() {
        all.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    let all = String::from_utf8(all).unwrap() + &format!("{identity:?}");
    assert!(all.contains(&identity.sse.key.as_ref().unwrap().fingerprint));
    let hex = crate::transfer::journal::identity::hex(&CANARY);
    for secret in [hex.as_str(), &STANDARD.encode(CANARY), "canary", &sse.key_md5().unwrap()] {
        assert!(!all.to_ascii_lowercase().contains(&secret.to_ascii_lowercase()), "{secret}");
    }
}

/// The test runs itself again as the other process, which has this variable set.
const HOLD: &str = "SEALIFT_TEST_HOLDS_A_JOURNAL";

#[test]
fn a_second_process_is_told_whose_it_is_until_the_first_is_killed() {
    if let Some(dir) = std::env::var_os(HOLD) {
        let mut journal = open(&StateDir::at(dir)).unwrap();
        write(&mut journal, &sample::records()[..2]);
        println!("\nheld");
        std::io::stdin().read_line(&mut String::new()).unwrap();
        return;
    }
    let (_dir, state) = place();
    let name = std::thread::current().name().unwrap().to_owned();
    let mut other = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &name, "--nocapture"])
        .env(HOLD, state.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(other.stdout.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap() == "held"));
    let error = open(&state).unwrap_err();
    assert_eq!(error.kind().exit_code(), 10);
    assert_eq!(error.message(), format!("process {} is at work on this upload already", other.id()));
    let listed = state.list().unwrap();
    assert_eq!(listed[0].holder.unwrap().pid, Some(other.id()));
    other.kill().unwrap();
    other.wait().unwrap();
    assert_eq!(state.list().unwrap()[0].holder, None);
    assert_eq!(open(&state).unwrap().records().unwrap(), sample::records()[..2]);
}
