//! Any sequence of faults, stops and changes of the file, with the same request again and again: it ends, with the file
//! as it then is in the store and nothing else.

use std::fs;

use sealift::{
    emulator::{FaultPlan, Rule},
    error::ErrorKind,
    transfer::{Concurrency, Uploader, UploaderOptions, journal::StateDir},
    wire::Abort,
};

use crate::{
    support::{key, pattern},
    upload::{
        model::{Dice, TROUBLE, Verb},
        rig::{KEY, MIB, Rig, modes, none},
    },
};

/// What ends a run without ending the upload.
const STOPS: [(&str, Verb); 6] = [
    ("UploadPart", |rule: Rule| rule.answer(403, "AccessDenied")),
    ("UploadPart", |rule: Rule| rule.answer(403, "ExpiredToken")),
    ("Complete", |rule: Rule| rule.answer(403, "AccessDenied")),
    ("ListParts", |rule: Rule| rule.answer(403, "AccessDenied")),
    ("Head", |rule: Rule| rule.answer(403, "AccessDenied")),
    ("Abort", |rule: Rule| rule.answer(403, "AccessDenied")),
];

/// How a run is disturbed.
fn faults(dice: &mut Dice) -> FaultPlan {
    let mut faults = FaultPlan::new();
    for _ in 0..dice.below(3) {
        let (operation, verb) = if dice.below(2) == 0 { dice.pick(&STOPS) } else { dice.pick(&TROUBLE) };
        let mut rule = faults.on(operation).times(1 + u32::try_from(dice.below(2)).unwrap());
        if operation == "UploadPart" {
            rule = rule.part(1 + u16::try_from(dice.below(6)).unwrap());
        }
        faults = verb(rule);
    }
    faults
}

async fn try_seed(seed: u64) {
    let mut dice = Dice(seed);
    let mut rig = Rig::new(dice.pick(&[MIB, MIB + 1, 4 * MIB + 5, 6 * MIB])).await;
    let sse = dice.pick(&modes());
    let state = StateDir::at(rig.store.dir.path().join("state"));
    let mut options = UploaderOptions::default();
    options.memory = 1 << 20;
    let uploader = Uploader::new(options).unwrap();
    let mut story = format!("seed {seed}: {:?}", sse.mode());
    for run in 0..5 {
        // The last run is left alone, and has to succeed.
        let plan = if run < 4 { faults(&mut dice) } else { FaultPlan::new() };
        let disturbance = if run < 4 { dice.below(8) } else { 7 };
        let concurrency = dice.pick(&[Concurrency::Auto, Concurrency::Fixed(1), Concurrency::Fixed(4)]);
        story = format!("{story}\n{run}: {plan:?} {disturbance} {concurrency:?}");
        rig.store.emulator.set_faults(FaultPlan::new());
        match disturbance {
            0 => {
                rig.content = pattern(dice.pick(&[MIB + 1, 4 * MIB + 5, 6 * MIB]), dice.below(3) as u64);
                fs::write(rig.file(), &rig.content).unwrap();
            }
            1 => {
                for left in rig.uploads().await {
                    rig.client.send(&Abort { key: key(KEY), upload_id: left.upload_id }, &none()).await.unwrap();
                }
            }
            _ => {}
        }
        rig.store.emulator.set_faults(plan);
        let request = rig.request().sse(sse.clone()).journal(state.clone()).concurrency(concurrency);
        let upload = uploader.upload(request.restart(disturbance == 2));
        if let 3 | 4 = disturbance {
            let after = u32::try_from(dice.below(5)).unwrap();
            let _ = upload.progress().wait_for(|now| now.parts_done >= after).await;
            if disturbance == 3 { upload.pause() } else { upload.cancel() }
        }
        let outcome = upload.await;
        rig.store.emulator.set_faults(FaultPlan::new());
        let journals = state.list().unwrap();
        let open: Vec<_> = journals
            .iter()
            .map(|it| it.known.as_ref().unwrap_or_else(|error| panic!("{story}\n{error:?}")).as_ref())
            .filter_map(|known| known?.upload.clone())
            .collect();
        for left in rig.uploads().await {
            // An upload whose Initiate was answered too late, or not at all, is in no journal by its name.
            let lost = rig.seen("Initiate").iter().any(|it| it.fault.is_some());
            assert!(lost || open.iter().any(|it| it.upload_id == left.upload_id), "{left:?} is unknown\n{story}");
        }
        match outcome {
            Ok(receipt) => {
                assert!(rig.read(&sse).await.unwrap() == rig.content, "{story}\n{receipt:?}");
                assert!(journals.is_empty(), "{story}\n{journals:?}");
            }
            Err(error) => {
                assert!(run < 4, "{error:?}\n{story}");
                assert_ne!(error.kind(), ErrorKind::Internal, "{error:?}\n{story}");
                assert!(!error.is_resumable() || !open.is_empty(), "{error:?}\n{story}");
            }
        }
    }
    assert_eq!(rig.unfinished().await, 0, "{story}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_the_same_request_ends_well_and_leaves_nothing() {
    futures::future::join_all((1..=24).map(try_seed)).await;
}
