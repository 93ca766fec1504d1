//! The gRPC services, asked by Python: by a client that is generated from the proto files, and by one that knows only what
//! the server says of itself.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use events::Stream;
use events::asset::PriceBasis;
use events::values::{Currency, Name};
use jiff::{SignedDuration, Timestamp};
use journal::Journal;
use market::files::Mapping;
use market::{Files, FilesSettings, LoadOptions, Unit, Window, load};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use testbed::{Certificates, Database, Nats, eventually};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use vault::{KeyEncryptionKey, Role, Vault};

use super::{log, options};
use crate::api::cast::Cast;
use crate::api::house::unique;

/// Days from 2023-01-02 on that ABC and XYZ have prices of.
const DAYS: i64 = 300;

/// The services with prices of three assets, and a token for them.
struct Served {
    port: u16,
    secret: String,
    journal: Journal,
    folder: TempDir,
    _nats: Nats,
    _stopped_at_the_end: DropGuard,
}

impl Served {
    async fn with(tls: Option<grpc::Tls>) -> Self {
        let (nats, journal) = log().await;
        let pool = Database::fresh().await.pool().await;
        let stop = CancellationToken::new();
        let _stopped_at_the_end = stop.clone().drop_guard();
        tokio::spawn(projections::follow::run(journal.clone(), pool.clone(), stop.clone()));

        let folder = tempfile::tempdir().unwrap();
        let rows: String = (0..DAYS)
            .map(|n| {
                let day = jiff::civil::date(2023, 1, 2) + jiff::Span::new().days(n);
                format!("{day},{},{}\n", 100 + n * 7_919 % 41 + n, 50 + n * 104_729 % 13 + n / 2)
            })
            .collect();
        priced(&journal, folder.path(), &format!("date,ABC,XYZ\n{rows}"), options()).await;
        let in_pounds = LoadOptions { currency: Currency::parse("GBP").unwrap(), ..options() };
        priced(&journal, folder.path(), "date,LON\n2023-01-02,7\n2023-01-03,8\n2023-01-04,7.5\n", in_pounds).await;
        let end = journal.last_position(Stream::Market).await.unwrap();
        let checkpoints = projections::Checkpoints::watch(pool.clone());
        eventually("the read models", async || checkpoints.wait_for(end, testbed::PATIENCE).await.ok()).await;

        let vault = Vault::new(pool.clone(), KeyEncryptionKey::from_bytes([7; 32]));
        let hour = SignedDuration::from_hours(1);
        let token = vault.create_token(Role::Admin, "python", Timestamp::now(), hour).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let service = grpc::Service { journal: journal.clone(), pool, vault, clock: Timestamp::now };
        tokio::spawn(grpc::serve(listener, service, tls, stop));
        Self { port, secret: token.secret, journal, folder, _nats: nats, _stopped_at_the_end }
    }
}

/// Loads a wide table.
async fn priced(journal: &Journal, folder: &Path, table: &str, options: LoadOptions) {
    let path = folder.join("wide.csv");
    std::fs::write(&path, table).unwrap();
    let settings = FilesSettings {
        path,
        name: Name::parse("a file").unwrap(),
        basis: PriceBasis::Adjusted,
        unit: Unit::major(options.currency),
        mapping: Mapping::default(),
        assets: std::collections::BTreeSet::new(),
        window: Window::default(),
    };
    let report = load(journal, &mut Files::open(settings), &options, |_| {}).await;
    assert!(report.failed == 0 && report.sum.new_bars > 0, "{report:?}");
}

/// A Python client of these services, until it says what it is waited for; then what it says after that. It has to end well.
struct Client {
    child: std::process::Child,
    said: BufReader<std::process::ChildStdout>,
}

