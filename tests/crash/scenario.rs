//! One file, one set of options, some kills, and the run that comes to its end.

use std::{
    fs,
    os::unix::{fs::PermissionsExt as _, process::ExitStatusExt as _},
    path::Path,
    process::{Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    chance::Chance,
    server::{BUCKET, Server},
};

const MIB: u64 = 1 << 20;
const MOST_PARTS: u64 = 300;

/// What is uploaded and how.
pub(crate) struct Scenario {
    name: String,
    chance: Chance,
    size: u64,
    mode: &'static str,
    concurrency: u64,
    /// Bytes per second.
    rate: u64,
    /// How often it is killed at most.
    kills: u64,
}

/// What came of it.
pub(crate) struct Outcome {
    pub(crate) kills: u64,
    pub(crate) size: u64,
    pub(crate) received: u64,
    pub(crate) resumed_parts: u64,
}

impl Scenario {
    pub(crate) fn new(seed: u64, index: u64) -> Self {
        let mut chance = Chance::new(seed, index);
        let parts = match index {
            // The ends of the range are always there.
            0 => 1,
            1 => MOST_PARTS,
            _ => parts(&mut chance),
        };
        let size = (parts - 1) * MIB + chance.whole(1, MIB);
        let seconds = chance.between(0.7, 3.0);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate"
        )]
        let rate = ((size as f64 / seconds) as u64).clamp(MIB, 60 * MIB);
        Self {
            name: format!("seed {seed}, scenario {index}"),
            size,
            mode: ["none", "managed", "kms", "customer"][usize::try_from((index + seed) % 4).unwrap()],
            concurrency: chance.whole(1, 16),
            rate,
            kills: chance.whole(1, 6),
            chance,
        }
    }

    /// Kills it, lets it end, and looks at what has become of it.
    pub(crate) fn play(mut self, server: &Server, folder: &Path) -> Outcome {
        let key = self.name.replace([' ', ','], "-");
        let source = folder.join(&key);
        fs::write(&source, bytes(self.size, &mut self.chance)).unwrap();
        let key_file = folder.join("my.key");
        write_key(&key_file);
        let customer = ["--sse-key".to_owned(), format!("file:{}", key_file.display())];
        let sse = match self.mode {
            "none" => Vec::new(),
            "managed" => vec!["--sse", "managed"],
            "kms" => vec!["--sse", "kms", "--sse-kms-key-id", "5e71f2d0", "--sse-kms-context", r#"{"a":"b"}"#],
            _ => customer.iter().map(String::as_str).collect(),
        };
        let url = format!("cos://{BUCKET}/{key}");
        let (parts_at_once, rate) = (self.concurrency.to_string(), self.rate.to_string());
        let mut put = vec!["--json", "put", source.to_str().unwrap(), &url, "--part-size", "1MiB"];
        put.extend(["--concurrency", &parts_at_once, "--limit-rate", &rate]);
        put.extend(&sse);

        let (kills, ended) = self.kill(server, &put);
        let ended = ended.unwrap_or_else(|| server.client().args(&put).output().unwrap());
        let name = format!("{} ({} MiB, {}, {kills} kills)", self.name, self.size >> 20, self.mode);
        let err = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{name}: {} {err}", ended.status);
        let receipt: Value = serde_json::from_slice(&ended.stdout).unwrap();

        assert_eq!(receipt["size"], self.size, "{name}");
        assert_eq!(receipt["sse"]["mode"], self.mode, "{name}");
        let confirmed =
            receipt["verified"].as_array().unwrap().iter().any(|check| check.as_str().unwrap().starts_with("echo:"));
        assert!(confirmed || self.mode == "none", "{name}: {receipt}");
        let read = if self.mode == "customer" { &sse[..] } else { &[] };
        let stat = server.json(&[&["stat", &url], read].concat());
        assert_eq!((&stat["sse"]["mode"], &stat["size"]), (&receipt["sse"]["mode"], &receipt["size"]), "{name}");
        let copy = folder.join(format!("{key}.copy"));
        let got = server.json(&[&["get", &url, copy.to_str().unwrap()], read].concat());
        assert_eq!(got["crc64"], receipt["crc64"], "{name}");
        assert!(fs::read(&copy).unwrap() == fs::read(&source).unwrap(), "{name}: the object is not the file");

        let received = server.received(&key);
        let in_flight = (self.concurrency * MIB).min(self.size);
        let most = self.size + kills * (in_flight + self.rate);
        assert!(received <= most, "{name}: the store received {received} bytes; allowed are {most}");
        fs::remove_file(source).unwrap();
        fs::remove_file(copy).unwrap();
        Outcome { kills, size: self.size, received, resumed_parts: receipt["resumed_parts"].as_u64().unwrap() }
    }

    /// Starts it and kills it, as often as it is to be killed. If a run ends before its kill, that is the last one.
    fn kill(&mut self, server: &Server, put: &[&str]) -> (u64, Option<Output>) {
        let mut ran = Duration::ZERO;
        for kill in 0..self.kills {
            let mut command = server.client();
            let mut child = command.args(put).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            let began = Instant::now();
            let wait = self.moment(ran);
            while began.elapsed() < wait && child.try_wait().unwrap().is_none() {
                thread::sleep(Duration::from_millis(2).min(wait.saturating_sub(began.elapsed())));
            }
            child.kill().unwrap();
            let output = child.wait_with_output().unwrap();
            if output.status.signal() != Some(9) {
                return (kill, Some(output));
            }
            ran += began.elapsed();
        }
        (self.kills, None)
    }

    /// How long the next run may live: mostly anything up to its likely end, sometimes about that end, sometimes next
    /// to nothing.
    #[expect(clippy::cast_precision_loss, reason = "a guess")]
    fn moment(&mut self, ran: Duration) -> Duration {
        const AROUND: f64 = 0.25;
        let end = (self.size as f64 / self.rate as f64 - ran.as_secs_f64()).max(0.0) + AROUND;
        let seconds = match self.chance.whole(0, 9) {
            0 => self.chance.between(0.0, AROUND),
            1..=3 => self.chance.between(end - AROUND, end + AROUND),
            _ => self.chance.between(0.02, end),
        };
        Duration::from_secs_f64(seconds)
    }
}

/// Few parts as often as many.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "chance")]
fn parts(chance: &mut Chance) -> u64 {
    ((MOST_PARTS as f64).powf(chance.unit()) as u64).clamp(1, MOST_PARTS)
}

fn bytes(len: u64, chance: &mut Chance) -> Vec<u8> {
    let len = usize::try_from(len).unwrap();
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        bytes.extend_from_slice(&chance.next().to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// A key file, unless another scenario has made it; it appears whole.
fn write_key(path: &Path) {
    if !path.exists() {
        let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap()).unwrap();
        std::io::Write::write_all(&mut file, &[0x5a; 32]).unwrap();
        file.as_file().set_permissions(fs::Permissions::from_mode(0o600)).unwrap();
        file.persist(path).unwrap();
    }
}
