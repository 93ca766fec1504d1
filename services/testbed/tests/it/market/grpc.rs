//! The gRPC services, asked by a Python client that is generated from the proto files.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use events::asset::PriceBasis;
use events::values::Name;
use jiff::{SignedDuration, Timestamp};
use market::files::Mapping;
use market::{Files, FilesSettings, Window, load};
use testbed::{Database, eventually};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use vault::{KeyEncryptionKey, Role, Vault};

use super::{log, options};

fn proto() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../grpc/proto")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generated_python_client_gets_prices_and_figures_and_errors_with_details() {
    let (_nats, journal) = log().await;
    let pool = Database::fresh().await.pool().await;
    let stop = CancellationToken::new();
    let _at_the_end = stop.clone().drop_guard();
    tokio::spawn(projections::follow::run(journal.clone(), pool.clone(), stop.clone()));

    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("wide.csv");
    let rows: String = (0..300)
        .map(|n| {
            let day = jiff::civil::date(2023, 1, 2) + jiff::Span::new().days(n);
            format!("{day},{},{}\n", 100 + n * 7_919 % 41 + n, 50 + n * 104_729 % 13 + n / 2)
        })
        .collect();
    std::fs::write(&table, format!("date,ABC,XYZ\n{rows}")).unwrap();
    let settings = FilesSettings {
        path: table,
        name: Name::parse("a file").unwrap(),
        basis: PriceBasis::Adjusted,
        mapping: Mapping::default(),
        assets: std::collections::BTreeSet::new(),
        window: Window::default(),
    };
    load(&journal, &mut Files::open(settings), &options(), |_| {}).await;
    let end = journal.last_position(events::Stream::Market).await.unwrap();
    let checkpoints = projections::Checkpoints::watch(pool.clone());
    eventually("the read models", async || checkpoints.wait_for(end, testbed::PATIENCE).await.ok()).await;

    let vault = Vault::new(pool.clone(), KeyEncryptionKey::from_bytes([7; 32]));
    let token =
        vault.create_token(Role::Admin, "python", Timestamp::now(), SignedDuration::from_hours(1)).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let service = grpc::Service { journal, pool, vault, clock: Timestamp::now };
    tokio::spawn(grpc::serve(listener, service, None, stop));

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("grpc_client.py");
    let mut python = testbed::python();
    python.arg(script).arg(proto()).arg(folder.path()).arg(address).arg(&token.secret);
    python.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let running = move || {
        let mut child = python.spawn().unwrap();
        // The leash: the client ends when this is let go.
        let _leash = child.stdin.take();
        child.wait_with_output().unwrap()
    };
    let output = tokio::task::spawn_blocking(running).await.unwrap();
    let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{:?} {told}{errors}", output.status);
    assert_eq!(told.lines().last(), Some("all is well"), "{told}{errors}");
}
