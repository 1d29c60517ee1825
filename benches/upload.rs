//! What an upload costs the client alone: bytes per second, CPU seconds per GiB and peak memory.
//!
//! ```text
//! cargo bench --bench upload -- --size 4096 --sse none,customer --runs 5
//! ```
//!
//! Three kinds of process take part, all of this one binary: the first prepares a file and reads the results; a *sink*
//! stands for the store, takes every byte, checks nothing but answers as a store would; and each measured upload is a
//! *client* of its own, so that its CPU time and its peak memory are its alone. The file is in the page cache.
//!
//! A sink and not the emulator, because the emulator encrypts and writes, and would take the CPU that the client needs
//! to show its speed.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench prints its results")]

#[path = "upload/client.rs"]
mod client;
#[path = "upload/sink.rs"]
mod sink;

use std::{
    error::Error,
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use clap::{Parser, ValueEnum};
use serde::{Deserialize, Serialize};

/// What goes wrong in a bench is told and ends it.
type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

const MIB: u64 = 1 << 20;

#[derive(Debug, Parser)]
#[command(about = "A loopback upload: bytes per second, CPU seconds per GiB and peak memory of the client alone")]
struct Arguments {
    /// Size of the file in MiB
    #[arg(long, env = "SEALIFT_BENCH_SIZE", default_value_t = 1024)]
    size: u64,
    /// Part size in MiB
    #[arg(long, env = "SEALIFT_BENCH_PART_SIZE", default_value_t = 16)]
    part_size: u64,
    /// Parts at a time; 0 leaves it to the client
    #[arg(long, env = "SEALIFT_BENCH_CONNECTIONS", default_value_t = 8)]
    connections: u16,
    /// Modes of encryption
    #[arg(long, env = "SEALIFT_BENCH_SSE", value_delimiter = ',', default_value = "customer")]
    sse: Vec<Mode>,
    /// Over what
    #[arg(long, env = "SEALIFT_BENCH_OVER", value_delimiter = ',', default_value = "http,https")]
    over: Vec<Scheme>,
    /// How often each case runs; the table shows medians
    #[arg(long, env = "SEALIFT_BENCH_RUNS", default_value_t = 3)]
    runs: usize,
    /// Be the store
    #[arg(long, hide = true)]
    sink: bool,
    /// Be the client of the store at this address
    #[arg(long, hide = true)]
    client: Option<String>,
    #[arg(long, hide = true)]
    file: Option<PathBuf>,
    #[arg(long, hide = true)]
    ca_cert: Option<PathBuf>,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
    /// Given by `cargo test`, which asks only whether it runs
    #[arg(long, hide = true)]
    test: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    None,
    Managed,
    Kms,
    Customer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Scheme {
    Http,
    Https,
}

/// What one client measured of itself.
#[derive(Debug, Deserialize, Serialize)]
struct Measured {
    seconds: f64,
    user: f64,
    system: f64,
    /// The most memory it ever held, in KiB.
    peak_kib: u64,
    parts: u32,
    retries: u64,
}

fn main() -> Outcome {
    let arguments = Arguments::parse();
    if arguments.sink {
        return sink::serve(arguments.over.contains(&Scheme::Https));
    }
    if let Some(endpoint) = &arguments.client {
        let measured = client::measure(endpoint, &arguments)?;
        println!("{}", serde_json::to_string(&measured)?);
        return Ok(());
    }
    if arguments.test || !arguments.bench {
        eprintln!("measures under `cargo bench --bench upload`");
        return Ok(());
    }
    compare(&arguments)
}

/// Runs every case and prints the table.
fn compare(arguments: &Arguments) -> Outcome {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let file = folder.path().join("source");
    write_source(&file, arguments.size * MIB)?;
    println!(
        "{} MiB, parts of {} MiB, {} at a time, medians of {} runs\n",
        arguments.size, arguments.part_size, arguments.connections, arguments.runs
    );
    println!(
        "{:<8} {:<10} {:>8} {:>12} {:>7} {:>7} {:>10}",
        "over", "sse", "MiB/s", "CPU s/GiB", "user", "system", "RSS MiB"
    );
    for &over in &arguments.over {
        let store = Store::start(over)?;
        for &sse in &arguments.sse {
            let mut runs = Vec::new();
            for _ in 0..arguments.runs.max(1) {
                runs.push(store.upload(&file, sse, arguments)?);
            }
            print_case(over, sse, arguments.size, &runs)?;
        }
    }
    Ok(())
}

fn print_case(over: Scheme, sse: Mode, size: u64, runs: &[Measured]) -> Outcome {
    if let Some(odd) = runs.iter().find(|it| it.retries > 0) {
        return Err(format!("a run was not undisturbed: {odd:?}").into());
    }
    let mib = f64::from(u32::try_from(size)?);
    let per_gib = 1024.0 / mib;
    let median = |of: fn(&Measured) -> f64| {
        let mut values = runs.iter().map(of).collect::<Vec<_>>();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let peak_kib = runs.iter().map(|it| it.peak_kib).max().unwrap_or(0);
    println!(
        "{:<8} {:<10} {:>8.0} {:>12.2} {:>7.2} {:>7.2} {:>10.1}",
        name(&over),
        name(&sse),
        mib / median(|it| it.seconds),
        per_gib * median(|it| it.user + it.system),
        per_gib * median(|it| it.user),
        per_gib * median(|it| it.system),
        f64::from(u32::try_from(peak_kib)?) / 1024.0,
    );
    Ok(())
}

fn name(value: &impl ValueEnum) -> String {
    value.to_possible_value().map(|it| it.get_name().to_owned()).unwrap_or_default()
}

/// Bytes that nothing on the way can shorten.
fn write_source(path: &Path, size: u64) -> Outcome {
    let mut block = vec![0; usize::try_from(MIB)?];
    getrandom::fill(&mut block)?;
    let mut file = File::create_new(path)?;
    for number in 0..size / MIB {
        block[..8].copy_from_slice(&number.to_le_bytes());
        file.write_all(&block)?;
    }
    Ok(())
}

/// A sink in a process of its own. It ends when its standard input does, and so never outlives this process.
struct Store {
    process: Child,
    endpoint: String,
    ca_cert: Option<PathBuf>,
}

impl Store {
    fn start(over: Scheme) -> Outcome<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["--sink", "--over", &name(&over)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().ok_or("the sink has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let sink::Ready { endpoint, ca_cert } = serde_json::from_str(&line)?;
        Ok(Self { process, endpoint, ca_cert })
    }

    /// One upload in a process of its own.
    fn upload(&self, file: &Path, sse: Mode, arguments: &Arguments) -> Outcome<Measured> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["--client", &self.endpoint, "--sse", &name(&sse)])
            .args(["--part-size", &arguments.part_size.to_string()])
            .args(["--connections", &arguments.connections.to_string()])
            .arg("--file")
            .arg(file);
        if let Some(path) = &self.ca_cert {
            command.arg("--ca-cert").arg(path);
        }
        let done = command.stderr(Stdio::inherit()).output()?;
        if !done.status.success() {
            return Err(format!("the client ended with {}", done.status).into());
        }
        Ok(serde_json::from_slice(&done.stdout)?)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        // A sink that is gone already is what we want.
        let _ = self.process.wait();
    }
}
