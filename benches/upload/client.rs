//! The measured side: one upload with the library, and what the kernel says that it took.

use std::{fs, sync::Arc, time::Instant};

use sealift::{
    dialect::Dialect,
    ident::{Bucket, ObjectKey, Region},
    signing::Credentials,
    sse::{CustomerKey, SseContext},
    transfer::{Concurrency, UploadRequest, Uploader, UploaderOptions},
    transport::{ClientOptions, StoreClient},
    wire::{Address, Addressing},
};

use crate::{Arguments, MIB, Measured, Mode, Outcome};

/// The unit of times in /proc: USER_HZ, which is 100 on every architecture that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Uploads once and tells what it cost.
pub(crate) fn measure(endpoint: &str, arguments: &Arguments) -> Outcome<Measured> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(upload(endpoint, arguments))
}

async fn upload(endpoint: &str, arguments: &Arguments) -> Outcome<Measured> {
    let dialect = Dialect::Cos;
    let bucket = Bucket::new(dialect, "examplebucket-1250000000")?;
    let region = Region::new("ap-guangzhou")?;
    let address = Address::new(dialect, &bucket, Some(&region), Some(endpoint), Addressing::Path)?;
    let mut options = ClientOptions::default();
    options.ca_cert.clone_from(&arguments.ca_cert);
    options.allow_insecure_loopback = true;
    let credentials = Credentials::new("AKIDbench", "bench")?;
    let client = StoreClient::new(address, Arc::new(credentials), options)?;

    let sse = match arguments.sse.first().copied().unwrap_or(Mode::Customer) {
        Mode::None => SseContext::none(dialect),
        Mode::Managed => SseContext::managed(dialect),
        Mode::Kms => SseContext::kms(dialect, None, None)?,
        Mode::Customer => SseContext::customer(dialect, CustomerKey::generate()?),
    };
    let concurrency = match arguments.connections {
        0 => Concurrency::Auto,
        fixed => Concurrency::Fixed(fixed),
    };
    let file = arguments.file.as_ref().ok_or("a client needs a file")?;
    let request = UploadRequest::new(client, ObjectKey::new(dialect, "bench")?, file)
        .sse(sse)
        .part_size(arguments.part_size * MIB)
        .concurrency(concurrency);

    let uploader = Uploader::new(UploaderOptions::default())?;
    let (user, system) = cpu_seconds()?;
    let began = Instant::now();
    let receipt = uploader.upload(request).await?;
    let seconds = began.elapsed().as_secs_f64();
    let (user_after, system_after) = cpu_seconds()?;
    Ok(Measured {
        seconds,
        user: user_after - user,
        system: system_after - system,
        peak_kib: peak_kib()?,
        parts: receipt.parts,
        retries: receipt.retries,
    })
}

/// User and system time of all threads of this process so far, from /proc/self/stat.
fn cpu_seconds() -> Outcome<(f64, f64)> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The second field is the program's name in parentheses and may hold anything; utime and stime are the 14th and 15th.
    let (_, after_name) = stat.rsplit_once(')').ok_or("/proc/self/stat has no name")?;
    let mut fields = after_name.split_whitespace().skip(11);
    let mut next = || -> Outcome<f64> {
        let ticks = fields.next().ok_or("/proc/self/stat ends early")?.parse::<u32>()?;
        Ok(f64::from(ticks) / TICKS_PER_SECOND)
    };
    Ok((next()?, next()?))
}

/// The most memory that this process ever held, from /proc/self/status.
fn peak_kib() -> Outcome<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:")).ok_or("no VmHWM in /proc/self/status")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
