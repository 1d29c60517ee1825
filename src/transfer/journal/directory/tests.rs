use std::{fs::Permissions, os::unix::fs::PermissionsExt as _};

use super::*;
use crate::transfer::journal::{Identity, Journal as _, Standing, sample};

fn target(key: &str) -> Target {
    Target { key: key.to_owned(), ..sample::identity().target }
}

#[test]
fn the_usual_place_follows_the_environment() {
    let place = |variables: &[(&str, &str)]| {
        StateDir::from_environment(|name| {
            variables.iter().find(|(it, _)| *it == name).map(|(_, value)| OsString::from(value))
        })
        .map(|dir| dir.path().to_str().unwrap().to_owned())
    };
    assert_eq!(place(&[("XDG_STATE_HOME", "/x"), ("HOME", "/h")]).unwrap(), "/x/sealift");
    assert_eq!(place(&[("HOME", "/h")]).unwrap(), "/h/.local/state/sealift");
    assert_eq!(place(&[("XDG_STATE_HOME", "x"), ("HOME", "/h")]).unwrap(), "/h/.local/state/sealift");
    assert_eq!(place(&[("XDG_STATE_HOME", ""), ("HOME", "/h")]).unwrap(), "/h/.local/state/sealift");
    for nothing in [&[][..], &[("HOME", "")], &[("HOME", "relative")]] {
        assert_eq!(place(nothing).unwrap_err().kind(), ErrorKind::Journal);
    }
}

#[test]
fn each_object_and_source_has_its_own_file_and_no_name_leads_out() {
    let one = target("a");
    let names = [
        file_name(&one, Path::new("/f")),
        file_name(&one, Path::new("/g")),
        file_name(&target("b"), Path::new("/f")),
        file_name(&target("../../etc/passwd"), Path::new("/f")),
        file_name(&Target { store: "s3".into(), ..one.clone() }, Path::new("/f")),
        file_name(&Target { bucket: "other-1250000000".into(), ..one.clone() }, Path::new("/f")),
        file_name(&Target { realm: Some("store.example".into()), ..one.clone() }, Path::new("/f")),
        file_name(&Target { realm: Some("store.example:9000".into()), ..one.clone() }, Path::new("/f")),
    ];
    let different: std::collections::BTreeSet<_> = names.iter().collect();
    assert_eq!(different.len(), names.len());
    assert!(names.iter().all(|name| name.len() == 32 + ".journal".len() && !name.contains('/')));
    assert_eq!(file_name(&one, Path::new("/f")), names[0]);
}

#[test]
fn the_name_of_a_journal_is_what_it_always_was() {
    assert_eq!(file_name(&target("a"), Path::new("/f")), "2eba6ef6a3b05cba3143f79da92523bd.journal");
}

#[test]
fn a_journal_of_before_is_found_by_its_own_store_alone() {
    let dir = tempfile::tempdir().unwrap();
    let state = StateDir::at(dir.path());
    let source = sample::identity().source.path;
    let at = |realm: &str| Target { store: "s3".into(), realm: Some(realm.into()), ..target("a") };
    let before = Target { realm: None, ..at("") };
    let endpoint = format!("https://{}.store.example:9000", before.bucket);
    let identity = Identity { target: before.clone(), endpoint: Some(endpoint), ..sample::identity() };
    let mut journal = state.open(&before, &source).unwrap();
    journal.append(&super::super::Record::Initiating(Box::new(identity))).unwrap();
    let path = journal.path().to_owned();
    drop(journal);
    assert_eq!(state.open(&at("store.example:9000"), &source).unwrap().path(), path);
    for other in ["store.example", "other.example:9000"] {
        let found = state.open(&at(other), &source).unwrap().path().to_owned();
        assert_eq!(found.file_name().unwrap().to_str().unwrap(), file_name(&at(other), &source));
    }
}

#[test]
fn a_relative_source_has_the_journal_of_its_absolute_path() {
    let dir = tempfile::tempdir().unwrap();
    let state = StateDir::at(dir.path());
    let absolute = std::env::current_dir().unwrap().join("some.tar");
    let path = state.open(&target("a"), Path::new("some.tar")).unwrap().path().to_owned();
    assert_eq!(state.open(&target("a"), &absolute).unwrap().path(), path);
}

