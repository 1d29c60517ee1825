//! `uploads list`: age, parts, bytes, and who can go on.

use serde_json::{Value, json};

use super::{
    Place, Scope,
    journals::{Told, process},
    survey::{Open, Survey},
    until_stopped,
};
use crate::{
    cli::{
        args::ListArgs,
        console::{Console, one_line},
        report::row,
        units::{show_age, show_size},
    },
    error::Result,
    ident::UploadId,
};

/// Shows what is unfinished.
pub(super) fn run(args: &ListArgs, console: &Console) -> Result<()> {
    let Place { scope, client, journals, sse } = Place::new(&args.url, &args.key, &args.place, &args.store, console)?;
    let (clocks, keyed) = (client.clone(), sse.is_customer());
    let survey = until_stopped(Survey::take(client, sse, scope.clone(), journals, None), console)?;
    // The store has written when each upload was begun, by its own clock.
    let now = clocks.store_time().unwrap_or_else(|| clocks.clock().unix_seconds());
    warn(&survey, console);
    if let Some(why) = &survey.silent {
        let remedy = match (survey.wants_key, keyed) {
            (true, false) => "; if they are under a customer key, name it with --sse-key",
            (true, true) => "; they may be under another customer key",
            (false, _) => "",
        };
        console.warn(&format!("the parts of some uploads are not known: {why}{remedy}"));
    }
    if console.json() {
        return console.value(&as_json(&survey, &scope, now));
    }
    for open in &survey.uploads {
        console.data(block(open, &survey, &scope, now).as_bytes())?;
    }
    for told in left(&survey) {
        console.data(leftover(told, &scope).as_bytes())?;
    }
    console.note(&sum(&survey));
    Ok(())
}

/// What a reader should know before trusting the list.
pub(super) fn warn(survey: &Survey, console: &Console) {
    if survey.cut {
        console.warn(&format!(
            "the store has more than the {} uploads that were looked at; ask for fewer keys at once",
            survey.uploads.len()
        ));
    }
    for why in &survey.journals.unreadable {
        console.warn(why);
    }
}

fn left(survey: &Survey) -> impl Iterator<Item = &Told> {
    survey.left.iter().filter_map(|at| survey.journals.known.get(*at))
}

fn as_json(survey: &Survey, scope: &Scope, now: u64) -> Value {
    let upload = |open: &Open| {
        let Open { upload, content, .. } = open;
        let owner = survey.journals.owner(&upload.key, &upload.upload_id, open.began());
        json!({
            "url": scope.url_of(&upload.key),
            "upload_id": upload.upload_id.as_str(),
            "initiated": Some(&upload.initiated).filter(|text| !text.is_empty()),
            "age_seconds": open.age(now).map(|age| age.as_secs()),
            "parts": content.map(|content| content.parts),
            "bytes": content.map(|content| content.bytes),
            "storage_class": upload.storage_class,
            "journal": owner.as_json(),
        })
    };
    json!({
        "url": scope.url.to_string(),
        "uploads": survey.uploads.iter().map(upload).collect::<Vec<_>>(),
        "journals": left(survey).map(Told::as_leftover).collect::<Vec<_>>(),
        "truncated": survey.cut,
    })
}

/// The lines of one upload.
fn block(open: &Open, survey: &Survey, scope: &Scope, now: u64) -> String {
    let Open { upload, content, .. } = open;
    let owner = survey.journals.owner(&upload.key, &upload.upload_id, open.began());
    let mut text = format!("{}\n", one_line(&scope.url_of(&upload.key)));
    let mut line = |name: &str, value: &str| row(&mut text, name, &one_line(value));
    line("upload", upload.upload_id.as_str());
    match open.age(now) {
        Some(age) => line("age", &format!("{}, since {}", show_age(age), upload.initiated)),
        None => line("age", &format!("not known: the store says {:?}", upload.initiated)),
    }
    match (content, owner.confirmed()) {
        (Some(content), _) => line("parts", &format!("{}, {}", content.parts, show_size(content.bytes))),
        (None, Some((parts, bytes))) => {
            line("parts", &format!("at least {parts}, {}, by the journal here", show_size(bytes)));
        }
        (None, None) => line("parts", "not known"),
    }
    line("journal", &owner.in_words());
    text
}

/// The lines of a journal whose upload the store has not.
fn leftover(told: &Told, scope: &Scope) -> String {
    let mut text = format!("{}\n", one_line(&scope.url_of(&told.known.identity.target.key)));
    let mut line = |name: &str, value: &str| row(&mut text, name, &one_line(value));
    line("upload", told.upload_id().map_or("none that is known", UploadId::as_str));
    let state = match told.file.holder {
        Some(holder) => format!("{} is at work on {}", process(holder), told.source_in_words()),
        None if told.is_stream() => {
            "the store has no such upload (any more); the next stream to this key settles it".to_owned()
        }
        None => {
            format!("the store has no such upload (any more); the same `put` of {} settles it", told.source_in_words())
        }
    };
    line("journal", &state);
    text
}

fn sum(survey: &Survey) -> String {
    let known = survey.uploads.iter().filter_map(|open| open.content);
    let bytes = show_size(known.clone().fold(0, |sum: u64, it| sum.saturating_add(it.bytes)));
    let (all, counted) = (survey.uploads.len(), known.count());
    let size = match all - counted {
        0 => bytes,
        unknown if unknown == all => "bytes not known".to_owned(),
        unknown => format!("{bytes} in {counted} of them, the bytes of {unknown} not known"),
    };
    match all {
        0 => "no unfinished uploads".to_owned(),
        1 => format!("1 unfinished upload, {size}"),
        count => format!("{count} unfinished uploads, {size}"),
    }
}
