//! The document against the service: generated requests, good and bad, get only what is promised.

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use api::Limits;
use jiff::Timestamp;
use journal::{Journal, JournalSettings};
use notifier::{Mailer, Outbox};
use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::cast::Cast;
use super::house::{House, unique};
use crate::letters::office;

/// Requests that are generated for each operation and way of generating them.
const EXAMPLES_MAX: u32 = 12;
/// The same as an advisor, as compliance, and by a token that is for reading only.
const EXAMPLES_OF_ROLES_MAX: u32 = 4;
/// What one run begins with: the same requests each time, unless `INSIGHTS_CONTRACT_SEED` says another number.
const SEED: u32 = 20_240_102;
/// Runs the tool without taking the turn from a thread that computes. Python's own parser counts its depth
/// for all threads together, and two that parse at once end in "AST constructor recursion depth mismatch".
const ONE_THREAD_AT_A_TIME: &str = "import runpy, sys; sys.setswitchinterval(3600.0); \
    runpy.run_module('schemathesis.cli', run_name='__main__', alter_sys=True)";
/// What is looked at in each answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
    response_schema_conformance,ignored_auth,unsupported_method";

#[tokio::test(flavor = "multi_thread")]
async fn generated_requests_get_nothing_that_the_document_does_not_promise() {
    let (cast, folder) = generously_served().await;
    let phases = "examples,coverage,fuzzing";
    generated_requests_are_promised_answers(&cast, folder.path(), &cast.house.token, phases, EXAMPLES_MAX).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_do_those_of_people_who_may_do_less() {
    let (cast, folder) = generously_served().await;
    for token in [&cast.ana.token, &cast.compliance, &cast.ana_reads] {
        generated_requests_are_promised_answers(&cast, folder.path(), token, "fuzzing", EXAMPLES_OF_ROLES_MAX).await;
    }
}

/// Everybody, where a tool may ask as much as it likes, and a folder with what it should know.
async fn generously_served() -> (Cast, TempDir) {
    let limits = Limits { logins_per_minute: 100_000, requests_per_minute: 10_000_000, ..Limits::default() };
    let (cast, folder) = (Cast::within(limits).await, tempfile::tempdir().unwrap());
    write_settings(&cast, folder.path()).await;
    (cast, folder)
}

async fn generated_requests_are_promised_answers(
    cast: &Cast,
    folder: &Path,
    token: &str,
    phases: &str,
    examples_max: u32,
) {
    let seed = std::env::var("INSIGHTS_CONTRACT_SEED").unwrap_or_else(|_| SEED.to_string());
    let mut schemathesis = testbed::python_of_the_contract();
    schemathesis
        .current_dir(folder)
        .args(["-c", ONE_THREAD_AT_A_TIME, "run", &format!("{}/openapi.json", cast.house.address)])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args(["--checks", CHECKS, "--phases", phases])
        .args(["--max-examples", &examples_max.to_string(), "--seed", &seed])
        .args(["--workers", "1", "--warnings", "off", "--no-color", "--generation-database", "none"])
        .args(["--continue-on-failure", "--request-timeout", "30"]);
    let (ended, told) = outcome(&mut schemathesis).await;
    if let Some(kept) = std::env::var_os("INSIGHTS_CONTRACT_LOG") {
        std::fs::write(kept, &told).unwrap();
    }
    assert!(ended.success(), "{told}");
    assert!(told.contains("No issues found"), "{told}");
}

/// Ids of what is there, so that generated requests reach more than what is not.
async fn write_settings(cast: &Cast, folder: &Path) {
    let ana = &cast.ana;
    let body = json!({"label": "a test", "valid_days": 1, "role": "compliance"});
    let token = cast.house.post("/v1/tokens", &unique("token"), &body).await.created();
    let body = json!({"email": "eva@firm.example", "role": "compliance"});
    let account = cast.house.post("/v1/accounts", &unique("account"), &body).await.created();
    let mut settings = String::new();
    for (path, id) in [
        ("/v1/advisors", &ana.id),
        ("/v1/clients", &ana.client),
        ("/v1/portfolios", &ana.portfolio),
        ("/v1/recommendations", &ana.recommendation),
        ("/v1/tokens", &token),
        ("/v1/accounts", &account),
        ("/v1/assets", &"AAPL".to_owned()),
    ] {
        settings.push_str(&format!(
            "[[operations]]\ninclude-path-regex = '^{path}/[{{]id[}}]'\nparameters = {{ \"path.id\" = \"{id}\" }}\n\n"
        ));
    }
    std::fs::write(folder.join("schemathesis.toml"), settings).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_a_stock_generator_made_of_the_document_does_the_main_job() {
    let house = House::open().await;
    let stop = CancellationToken::new();
    let _stopped_at_the_end = stop.clone().drop_guard();
    let settings = JournalSettings::new(house.nats.urls(), "/insights/recommend");
    let journal = Journal::connect(&settings).await.unwrap();
    let recommender = recommender::run(journal, jiff::Timestamp::now, stop.clone());
    tokio::spawn(async move { recommender.await.unwrap() });
    let folder = tempfile::tempdir().unwrap();
    let outbox = folder.path().join("outbox");
    let settings = JournalSettings::new(house.nats.urls(), "/insights/notify");
    let journal = Journal::connect(&settings).await.unwrap();
    let mailer = Mailer::Outbox(Outbox::open(&outbox).unwrap());
    let notifier = notifier::run(journal, house.vault.clone(), mailer, office::settings(), Timestamp::now, stop);
    tokio::spawn(async move { notifier.await.unwrap() });
    let document = house.ask_as_stranger(Method::GET, "/openapi.json", |request| request).await.body;
    std::fs::write(folder.path().join("openapi.json"), document.to_string()).unwrap();
    let mut generator = testbed::python_of_the_contract();
    generator.current_dir(folder.path()).args(["-m", "openapi_python_client", "generate", "--path", "openapi.json"]);
    // Whatever the generator cannot make something of is an error of the document.
    generator.args(["--output-path", "insights_client", "--meta", "none", "--fail-on-warning"]);
    // The generator looks for a formatter of Python, which nobody needs here.
    // It also knows no files of values by their own name: they are bytes like any others.
    let config = "post_hooks: []\ncontent_type_overrides:\n  text/csv: application/octet-stream\n";
    std::fs::write(folder.path().join("config.yml"), config).unwrap();
    generator.args(["--config", "config.yml"]);
    run(generator).await;
    let mut client = testbed::python_of_the_contract();
    client.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("contract_client.py"));
    client.args([folder.path().to_str().unwrap(), &house.address, &house.token]);
    let said = run(client).await;
    assert_eq!(said.lines().last(), Some("all is well"), "{said}");
    let letters: Vec<_> = std::fs::read_dir(outbox).unwrap().map(|letter| letter.unwrap().path()).collect();
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert!(std::fs::read_to_string(&letters[0]).unwrap().contains("jose@client.example"));
}

/// What a program says that ends well.
async fn run(mut program: Command) -> String {
    let (ended, told) = outcome(&mut program).await;
    assert!(ended.success(), "{told}");
    told
}

/// How a program ends, and what it says.
async fn outcome(program: &mut Command) -> (ExitStatus, String) {
    let program = program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.spawn().unwrap();
    // The leash holds for as long as its standard input is open.
    let leash = child.stdin.take();
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    drop(leash);
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status, told)
}