impl Client {
    fn run(script: &str, arguments: &[&str]) -> Self {
        let mut python = testbed::python();
        python.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(script)).args(arguments);
        // The leash: the client ends when its standard input is let go.
        let mut child = python.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        Self { child, said }
    }

    fn says(mut self, expected: &str) -> Self {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        if line.trim_end() == expected {
            return self;
        }
        self.ends_well();
        panic!("it ended well and said {line}");
    }

    fn ends_well(mut self) {
        let (mut said, mut complained) = (String::new(), String::new());
        self.said.read_to_string(&mut said).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut complained).unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status} {said}{complained}");
        assert_eq!(said.lines().last(), Some("all is well"), "{said}{complained}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generated_python_client_gets_prices_and_figures_and_errors_with_details() {
    let served = Served::with(None).await;
    let proto: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../grpc/proto");
    let (proto, out) = (proto.to_str().unwrap().to_owned(), served.folder.path().to_str().unwrap().to_owned());
    let (address, secret) = (format!("127.0.0.1:{}", served.port), served.secret.clone());
    let running = move || Client::run("grpc_client.py", &[&proto, &out, &address, &secret]).ends_well();
    tokio::task::spawn_blocking(running).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_knows_only_reflection_gets_everything_over_tls_and_hears_news_as_they_come() {
    let certificates = Certificates::new().unwrap();
    let (chain, key) = (certificates.server.into_bytes(), certificates.key.into_bytes());
    let served = Served::with(Some(grpc::Tls { certificates: chain, key })).await;
    let file = |name: &str, text: &str| {
        let path = served.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let authority = file("authority.pem", &certificates.authority);
    let stranger = file("stranger.pem", &Certificates::new().unwrap().authority);
    let (port, secret) = (served.port.to_string(), served.secret.clone());
    let asking =
        move || Client::run("grpc_reflection_client.py", &[&port, &secret, &authority, &stranger]).says("watching");
    let client = tokio::task::spawn_blocking(asking).await.unwrap();
    priced(&served.journal, served.folder.path(), "date,ABC,XYZ\n2024-06-03,123.5,77\n", options()).await;
    tokio::task::spawn_blocking(move || client.ends_well()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portfolio_is_its_advisor_s_alone_and_is_shown_as_of_then() {
    let cast = Cast::assemble().await;
    let house = &cast.house;
    let path = format!("/v1/portfolios/{}", cast.ana.portfolio);
    let cumulative = async |query: &str| {
        let figures = house.get_now(&format!("{path}/figures?rebalancing=monthly{query}")).await.body;
        let found = figures["figures"].as_array().unwrap().iter().find(|figure| figure["id"] == "cumulative").cloned();
        found.unwrap()["value"].as_f64().unwrap()
    };
    let then = cumulative("").await;
    let (advised, time) = (house.journal.last_position(Stream::Advisory).await.unwrap(), Timestamp::now());
    let market = house.journal.last_position(Stream::Market).await.unwrap();
    let post = async |path: &str, body: Value| {
        let answer = house.post(&format!("/v1/assets/AAPL/{path}"), &unique("market"), &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    let bars = json!([{"date": "2024-01-04", "close": "200"}]);
    post("corrections", json!({"source": "a test", "reason": "a typo", "bars": bars})).await;
    post("dividends", json!({"source": "a test", "ex_date": "2024-01-04", "amount": "0.5"})).await;
    let never = json!({"source": "a test", "reason": "it never was", "kind": "dividend", "date": "2024-01-04"});
    post("withdrawals", never).await;
    post("delisting", json!({"date": "2024-02-01", "reason": "taken over"})).await;
    let etag = house.get_now(&path).await.header("etag").to_owned();
    let other = json!({"reason": "all in", "allocation": [{"asset": "AAPL", "weight": "1"}]});
    assert_eq!(house.change(Method::PUT, &format!("{path}/allocation"), &etag, &other).await.status, 200);
    let now = cumulative("").await;
    assert!((now - then).abs() > 1e-3, "{now} is {then}");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (journal, pool, vault) = (house.journal.clone(), house.pool.clone(), house.vault.clone());
    let stop = CancellationToken::new();
    let _stopped_at_the_end = stop.clone().drop_guard();
    tokio::spawn(grpc::serve(listener, grpc::Service { journal, pool, vault, clock: Timestamp::now }, None, stop));
    let arguments = [
        port.to_string(),
        cast.ana.portfolio.clone(),
        house.token.clone(),
        cast.ana.token.clone(),
        cast.rui.token.clone(),
        cast.compliance.clone(),
        advised.to_string(),
        time.to_string(),
        market.to_string(),
        then.to_string(),
        now.to_string(),
    ];
    let running = move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Client::run("grpc_access_client.py", &arguments).ends_well();
    };
    tokio::task::spawn_blocking(running).await.unwrap();
}
