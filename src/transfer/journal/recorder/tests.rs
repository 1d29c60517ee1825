use std::sync::Mutex;

use super::*;
use crate::transfer::journal::{MemoryJournal, Standing, sample};

/// What was asked of a storage, with the moment.
type Log = Arc<Mutex<Vec<(&'static str, Instant)>>>;

/// A journal in memory that writes down what is asked of it, and fails where it is told to.
#[derive(Debug)]
struct Watched {
    inner: MemoryJournal,
    log: Log,
    fails_at: Option<&'static str>,
}

impl Watched {
    fn note(&self, what: &'static str) -> Result<()> {
        self.log.lock().unwrap().push((what, Instant::now()));
        assert_ne!(self.fails_at, Some("panic"), "told to");
        if self.fails_at == Some(what) {
            return Err(Error::new(ErrorKind::Journal, format!("cannot {what} /state/it: no space left on device"))
                .with_hint("make room"));
        }
        Ok(())
    }
}

impl Journal for Watched {
    fn records(&mut self) -> Result<Vec<Record>> {
        self.inner.records()
    }
    fn append(&mut self, record: &Record) -> Result<()> {
        self.note("append")?;
        self.inner.append(record)
    }
    fn sync(&mut self) -> Result<()> {
        self.note("sync")?;
        self.inner.sync()
    }
    fn clear(&mut self) -> Result<()> {
        self.note("clear")?;
        self.inner.clear()
    }
    fn remove(&mut self) -> Result<()> {
        self.note("remove")?;
        self.inner.remove()
    }
}

fn watched(fails_at: Option<&'static str>) -> (Box<Watched>, MemoryJournal, Log) {
    let (inner, log) = (MemoryJournal::new(), Log::default());
    (Box::new(Watched { inner: inner.clone(), log: Arc::clone(&log), fails_at }), inner, log)
}

fn names(log: &Log) -> Vec<&'static str> {
    log.lock().unwrap().iter().map(|(what, _)| *what).collect()
}

fn initiated() -> Initiated {
    let [_, Record::Initiated(initiated), ..] = sample::records() else { panic!("the sample has changed") };
    initiated
}

