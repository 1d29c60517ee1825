//! What `serve` says: at its start, of each request, of what goes wrong, and at its end.

use std::{fs, path::Path};

use super::{
    server::{client, serve},
    shell::{bare, run, signal},
};

/// Ends a server, and gives its exit code, what it printed, and what it said.
async fn end(child: tokio::process::Child) -> (Option<i32>, String, String) {
    signal(&child, rustix::process::Signal::TERM);
    let output = child.wait_with_output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Runs `serve` with options that it refuses.
async fn refused(data: &Path, options: &[&str]) -> (String, String) {
    let ran = run(bare(&[&["--json", "serve", "--data", data.to_str().unwrap()], options].concat())).await;
    assert_eq!(ran.code(), Some(2), "{}", ran.err);
    let error = ran.error();
    let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
    (text("message"), text("hint"))
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_and_limits_are_listed_with_their_values_for_the_dialect() {
    let ran = run(bare(&["serve", "--dialect", "s3", "--guess", "help"])).await;
    assert_eq!(ran.code(), Some(0), "{}", ran.err);
    assert!(ran.out.contains("missing_key=400:InvalidRequest") && !ran.out.contains("max_parts"), "{}", ran.out);
    let ran = run(bare(&["serve", "--limit", "help"])).await;
    assert!(ran.out.contains("min_part_size=1048576\n      a number: the least bytes"), "{}", ran.out);
    assert_eq!(run(bare(&["serve", "--limit", "max_parts=1"])).await.code(), Some(2), "--data is needed");
    let folder = tempfile::tempdir().unwrap();
    let (message, _) = refused(folder.path(), &["--guess", "wrong_key=AccessDenied"]).await;
    assert!(message.contains("STATUS:CODE, such as 403:AccessDenied"), "{message}");
    let (message, _) = refused(folder.path(), &["--limit", "max_parts=0"]).await;
    assert!(message.contains("at least 1"), "{message}");
    let (message, hint) = refused(folder.path(), &["--guess", "wrong_kee=400:X"]).await;
    assert!(message.contains("wrong_key, wrong_part_key, ") && hint.contains("--guess help"), "{message}: {hint}");
    let (_, hint) = refused(folder.path(), &["--bucket", "noappid"]).await;
    assert!(hint.contains("NAME-APPID"), "{hint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_somebody_else_and_a_transcript_in_no_folder_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.tex"), "mine").unwrap();
    let (message, hint) = refused(folder.path(), &[]).await;
    assert!(message.contains("thesis.tex") && hint.contains("empty folder"), "{message}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was put beside it");
    let (message, _) = refused(&folder.path().join("new"), &["--transcript", "/nonexistent/log"]).await;
    assert!(message.contains("the transcript /nonexistent/log"), "{message}");
    assert!(!folder.path().join("new").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_of_cos_is_reached_where_the_options_say() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("f");
    fs::write(&source, "bytes").unwrap();
    let put = async |options: &[&str], endpoint: &str, more: &[&str]| {
        let (server, settings) = serve(folder.path(), &[&["--tls"], options].concat()).await;
        let dialled = settings["SEALIFT_ENDPOINT"].strip_prefix("https://").unwrap();
        let there = ["--no-resume", "--endpoint", endpoint, "--connect-to", dialled];
        let words = ["put", source.to_str().unwrap(), "cos://examplebucket-1250000000/k"];
        let ran = run(client(&[&words[..], &there, more].concat(), &settings)).await;
        end(server).await;
        (ran.code(), ran.err)
    };
    let accelerate = "https://cos.accelerate.myqcloud.com";
    let (code, said) = put(&[], accelerate, &[]).await;
    assert!(code == Some(6) && said.contains("BucketAccelerateNotEnabled"), "{said}");
    let (code, said) = put(&["--accelerated"], accelerate, &[]).await;
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = put(&[], "https://cos-internal.ap-guangzhou.tencentcos.cn", &[]).await;
    assert_eq!(code, Some(0), "{said}");
    let (own, path) = ("https://cos.ap-guangzhou.myqcloud.com", ["--addressing", "path"]);
    let (code, said) = put(&[], own, &path).await;
    assert!(code.is_some_and(|code| code != 0) && said.contains("PathStyleDomainForbidden"), "{said}");
    let (code, said) = put(&["--old-buckets"], own, &path).await;
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = put(&["--multi-az"], own, &["--storage-class", "STANDARD"]).await;
    assert!(code.is_some_and(|code| code != 0), "{said}");
    let (code, said) = put(&["--multi-az"], own, &["--storage-class", "MAZ_STANDARD"]).await;
    assert_eq!(code, Some(0), "{said}");
    for option in ["--accelerated", "--old-buckets", "--multi-az"] {
        let (message, hint) = refused(folder.path(), &["--dialect", "s3", option]).await;
        assert!(message.starts_with(option) && hint.contains("--dialect cos"), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_never_can_strike_are_refused_and_those_that_never_did_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let (faults, source) = (folder.path().join("faults"), folder.path().join("f"));
    fs::write(&source, "bytes").unwrap();
    fs::write(&faults, r#"[{"on": "Put", "do": "reset"}, {"on": "UploadPart", "part": 0, "do": "reset"}]"#).unwrap();
    let ran = run(bare(&["serve", "--data", "unused", "--faults", faults.to_str().unwrap()])).await;
    assert!(ran.code() == Some(2) && ran.err.contains("rule 2 (reset on UploadPart) can never strike"), "{}", ran.err);
    fs::write(&faults, r#"[{"on": "Put", "do": "answer_late", "ms": 1}, {"on": "Get", "do": "reset"}]"#).unwrap();
    let options = ["-v", "--transcript", "/dev/full", "--faults", faults.to_str().unwrap(), "--region", "ap-x"];
    let (server, settings) = serve(folder.path(), &options).await;
    assert_eq!(settings["SEALIFT_REGION"], "ap-x");
    let put = ["put", source.to_str().unwrap(), "cos://examplebucket-1250000000/a%20key", "--no-resume"];
    let ran = run(client(&put, &settings)).await;
    assert_eq!(ran.code(), Some(0), "{}", ran.err);
    let (code, _, said) = end(server).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("200 (fault: answer_late)") && said.contains("Put a"), "{said}");
    assert!(said.contains("warning: these faults never struck: rule 2 (reset on Get)"), "{said}");
    assert_eq!(said.matches("the transcript lacks requests").count(), 1, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_and_json_do_as_help_says_and_a_second_store_says_that_it_waits() {
    let folder = tempfile::tempdir().unwrap();
    let (server, settings) = serve(folder.path(), &["--json"]).await;
    let data = folder.path().join("data");
    let second = run(bare(&["serve", "--data", data.to_str().unwrap()])).await;
    assert!(second.code() == Some(2) && second.err.contains("waiting two seconds"), "{}", second.err);
    let (_, printed, said) = end(server).await;
    let printed: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(printed["SEALIFT_ENDPOINT"], settings["SEALIFT_ENDPOINT"]);
    assert_eq!(said, "");
    let (server, _) = serve(folder.path(), &["--quiet"]).await;
    assert_eq!(end(server).await, (Some(0), String::new(), String::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_that_it_was_given_stand_in_the_ready_file_only() {
    use std::os::unix::fs::PermissionsExt as _;

    let given = [("COS_SECRET_ID", "AKIDgiven"), ("COS_SECRET_KEY", "a-key-of-ours"), ("COS_SESSION_TOKEN", "a-token")];
    for json in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let ready = folder.path().join("ready");
        let data = folder.path().join("data");
        let mut args = vec!["serve", "--data", data.to_str().unwrap(), "--ready-file", ready.to_str().unwrap()];
        args.extend(json.then_some("--json"));
        let mut child = bare(&args).envs(given).spawn().unwrap();
        while !ready.exists() {
            assert!(child.try_wait().unwrap().is_none(), "the server has ended");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        let settings = fs::read_to_string(&ready).unwrap();
        assert_eq!(fs::metadata(&ready).unwrap().permissions().mode() & 0o777, 0o600);
        let (code, out, err) = end(child).await;
        assert_eq!(code, Some(0), "{err}");
        assert!(out.contains("AKIDgiven") && out.contains("SEALIFT_ENDPOINT"), "{out}");
        for (name, value) in &given[1..] {
            assert!(settings.contains(&format!("{name}={value}")), "{settings}");
            assert!(!out.contains(value) && !out.contains(name) && !err.contains(value), "{out}{err}");
        }
    }
}
