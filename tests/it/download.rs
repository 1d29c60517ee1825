//! Downloads: proven before they take their place, taken up again when the stream breaks, and never half there.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use sealift::{
    checksum::{Algorithm::Crc64Xz, Checksum},
    dialect::Dialect,
    emulator::{FaultPlan, Request},
    error::{Error, ErrorKind, Result},
    sse::{CustomerKey, KmsContext, SseContext},
    transfer::{Download, DownloadReceipt, DownloadRequest, Stage, Uploader, UploaderOptions},
    transport::{MaskedHead, RequestObserver, StoreClient},
    wire::{ObjectProperties, Payload, Put},
};
use tempfile::TempDir;

use super::support::{Store, key, pattern, store, store_with};

const SIZE: usize = 3 * 1024 * 1024 + 17;

/// A store with one object, and a folder to download it to.
struct Scene {
    store: Store,
    folder: TempDir,
    content: Vec<u8>,
    uploader: Uploader,
}

impl Scene {
    async fn new(sse: &SseContext) -> Self {
        Self::with(store().await, sse, SIZE).await
    }

    async fn with(store: Store, sse: &SseContext, size: usize) -> Self {
        let content = pattern(size, 1);
        put(&store.client(), sse, &content).await;
        let uploader = Uploader::new(UploaderOptions::default()).unwrap();
        Self { store, folder: tempfile::tempdir().unwrap(), content, uploader }
    }

    fn target(&self) -> PathBuf {
        self.folder.path().join("object")
    }

    fn request(&self) -> DownloadRequest {
        DownloadRequest::new(self.store.client(), key("object"), self.target())
    }

    fn start(&self, sse: &SseContext) -> Download {
        self.uploader.download(self.request().sse(sse.clone()))
    }

    async fn get(&self, sse: &SseContext) -> Result<DownloadReceipt> {
        self.start(sse).await
    }

    /// Downloads, expects a failure, and sees that the folder holds what it held before.
    #[track_caller]
    fn fails(&self, sse: &SseContext) -> impl Future<Output = Error> {
        let before = listing(self.folder.path());
        let download = self.start(sse);
        async move {
            let error = download.await.unwrap_err();
            assert_eq!(listing(self.folder.path()), before, "nothing may be left behind or changed");
            error
        }
    }

    #[track_caller]
    fn arrived(&self) {
        assert!(fs::read(self.target()).unwrap() == self.content, "the file differs from the object");
        assert_eq!(listing(self.folder.path()).len(), 1);
    }

    /// The GETs that the store saw.
    fn gets(&self) -> Vec<Request> {
        self.store.emulator.transcript().into_iter().filter(|request| request.operation == "Get").collect()
    }

    fn faults(&self, plan: FaultPlan) {
        self.store.emulator.set_faults(plan);
    }
}

async fn put(client: &StoreClient, sse: &SseContext, content: &[u8]) {
    let call = Put {
        key: key("object"),
        properties: ObjectProperties::default(),
        payload: Payload::Bytes(Bytes::copy_from_slice(content)),
        content_md5: None,
        checksum: None,
        forbid_overwrite: false,
        traffic_limit: None,
    };
    client.send(&call, sse).await.unwrap();
}

fn listing(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    files.sort();
    files
}

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn none() -> SseContext {
    SseContext::none(Dialect::Cos)
}

fn managed() -> SseContext {
    SseContext::managed(Dialect::Cos)
}

