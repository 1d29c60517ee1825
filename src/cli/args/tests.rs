use clap::CommandFactory as _;

use super::*;

fn parse(line: &[&str]) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("sealift").chain(line.iter().copied()))
}

#[track_caller]
fn put(options: &[&str]) -> PutArgs {
    let line: Vec<&str> = ["put", "file", "cos://b-1/key"].iter().chain(options).copied().collect();
    match parse(&line).unwrap().command {
        Command::Put(args) => *args,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn refused(options: &[&str], says: &str) {
    let line: Vec<&str> = ["put", "file", "cos://b-1/key"].iter().chain(options).copied().collect();
    let error = parse(&line).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains(says), "{error}");
}

#[test]
fn the_grammar_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_teaches_by_at_least_three_examples() {
    for command in Cli::command().get_subcommands() {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(help.matches("sealift ").count() >= 3, "{}: {help}", command.get_name());
        assert!(help.lines().all(|line| line.chars().count() < 80), "{}: fits a terminal", command.get_name());
    }
}

#[test]
fn global_options_may_stand_before_and_after_the_command() {
    let before = parse(&["--json", "--quiet", "-vv", "stat", "cos://b-1/k"]).unwrap().global;
    let after = parse(&["stat", "cos://b-1/k", "--json", "--quiet", "-vv"]).unwrap().global;
    for global in [before, after] {
        assert!(global.json && global.quiet);
        assert_eq!(global.verbose, 2);
    }
}

#[test]
fn no_clobber_stands_alone_or_takes_best_effort_after_an_equals_sign() {
    assert_eq!(put(&[]).object.no_clobber, None);
    assert_eq!(put(&["--no-clobber"]).object.no_clobber, Some(NoClobber::Strict));
    assert_eq!(put(&["--no-clobber=best-effort"]).object.no_clobber, Some(NoClobber::BestEffort));
    refused(&["--no-clobber=maybe"], "maybe");
}

#[test]
fn concurrency_is_auto_or_a_sensible_number() {
    assert_eq!(put(&[]).tuning.concurrency, Concurrency::Auto);
    assert_eq!(put(&["--concurrency", "auto"]).tuning.concurrency, Concurrency::Auto);
    assert_eq!(put(&["--concurrency", "8"]).tuning.concurrency, Concurrency::Fixed(8));
    for nonsense in ["0", "-1", "1025", "70000", "many", ""] {
        refused(&[&format!("--concurrency={nonsense}")], "from 1 to 1024");
    }
}

#[test]
fn sizes_and_rates_are_read_by_their_units() {
    let args = put(&["--part-size", "16MiB", "--memory=48MiB", "--limit-rate", "20MiB/s"]).tuning;
    assert_eq!(args.part_size, Some(16 << 20));
    assert_eq!(args.memory, Some(48 << 20));
    assert_eq!(args.limit_rate, Some(20 << 20));
    refused(&["--part-size", "16 bananas"], "--part-size");
}

#[test]
fn pairs_keep_everything_after_the_first_separator() {
    let object = put(&["--meta", "a=b=c", "--meta", "d=", "--tag", "x=y", "--header", "Cache-Control: a:b "]).object;
    assert_eq!(object.meta, [("a".to_owned(), "b=c".to_owned()), ("d".to_owned(), String::new())]);
    assert_eq!(object.tag, [("x".to_owned(), "y".to_owned())]);
    assert_eq!(object.header, [("Cache-Control".to_owned(), "a:b".to_owned())]);
    refused(&["--meta", "ab"], "K=V");
    refused(&["--tag", "=b"], "is empty");
    refused(&["--header", "nocolon"], "NAME:VALUE");
}

#[test]
fn whatever_stands_for_a_key_source_is_never_quoted_by_the_parser() {
    let args = put(&["--sse-key", "MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY"]);
    assert!(args.sse.sse_key.is_some(), "the parser takes any text, so that it never has to quote it");
}

#[test]
fn which_uploads_to_abort_is_said_in_exactly_one_way() {
    let abort = |options: &[&str]| {
        parse(&[&["uploads", "abort", "cos://b-1/"], options].concat()).map(|cli| match cli.command {
            Command::Uploads(UploadsCommand::Abort(args)) => args.which,
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(abort(&["--older-than", "7d"]).unwrap().older_than, Some(std::time::Duration::from_hours(168)));
    assert_eq!(abort(&["--upload-id", "1a-b"]).unwrap().upload_id.unwrap().as_str(), "1a-b");
    assert!(abort(&["--all"]).unwrap().all);
    for wrong in [
        &[][..],
        &["--all", "--older-than", "1d"],
        &["--upload-id", "a", "--all"],
        &["--upload-id", ""],
        &["--older-than", "soon"],
        &["--older-than", "7"],
    ] {
        assert_eq!(abort(wrong).unwrap_err().exit_code(), 2, "{wrong:?}");
    }
}

#[test]
fn no_resume_goes_with_nothing_that_a_journal_is_needed_for() {
    assert!(put(&["--restart", "--state-dir", "d"]).resume.restart);
    assert!(put(&["--no-resume"]).resume.no_resume);
    assert_eq!(put(&["--on-change", "restart"]).resume.on_change, resume::WhenChanged::Restart);
    refused(&["--on-change", "ignore"], "restart");
    refused(&["--no-resume", "--restart"], "cannot be used with");
    refused(&["--no-resume", "--state-dir", "d"], "cannot be used with");
}