#[test]
fn a_stream_has_one_journal_wherever_it_is_begun_and_a_file_of_that_name_another() {
    let dir = tempfile::tempdir().unwrap();
    let state = StateDir::at(dir.path());
    let of = |source: &Path| state.open(&target("a"), source).unwrap().path().to_owned();
    let stream = of(Path::new(STREAM));
    assert_eq!(stream.file_name().unwrap().to_str().unwrap(), file_name(&target("a"), Path::new("-")));
    assert_ne!(stream, of(Path::new("./-")));
    assert_ne!(stream, of(&std::env::current_dir().unwrap().join("-")));
}

#[test]
fn a_directory_that_is_not_there_is_an_empty_list() {
    let dir = tempfile::tempdir().unwrap();
    assert!(StateDir::at(dir.path().join("none")).list().unwrap().is_empty());
    assert!(!dir.path().join("none").exists());
}

#[test]
fn the_list_tells_what_is_known_and_leaves_everything_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let state = StateDir::at(dir.path());
    let source = sample::identity().source.path;
    let begin = |key: &str, count: usize| {
        let mut journal = state.open(&target(key), &source).unwrap();
        let identity = Identity { target: target(key), ..sample::identity() };
        journal.append(&super::super::Record::Initiating(Box::new(identity))).unwrap();
        for record in &sample::records()[1..count] {
            journal.append(record).unwrap();
        }
        journal
    };
    drop(begin("idle", 4));
    let held = begin("held", 2);
    let torn = begin("torn", 3).path().to_owned();
    let cut = fs::metadata(&torn).unwrap().len() - 9;
    fs::File::options().write(true).open(&torn).unwrap().set_len(cut).unwrap();
    let broken = begin("broken", 4).path().to_owned();
    let mut bytes = fs::read(&broken).unwrap();
    bytes[5] ^= 1;
    fs::write(&broken, &bytes).unwrap();
    fs::write(dir.path().join("notes.txt"), "mine").unwrap();

    let listed = state.list().unwrap();
    assert_eq!(listed.len(), 5);
    for journal in &listed {
        let Ok(known) = &journal.known else {
            let unusable = journal.path == broken || journal.path.ends_with("notes.txt");
            assert!(unusable, "{journal:?}");
            continue;
        };
        let known = known.as_ref().unwrap();
        assert_eq!(known.stage, Standing::Open);
        assert!(known.upload.is_some());
        let (key, parts) = (known.identity.target.key.as_str(), known.parts.len());
        assert_eq!(journal.holder.is_some(), key == "held", "{key}");
        match key {
            "idle" => assert_eq!((parts, known.bytes()), (2, sample::PART_SIZE + 5)),
            "held" | "torn" => assert_eq!((parts, known.bytes()), (0, 0)),
            _ => panic!("{key} was not begun"),
        }
    }
    assert_eq!(listed.iter().filter(|journal| journal.known.is_err()).count(), 2);
    assert_eq!(fs::metadata(&torn).unwrap().len(), cut);
    assert_eq!(fs::read(&broken).unwrap(), bytes);
    assert_eq!(fs::read_to_string(dir.path().join("notes.txt")).unwrap(), "mine");

    let of_held = listed.iter().find(|journal| journal.holder.is_some()).unwrap();
    assert_eq!(state.open_listed(of_held).unwrap_err().kind(), ErrorKind::Journal);
    drop(held);
    let mut ended = state.open_listed(of_held).unwrap();
    ended.remove().unwrap();
    drop(ended);
    assert_eq!(state.list().unwrap().len(), 4);
}

#[test]
fn a_journal_that_was_removed_under_a_living_process_is_listed_with_its_holder() {
    let dir = tempfile::tempdir().unwrap();
    let state = StateDir::at(dir.path());
    let mut held = state.open(&target("a"), Path::new("/f")).unwrap();
    held.append(&sample::records()[0]).unwrap();
    fs::remove_file(held.path()).unwrap();
    let dead = dir.path().join("0123456789abcdef0123456789abcdef.lock");
    fs::write(&dead, "4194303\n").unwrap();
    fs::set_permissions(&dead, Permissions::from_mode(0o600)).unwrap();
    fs::write(dir.path().join("Cargo.lock"), "mine").unwrap();

    let listed = state.list().unwrap();
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(listed[0].holder.unwrap().pid, Some(std::process::id()));
    let error = listed[0].known.as_ref().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Journal);
    assert!(error.message().contains(&std::process::id().to_string()), "{error}");
    drop(held);
    assert!(state.list().unwrap().is_empty());
}