fn kms(id: Option<&str>) -> SseContext {
    let context = KmsContext::parse(r#"{"project":"atlas"}"#).unwrap();
    SseContext::kms(Dialect::Cos, id.map(ToOwned::to_owned), Some(context)).unwrap()
}

fn customer() -> SseContext {
    SseContext::customer(Dialect::Cos, CustomerKey::from_bytes(*b"0123456789ABCDEF0123456789ABCDEF"))
}

#[tokio::test]
async fn every_mode_comes_back_as_it_went_and_is_proved() {
    let modes = [
        (none(), "none"),
        (managed(), "managed"),
        (kms(None), "kms"),
        (kms(Some("id-1")), "kms"),
        (customer(), "customer"),
    ];
    for (sse, mode) in modes {
        let scene = Scene::new(&sse).await;
        let receipt = scene.get(&sse).await.unwrap();
        scene.arrived();
        assert_eq!(receipt.url, "cos://examplebucket-1250000000/object");
        assert_eq!(receipt.size, SIZE as u64);
        assert_eq!(receipt.crc64, Some(Checksum::of(Crc64Xz, &scene.content).to_string()));
        assert!(receipt.etag.is_some());
        assert_eq!((receipt.sse.mode.as_str(), &receipt.sse.key_md5), (mode, &sse.key_md5()));
        let echo: &[&str] = if mode == "none" { &[] } else { &["echo:get"] };
        assert_eq!(receipt.verified, [&["size", "object-checksum"], echo].concat());
        assert!(receipt.warnings.is_empty());
    }
}

#[tokio::test]
async fn an_empty_object_is_an_empty_file() {
    let scene = Scene::with(store().await, &customer(), 0).await;
    let receipt = scene.get(&customer()).await.unwrap();
    scene.arrived();
    assert_eq!((receipt.size, receipt.crc64.as_deref()), (0, Some("0")));
}

#[tokio::test]
async fn progress_ends_with_all_bytes_confirmed() {
    let scene = Scene::new(&none()).await;
    let download = scene.start(&none());
    let progress = download.progress();
    download.await.unwrap();
    let last = progress.borrow().clone();
    assert_eq!(
        (last.stage, last.total, last.sent, last.confirmed),
        (Stage::Done, SIZE as u64, SIZE as u64, SIZE as u64)
    );
}

#[tokio::test]
async fn without_asking_any_encryption_that_opens_by_itself_is_accepted_and_reported() {
    let scene = Scene::new(&kms(Some("id-1"))).await;
    let receipt = scene.get(&none()).await.unwrap();
    scene.arrived();
    assert_eq!((receipt.sse.mode.as_str(), receipt.sse.kms_key_id.as_deref()), ("kms", Some("id-1")));
    assert_eq!(receipt.verified, ["size", "object-checksum"], "what was not asked for is not verified");
}

#[tokio::test]
async fn another_encryption_than_asked_fails_before_a_byte_is_kept() {
    let asked = [managed(), kms(None), kms(Some("id-2"))];
    for (stored, is) in [(none(), ""), (managed(), "AES256"), (kms(Some("id-1")), "id-1")] {
        let scene = Scene::new(&stored).await;
        for sse in &asked {
            if sse.mode() == stored.mode() && sse.kms_key_id().is_none() {
                continue;
            }
            let error = scene.fails(sse).await;
            assert_eq!(error.kind(), ErrorKind::Encryption, "{error}");
            assert!(error.message().contains(is) && error.hint().is_some(), "{error}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_drops_or_changes_the_echo_is_an_encryption_error() {
    for sse in [managed(), kms(Some("id-1")), customer()] {
        let scene = Scene::new(&sse).await;
        let plans = [
            FaultPlan::new().on("Get").drop_echo(),
            FaultPlan::new().on("Get").downgrade_echo(),
            FaultPlan::new().on("Get").alter_echo(),
        ];
        for plan in plans {
            let what = format!("{plan:?}");
            if sse.mode() == managed().mode() && what.contains("AlterEcho") {
                continue; // it has no key that could be altered
            }
            scene.faults(plan);
            let error = scene.fails(&sse).await;
            assert_eq!(error.kind(), ErrorKind::Encryption, "{what}: {error}");
        }
    }
}

#[tokio::test]
async fn a_missing_or_wrong_customer_key_brings_nothing() {
    let scene = Scene::new(&customer()).await;
    fs::write(scene.target(), b"the old file").unwrap();
    let wrong = SseContext::customer(Dialect::Cos, CustomerKey::from_bytes([7; 32]));
    for sse in [wrong, none(), managed()] {
        let error = scene.fails(&sse).await;
        assert!(
            matches!(error.kind(), ErrorKind::Encryption | ErrorKind::Rejected | ErrorKind::Credentials),
            "{error:?}"
        );
        assert!(error.status().is_some());
    }
}

#[tokio::test]
async fn a_checksum_that_disagrees_is_an_integrity_error_and_the_old_file_stays() {
    let scene = Scene::new(&customer()).await;
    fs::write(scene.target(), b"the old file").unwrap();
    scene.faults(FaultPlan::new().on("Get").wrong_crc());
    let error = scene.fails(&customer()).await;
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert!(error.message().contains(&Checksum::of(Crc64Xz, &scene.content).to_string()), "{error}");
}

#[tokio::test]
async fn a_broken_stream_goes_on_where_it_was_with_the_same_key() {
    for sse in [none(), customer()] {
        let scene = Scene::new(&sse).await;
        scene.faults(FaultPlan::new().on("Get").times(3).cut_body());
        let download = scene.start(&sse);
        let progress = download.progress();
        let receipt = download.await.unwrap();
        scene.arrived();
        assert_eq!(receipt.crc64, Some(Checksum::of(Crc64Xz, &scene.content).to_string()));
        assert_eq!(progress.borrow().retries, 3);

        let gets = scene.gets();
        assert_eq!(gets.iter().map(|get| get.status).collect::<Vec<_>>(), [200, 206, 206, 206]);
        assert_eq!(header(&gets[0], "range"), None);
        let mut from = 0;
        for get in &gets[1..] {
            let range = header(get, "range").unwrap().strip_prefix("bytes=").unwrap();
            let (first, last) = range.split_once('-').unwrap();
            assert!(first.parse::<usize>().unwrap() > from, "each stream brought something");
            from = first.parse().unwrap();
            assert_eq!(last.parse::<usize>().unwrap(), SIZE - 1);
            assert!(header(get, "if-match").is_some(), "only the same object may go on");
        }
        for get in &gets {
            let key = header(get, "x-cos-server-side-encryption-customer-key").is_some();
            assert_eq!(key, sse.is_customer(), "the key rides on every GET");
        }
    }
}

#[tokio::test]
async fn an_echo_that_changes_under_way_fails() {
    let scene = Scene::new(&customer()).await;
    scene.faults(FaultPlan::new().on("Get").attempt(1).cut_body().on("Get").attempt(2).alter_echo());
    assert_eq!(scene.fails(&customer()).await.kind(), ErrorKind::Encryption);
}

#[tokio::test]
async fn an_object_that_is_gone_or_never_was_is_rejected() {
    let scene = Scene::new(&none()).await;
    scene.faults(FaultPlan::new().on("Get").attempt(1).cut_body().on("Get").attempt(2).answer(404, "NoSuchKey"));
    let error = scene.fails(&none()).await;
    assert_eq!((error.kind(), error.code()), (ErrorKind::Rejected, Some("NoSuchKey")));

    scene.faults(FaultPlan::new());
    let other = DownloadRequest::new(scene.store.client(), key("other"), scene.target());
    let error = scene.uploader.download(other).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Rejected, Some(404)));
    assert!(listing(scene.folder.path()).is_empty());
}

/// Replaces the object right before the second GET leaves.
#[derive(Debug, Default)]
struct Replacer {
    client: OnceLock<StoreClient>,
    gets: AtomicU32,
}

impl RequestObserver for Replacer {
    fn request(&self, _head: &MaskedHead) {
        if self.gets.fetch_add(1, Ordering::SeqCst) == 1 {
            let client = self.client.get().unwrap().clone();
            let replace = move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(put(&client, &none(), &pattern(SIZE, 2)));
            };
            std::thread::spawn(replace).join().unwrap();
        }
    }
}

#[tokio::test]
async fn an_object_replaced_under_way_is_never_mixed_with_the_new_one() {
    let scene = Scene::new(&none()).await;
    scene.faults(FaultPlan::new().on("Get").attempt(1).cut_body());
    let replacer = Arc::new(Replacer::default());
    replacer.client.set(scene.store.client()).unwrap();
    let mut options = scene.store.client_options();
    options.observer = Some(Arc::clone(&replacer) as Arc<dyn RequestObserver>);
    let client = StoreClient::new(scene.store.address(), scene.store.credentials(), options).unwrap();

    let request = DownloadRequest::new(client, key("object"), scene.target());
    let error = scene.uploader.download(request).await.unwrap_err();
    assert_eq!((error.kind(), replacer.gets.load(Ordering::SeqCst)), (ErrorKind::Rejected, 2));
    assert!(error.message().contains("was replaced"), "{error}");
    assert!(listing(scene.folder.path()).is_empty());
}

#[tokio::test]
async fn a_target_that_cannot_be_written_is_told_before_the_store_is_asked() {
    let scene = Scene::new(&none()).await;
    for (target, kind) in [
        (scene.folder.path().to_owned(), ErrorKind::Config),
        (scene.folder.path().join("no/such/folder"), ErrorKind::Config),
        (PathBuf::from("/dev/null"), ErrorKind::Config),
    ] {
        let request = DownloadRequest::new(scene.store.client(), key("object"), target);
        let error = scene.uploader.download(request).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
    assert!(scene.gets().is_empty());
}

#[tokio::test]
async fn a_cancelled_download_leaves_nothing_behind() {
    let scene = Scene::new(&none()).await;
    scene.faults(FaultPlan::new().on("Get").delay(3_600_000));
    let download = scene.start(&none());
    download.cancel();
    assert_eq!(download.await.unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(listing(scene.folder.path()).is_empty());
}

#[tokio::test]
async fn a_dropped_download_stops_and_cleans_up() {
    let scene = Scene::new(&none()).await;
    scene.faults(FaultPlan::new().on("Get").delay(3_600_000));
    let download = scene.start(&none());
    while listing(scene.folder.path()).is_empty() {
        tokio::task::yield_now().await;
    }
    drop(download);
    while !listing(scene.folder.path()).is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_rate_limit_holds_downloads_back_too() {
    let scene = Scene::with(store().await, &none(), 300 << 10).await;
    let options = UploaderOptions::default().limit_rate(1 << 20);
    let uploader = Uploader::new(options).unwrap();
    let receipt = uploader.download(scene.request()).await.unwrap();
    scene.arrived();
    assert!(receipt.seconds >= 0.15, "300 KiB less a burst at 1 MiB/s took {} s", receipt.seconds);
}

#[tokio::test]
async fn a_store_over_plain_http_serves_what_needs_no_key() {
    let scene = Scene::with(store_with(|options| options.tls(false)).await, &none(), 1000).await;
    scene.get(&none()).await.unwrap();
    scene.arrived();
    let error = scene.fails(&customer()).await;
    assert!(error.message().contains("plain HTTP"), "{error}");
    assert_eq!(scene.gets().len(), 1, "the key never left");
}

/// The command line, whose standard output is the object.
async fn to_stdout(scene: &Scene) -> Output {
    let (id, secret) = scene.store.emulator.secret();
    tokio::time::timeout(
        Duration::from_mins(1),
        tokio::process::Command::new(env!("CARGO_BIN_EXE_sealift"))
            .args(["get", "cos://examplebucket-1250000000/object", "-", "--endpoint", &scene.store.emulator.endpoint()])
            .arg("--ca-cert")
            .arg(scene.store.emulator.ca_cert().unwrap())
            .env_clear()
            .env("HOME", scene.folder.path())
            .envs([("COS_SECRET_ID", id), ("COS_SECRET_KEY", secret)])
            .kill_on_drop(true)
            .output(),
    )
    .await
    .expect("it ends")
    .unwrap()
}

#[tokio::test]
async fn standard_output_gets_the_object_and_nothing_else() {
    let scene = Scene::new(&managed()).await;
    let output = to_stdout(&scene).await;
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout == scene.content);
}

#[tokio::test]
async fn wrong_bytes_on_standard_output_end_loudly() {
    let scene = Scene::new(&managed()).await;
    scene.faults(FaultPlan::new().on("Get").wrong_crc());
    let output = to_stdout(&scene).await;
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(8), "{told}");
    assert!(told.contains("discard what was written to standard output"), "{told}");
}
