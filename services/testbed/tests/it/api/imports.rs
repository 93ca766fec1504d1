//! Imports: all of a file or none of it, once, whatever the file is and whatever happens on the way.

use events::Stream;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::cast::Cast;
use super::house::{Answer, House, unique};

const CLIENTS: &str = "/v1/clients/import";
const PORTFOLIOS: &str = "/v1/portfolios/import";
/// As many clients as a file may bring: whoever ends the import half-way has time for it.
const MANY: usize = 1_000;

fn count(things: usize) -> u64 {
    u64::try_from(things).unwrap()
}

async fn import(house: &House, path: &str, key: &str, file: impl Into<Vec<u8>>) -> Answer {
    let file = file.into();
    house
        .ask(Method::POST, path, |request| {
            request.header("Idempotency-Key", key).header("Content-Type", "text/csv; charset=utf-8").body(file)
        })
        .await
}

/// So many clients of this advisor, a line each.
fn clients(advisor: &str, count: usize) -> String {
    let lines = (0..count).map(|n| format!("\"Silva, José {n}\",jose{n}@client.example,{advisor}\r\n"));
    format!("\u{feff}name,email,advisor\r\n{}", lines.collect::<String>())
}

/// Line, column and code of each fault that a check tells of.
fn faults(report: &Value) -> Vec<(u64, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of_item = |item: &Value| item["errors"].as_array().cloned().unwrap_or_default();
    let faults = report["items"].as_array().unwrap().iter().flat_map(of_item);
    faults.map(|fault| (fault["line"].as_u64().unwrap(), text(&fault["column"]), text(&fault["code"]))).collect()
}