#[tokio::test(start_paused = true)]
async fn each_step_is_synced_before_it_returns() {
    let (journal, memory, log) = watched(None);
    let (recorder, known) = Recorder::open(journal).await.unwrap();
    assert_eq!(known, None);
    recorder.initiating(sample::identity()).await.unwrap();
    assert_eq!(names(&log), ["append", "sync"]);
    recorder.initiated(initiated()).await.unwrap();
    assert_eq!(names(&log)[2..], ["append", "sync"]);
    for number in 1..=3 {
        recorder.part(sample::part(number)).await.unwrap();
    }
    recorder.completing().await.unwrap();
    assert_eq!(names(&log)[4..], ["append", "append", "append", "append", "sync"]);
    assert_eq!(memory.known().unwrap().unwrap().stage, Standing::Completing);
    recorder.completed().await.unwrap();
    assert_eq!(names(&log)[9..], ["append", "sync", "remove"]);
    assert_eq!(memory.known().unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_part_is_written_at_once_and_synced_within_a_second() {
    let (journal, memory, log) = watched(None);
    let (recorder, _) = Recorder::open(journal).await.unwrap();
    recorder.initiating(sample::identity()).await.unwrap();
    recorder.initiated(initiated()).await.unwrap();
    log.lock().unwrap().clear();
    let start = Instant::now();
    // A steady stream of parts must not put off the sync for ever.
    for tenth in 0..40 {
        recorder.part(sample::part(1)).await.unwrap();
        tokio::time::sleep_until(start + Duration::from_millis(100) * (tenth + 1)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let log = log.lock().unwrap();
    let mut waiting: Option<Instant> = None;
    for (what, at) in log.iter() {
        if *what == "append" {
            waiting.get_or_insert(*at);
        } else {
            let since = waiting.take().expect("a sync without a part before it");
            assert!(at.duration_since(since) <= Duration::from_secs(1), "{log:?}");
        }
    }
    assert_eq!(waiting, None);
    assert_eq!(log.iter().filter(|(what, _)| *what == "append").count(), 40);
    let syncs = log.iter().filter(|(what, _)| *what == "sync").count();
    assert!((4..=9).contains(&syncs), "{syncs} syncs in four seconds are no groups");
    assert_eq!(memory.known().unwrap().unwrap().parts.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn closing_makes_safe_what_was_handed_over_and_the_next_run_knows_it() {
    let (journal, memory, log) = watched(None);
    let (recorder, _) = Recorder::open(journal).await.unwrap();
    recorder.initiating(sample::identity()).await.unwrap();
    recorder.initiated(initiated()).await.unwrap();
    recorder.part(sample::part(2)).await.unwrap();
    recorder.close().await.unwrap();
    assert_eq!(names(&log).last(), Some(&"sync"));
    let (_recorder, known) = Recorder::open(Box::new(memory)).await.unwrap();
    assert_eq!(known.unwrap().parts.values().collect::<Vec<_>>(), [&sample::part(2)]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_to_everyone_with_its_reason() {
    for step in ["append", "sync"] {
        let (journal, ..) = watched(Some(step));
        let (recorder, _) = Recorder::open(journal).await.unwrap();
        let first = recorder.initiating(sample::identity()).await.unwrap_err();
        let later = [
            recorder.initiated(initiated()).await.unwrap_err(),
            recorder.part(sample::part(1)).await.unwrap_err(),
            recorder.close().await.unwrap_err(),
        ];
        for error in later.iter().chain([&first]) {
            assert_eq!(error.kind(), ErrorKind::Journal);
            assert_eq!(error.message(), format!("cannot {step} /state/it: no space left on device"));
            assert_eq!(error.hint(), Some("make room"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_behind_a_part_shows_at_a_later_one() {
    let (mut journal, memory, log) = watched(None);
    for record in &sample::records()[..2] {
        memory.clone().append(record).unwrap();
    }
    journal.fails_at = Some("sync");
    let (recorder, known) = Recorder::open(journal).await.unwrap();
    assert_eq!(known.unwrap().stage, Standing::Open);
    recorder.part(sample::part(1)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(names(&log), ["append", "sync"]);
    let error = recorder.part(sample::part(2)).await.unwrap_err();
    assert!(error.message().contains("no space left"), "{error}");
    assert_eq!(names(&log), ["append", "sync"]);
}

#[tokio::test(start_paused = true)]
async fn a_storage_that_panics_is_a_failure_and_no_hang() {
    let (journal, ..) = watched(Some("panic"));
    let (recorder, _) = Recorder::open(journal).await.unwrap();
    for _ in 0..2 {
        let error = recorder.initiating(sample::identity()).await.unwrap_err();
        assert_eq!(error.message(), "the storage of the journal panicked");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_over_is_forgotten_and_what_contradicts_itself_refused() {
    for count in [1, 2, 5, 6] {
        let mut memory = MemoryJournal::new();
        for record in &sample::records()[..count] {
            memory.append(record).unwrap();
        }
        memory.append(&Record::Ended { why: "aborted".to_owned() }).unwrap();
        let (_recorder, known) = Recorder::open(Box::new(memory.clone())).await.unwrap();
        assert_eq!((known, memory.known().unwrap()), (None, None));
    }
    let mut memory = MemoryJournal::new();
    memory.append(&Record::Completing).unwrap();
    assert_eq!(Recorder::open(Box::new(memory)).await.unwrap_err().kind(), ErrorKind::Journal);
}

#[tokio::test(start_paused = true)]
async fn another_upload_begins_in_the_place_of_one_that_is_gone() {
    let (journal, memory, log) = watched(None);
    let (recorder, _) = Recorder::open(journal).await.unwrap();
    recorder.initiating(sample::identity()).await.unwrap();
    recorder.initiated(initiated()).await.unwrap();
    recorder.start_anew().await.unwrap();
    assert_eq!(names(&log)[4..], ["clear", "sync"]);
    let second = Identity { nonce: "second".into(), ..sample::identity() };
    recorder.initiating(second.clone()).await.unwrap();
    assert_eq!(memory.known().unwrap().unwrap().identity, second);
    recorder.ended("the store refused it").await.unwrap();
    assert_eq!(memory.known().unwrap(), None);
}