#[tokio::test]
async fn a_file_of_clients_is_registered_once_and_read_back() {
    const COUNT: usize = 40;
    let house = House::open().await;
    let advisor = house.advisor().await;
    let file = clients(&advisor, COUNT);
    let first = import(&house, CLIENTS, "k-1", file.clone()).await;
    assert_eq!(first.status, 200, "{first:?}");
    assert_eq!((&first.body["created"], &first.body["refused"]), (&json!(COUNT), &json!(0)));
    assert_eq!(first.header("insights-position"), first.body["position"]);
    let items = first.body["items"].as_array().unwrap();
    assert_eq!(
        items.iter().map(|item| item["line"].as_u64().unwrap()).collect::<Vec<_>>(),
        (2..42).collect::<Vec<_>>()
    );
    for (n, item) in items.iter().enumerate() {
        let client = house.get_after(&format!("/v1/clients/{}", item["id"].as_str().unwrap()), &first).await;
        assert_eq!(client.body["identity"]["name"], format!("Silva, José {n}"));
        assert_eq!(client.body["advisor"], json!(advisor));
    }
    let before = house.written().await;
    // Spelt otherwise, it is the same file.
    let respelt = file.replace("\r\n", "\n").replace('\u{feff}', "").replace("\n\"", "\n\n\"");
    let again = import(&house, CLIENTS, "k-1", respelt).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    let ids = |answer: &Answer| -> Vec<Value> {
        answer.body["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect()
    };
    assert_eq!((ids(&first), &first.body["position"]), (ids(&again), &again.body["position"]));
    let other = file.replace("jose7@", "joao7@");
    import(&house, CLIENTS, "k-1", other).await.is_problem(422, "idempotency-key-reused");
    import(&house, CLIENTS, "k-1", clients(&advisor, COUNT + 1)).await.is_problem(422, "idempotency-key-reused");
    assert_eq!(house.written().await, before);
}

#[tokio::test]
async fn one_fault_holds_everything_up_and_a_check_tells_of_all() {
    let house = House::open().await;
    let advisor = house.advisor().await;
    let nobody = "132e374d-2bfb-5564-814d-e201e6e41209";
    let file = format!(
        "name;email;advisor\nAna;ana@client.example;{advisor}\n;nothing;{advisor}\n\"Two\nlines\";x@y.example;{nobody}\n\
         Eva;eva@client.example;{advisor};more\n"
    );
    let before = house.written().await;
    let refused = import(&house, CLIENTS, "k-1", file.clone()).await;
    refused.is_problem(422, "import-refused");
    let told = |place: &str, code: &str| (place.to_owned(), code.to_owned());
    assert_eq!(
        refused.errors(),
        [
            told("#/3/name", "text-empty"),
            told("#/3/email", "not-an-email-address"),
            told("#/4/name", "control-character"),
            told("#/6", "wrong-number-of-fields"),
        ]
    );
    let checked = import(&house, &format!("{CLIENTS}?mode=check"), "k-1", file).await;
    assert_eq!(checked.status, 200, "{checked:?}");
    assert_eq!((&checked.body["created"], &checked.body["refused"]), (&json!(0), &json!(3)));
    assert_eq!(checked.body["items"][0], json!({"line": 2, "state": "valid"}));
    let fault = |line, column: &str, code: &str| (line, column.to_owned(), code.to_owned());
    assert_eq!(
        faults(&checked.body)[2..],
        [fault(4, "name", "control-character"), fault(6, "", "wrong-number-of-fields"),]
    );
    let file = format!("name,email,advisor\nAna,ana@client.example,{advisor}\nEva,eva@client.example,{nobody}\n");
    let checked = import(&house, &format!("{CLIENTS}?mode=check"), "k-1", file.clone()).await;
    assert_eq!(faults(&checked.body), [fault(3, "advisor", "no-such-advisor")]);
    assert_eq!(checked.body["items"][1]["errors"][0]["type"], "/problems/no-such-advisor");
    import(&house, CLIENTS, "k-1", file).await.is_problem(422, "import-refused");
    assert_eq!(house.written().await, before, "nothing was written, and no data key was made");
    // The key is as good as new.
    let file = format!("name,email,advisor\nAna,ana@client.example,{advisor}\n");
    assert_eq!(import(&house, CLIENTS, "k-1", file).await.body["created"], 1);
}

#[tokio::test]
async fn a_file_of_portfolios_brings_limits_and_policies() {
    let house = House::open().await;
    let advisor = house.advisor().await;
    for asset in ["AAPL", "MSFT", "BND"] {
        house.asset(asset, &[]).await;
    }
    let file = format!(
        "advisor,name,currency,asset,weight,locked,band_min,band_max,rebalancing,risk_class\n\
         {advisor},Growth,USD,AAPL,0.6,yes,,,quarterly,moderate\n\
         {advisor},Income,USD,BND,1,,,,,\n\
         ,Growth,,MSFT,0.4,,0.3,0.5,,\n"
    );
    let done = import(&house, PORTFOLIOS, "k-1", file.clone()).await;
    assert_eq!((done.status.as_u16(), &done.body["created"]), (200, &json!(2)), "{done:?}");
    let lines: Vec<&Value> = done.body["items"].as_array().unwrap().iter().map(|item| &item["line"]).collect();
    assert_eq!(lines, [2, 3]);
    let growth = format!("/v1/portfolios/{}", done.body["items"][0]["id"].as_str().unwrap());
    let growth = house.get_after(&growth, &done).await.body;
    let expected = json!([
        {"asset": "AAPL", "weight": "0.6", "locked": true},
        {"asset": "MSFT", "weight": "0.4", "band": {"min": "0.3", "max": "0.5"}},
    ]);
    assert_eq!((&growth["name"], &growth["allocation"]), (&json!("Growth"), &expected));
    assert_eq!(growth["policy"], json!({"rebalancing": "quarterly", "benchmark": null, "risk_class": "moderate"}));
    assert_eq!((&growth["model_of"], &growth["subscription"]), (&Value::Null, &Value::Null));
    let before = house.written().await;
    assert_eq!(import(&house, PORTFOLIOS, "k-1", file).await.header("idempotent-replayed"), "true");
    let file = format!("advisor,name,currency,asset,weight,model\n{advisor},A,USD,AAPL,1,true\n");
    import(&house, PORTFOLIOS, "k-2", file).await.is_problem(400, "malformed-csv");
    let file = format!(
        "advisor,name,currency,asset,weight,benchmark\n{advisor},A,USD,AAPL,0.5,\n{advisor},A,USD,NONE,0.5,\n\
         {advisor},B,USD,AAPL,0.5,\n{advisor},C,USD,AAPL,1,NONE\n"
    );
    let checked = import(&house, &format!("{PORTFOLIOS}?mode=check"), "k-2", file).await;
    let fault = |line, column: &str, code: &str| (line, column.to_owned(), code.to_owned());
    assert_eq!(
        faults(&checked.body),
        [
            fault(3, "asset", "no-such-asset"),
            fault(4, "weight", "weights-do-not-add-up"),
            fault(5, "benchmark", "no-such-asset"),
        ]
    );
    assert_eq!(house.written().await, before);
}

/// The sending of this file of clients to another process.
fn sent(
    house: &House,
    address: &str,
    key: &str,
    file: &str,
) -> impl Future<Output = reqwest::Result<Response>> + use<> {
    let request = reqwest::Client::new().post(format!("{address}{CLIENTS}")).bearer_auth(&house.token);
    request.header("Idempotency-Key", key).header("Content-Type", "text/csv").body(file.to_owned()).send()
}

/// How many events there are behind this place.
async fn written_since(house: &House, begun: u64) -> u64 {
    house.journal.last_position(Stream::Advisory).await.unwrap().sequence - begun
}

/// How many events there are behind this place, once there is one.
async fn first_stands(house: &House, begun: u64) -> u64 {
    let stands = async {
        loop {
            match written_since(house, begun).await {
                0 => tokio::task::yield_now().await,
                some => break some,
            }
        }
    };
    tokio::time::timeout(testbed::PATIENCE, stands).await.expect("the import begins")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_goes_on_when_its_caller_hangs_up_and_a_service_that_stops_waits_for_it() {
    let house = House::open().await;
    let advisor = house.advisor().await;
    let begun = house.journal.last_position(Stream::Advisory).await.unwrap().sequence;
    let (address, stop, served) = house.another_with_an_end().await;
    let file = clients(&advisor, MANY);
    let sending = tokio::spawn(sent(&house, &address, "k-1", &file));
    let stood = first_stands(&house, begun).await;
    assert!(stood < count(MANY), "the caller hangs up half-way, at {stood}");
    sending.abort();
    assert!(sending.await.unwrap_err().is_cancelled(), "nobody was answered");
    stop.cancel();
    served.await.unwrap();
    assert_eq!(written_since(&house, begun).await, count(MANY), "the service has ended, and each client stands");
    let again = import(&house, CLIENTS, "k-1", file).await;
    assert_eq!((&again.body["created"], again.header("idempotent-replayed")), (&json!(MANY), "true"));
    assert_eq!(written_since(&house, begun).await, count(MANY));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_whose_process_was_killed_is_completed_by_sending_it_again() {
    let house = House::open().await;
    let advisor = house.advisor().await;
    let begun = house.journal.last_position(Stream::Advisory).await.unwrap().sequence;
    let file = clients(&advisor, MANY);
    let mortal = house.mortal().await;
    let sending = tokio::spawn(sent(&house, &mortal.address, "k-1", &file));
    first_stands(&house, begun).await;
    drop(mortal);
    assert!(sending.await.unwrap().is_err(), "nobody was answered");
    let half = written_since(&house, begun).await;
    assert!(half < count(MANY), "it was killed half-way, at {half}");
    // What was accepted is completed, by any process, whatever has become of the advisor.
    let path = format!("/v1/advisors/{advisor}/standing");
    let body = json!({"standing": "suspended", "reason": "The registration lapsed."});
    assert_eq!(house.change(Method::PUT, &path, "\"1\"", &body).await.status, 200);
    let another = house.another().await;
    let done: Value = sent(&house, &another, "k-1", &file).await.unwrap().json().await.unwrap();
    assert_eq!(done["created"], json!(MANY), "{done}");
    let suspension = 1;
    assert_eq!(written_since(&house, begun).await, count(MANY) + suspension, "each client once");
    let again = import(&house, CLIENTS, "k-1", file).await;
    assert_eq!((&again.body["items"], again.header("idempotent-replayed")), (&done["items"], "true"));
    let new = clients(&advisor, 2);
    import(&house, CLIENTS, "k-2", new).await.is_problem(422, "import-refused");
}

#[tokio::test]
async fn whatever_a_file_is_nothing_worse_happens_than_a_refusal() {
    let house = House::open().await;
    let advisor = house.advisor().await;
    let before = house.written().await;
    let long = format!("name,email,advisor\n{},a@b.example,{advisor}\n", "x".repeat(500_000));
    let wide = format!("name,email\n{}\n", ",".repeat(200_000));
    let files: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"\xef\xbb\xbf".to_vec(),
        b"\xff\xfen\x00a\x00m\x00e\x00".to_vec(),
        b"name,email\n\xe9,a@b.example\n".to_vec(),
        b"name,email\n\0,\0\n".to_vec(),
        b"name,email,advisor\n\"a\"\"b\"\",\n".to_vec(),
        b"name,email\n=cmd|' /C calc'!A0,a@b.example\n".to_vec(),
        b"name\temail\r\r\r".to_vec(),
        b"email;name;email\n".to_vec(),
        b"PK\x03\x04\x14\x00".to_vec(),
        b"{}".to_vec(),
        b"name,currency,asset,weight\n,,,\n,,,\n".to_vec(),
        b"name,currency,asset,weight\nA,USD,AAPL,1e400\nA,USD,AAPL,-0\n".to_vec(),
        long.into_bytes(),
        wide.into_bytes(),
        clients(&advisor, 1_001).into_bytes(),
        vec![b'"'; 1_048_576],
        vec![b'x'; 1_048_577],
    ];
    for path in [CLIENTS, PORTFOLIOS] {
        for mode in ["", "?mode=check", "?mode=maybe"] {
            for file in &files {
                let answer = import(&house, &format!("{path}{mode}"), &unique("k"), file.clone()).await;
                let shown = String::from_utf8_lossy(&file[..file.len().min(60)]).into_owned();
                let checked = mode == "?mode=check" && answer.status == 200 && answer.body["created"] == 0;
                assert!(answer.status.is_client_error() || checked, "{shown:?}: {answer:?}");
            }
        }
    }
    let typed = house.post(CLIENTS, "k-1", &json!({"name": "Ana"})).await;
    typed.is_problem(415, "unsupported-media-type");
    assert_eq!(house.written().await, before);
}

#[tokio::test]
async fn advisors_import_for_themselves_and_for_nobody_else() {
    let cast = Cast::assemble().await;
    let (ana, rui) = (&cast.ana, &cast.rui);
    let send = async |path: &str, file: String| {
        cast.ask_by(&ana.token, Method::POST, path, |request| {
            request.header("Idempotency-Key", unique("k")).header("Content-Type", "text/csv").body(file)
        })
        .await
    };
    let own = send(CLIENTS, "name,email\nEva,eva@client.example\n".to_owned()).await;
    let path = format!("/v1/clients/{}", own.body["items"][0]["id"].as_str().unwrap());
    assert_eq!(cast.house.get_after(&path, &own).await.status, 200, "the read models are there");
    assert_eq!(cast.get_by(&ana.token, &path).await.body["advisor"], json!(ana.id));
    let own = send(PORTFOLIOS, "name,currency,asset,weight\nGrowth,USD,AAPL,1\n".to_owned()).await;
    assert_eq!(own.body["created"], 1, "{own:?}");
    for advisor in [&rui.id, "132e374d-2bfb-5564-814d-e201e6e41209"] {
        let file = format!("name,email,advisor\nEva,eva@client.example,{advisor}\n");
        let refused = send(CLIENTS, file).await;
        refused.is_problem(422, "import-refused");
        assert_eq!(refused.errors(), [("#/2/advisor".to_owned(), "no-such-advisor".to_owned())]);
    }
}
