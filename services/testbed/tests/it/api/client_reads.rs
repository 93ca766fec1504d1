//! Who read a client's name and address: on record before it is told, and there to stay.

use reqwest::Method;
use serde_json::{Value, json};
use testbed::eventually;

use super::cast::Cast;

/// Who read the client by which operation, as compliance is told.
async fn reads(cast: &Cast, client: &str) -> Vec<(String, String)> {
    let listed = cast.get_by(&cast.compliance, &format!("/v1/clients/{client}/reads")).await;
    assert_eq!(listed.status, 200, "{listed:?}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let items = listed.body["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| (text(&item["actor"]).split(':').next().unwrap().to_owned(), text(&item["operation"])))
        .collect()
}

#[tokio::test]
async fn every_way_to_a_client_s_name_leaves_a_record() {
    let cast = Cast::assemble().await;
    let (ana, rui, house) = (&cast.ana, &cast.rui, &cast.house);
    assert_eq!(house.get_now("/v1/advisors").await.status, 200, "the read models are there");
    let before = reads(&cast, &ana.client).await;
    let client = format!("/v1/clients/{}", ana.client);
    for path in [client.as_str(), "/v1/clients", "/v1/events", "/v1/events?kind=portfolio"] {
        assert_eq!(cast.get_by(&ana.token, path).await.status, 200, "{path}");
    }
    assert_eq!(house.get(&format!("{client}?as_of=advisory-9")).await.status, 200);
    // Who is told nothing reads nothing.
    assert_eq!(cast.get_by(&rui.token, &client).await.status, 404);
    assert_eq!(cast.get_by(&rui.token, "/v1/clients").await.status, 200);
    assert_eq!(cast.get_by(&ana.token, &format!("{client}/suitability")).await.status, 200);
    let expected =
        [("advisor", "getClient"), ("advisor", "listClients"), ("advisor", "listEvents"), ("admin", "getClient")];
    let expected = expected.map(|(role, operation)| (role.to_owned(), operation.to_owned()));
    assert_eq!(reads(&cast, &ana.client).await[before.len()..], expected);
    // In pages, and to nobody else.
    let page = cast.get_by(&cast.compliance, &format!("{client}/reads?limit=1")).await;
    let next = page.body["next"].as_str().unwrap();
    let second = cast.get_by(&cast.compliance, &format!("{client}/reads?limit=1&cursor={next}")).await;
    assert_eq!(second.body["items"].as_array().unwrap().len(), 1);
    cast.get_by(&ana.token, &format!("{client}/reads")).await.is_problem(403, "forbidden");
    let nobody = "/v1/clients/132e374d-2bfb-5564-814d-e201e6e41209/reads";
    cast.get_by(&cast.compliance, nobody).await.is_problem(404, "client-unknown");
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_told() {
    let cast = Cast::assemble().await;
    assert_eq!(cast.house.get_now("/v1/advisors").await.status, 200);
    sqlx::query("ALTER TABLE vault.client_reads RENAME TO elsewhere").execute(&cast.house.pool).await.unwrap();
    for path in [&format!("/v1/clients/{}", cast.ana.client), "/v1/clients", "/v1/events"] {
        let refused = cast.get_by(&cast.ana.token, path).await;
        assert!(refused.status.is_server_error() && !refused.body.to_string().contains("Silva"), "{path}: {refused:?}");
    }
    // What tells of no client goes on.
    assert_eq!(cast.get_by(&cast.ana.token, "/v1/portfolios").await.status, 200);
}

#[tokio::test]
async fn records_are_not_changed_and_go_after_five_years_alone() {
    let cast = Cast::assemble().await;
    let pool = &cast.house.pool;
    let client = format!("/v1/clients/{}", cast.ana.client);
    eventually("the client", async || (cast.get_by(&cast.ana.token, &client).await.status == 200).then_some(())).await;
    for statement in [
        "UPDATE vault.client_reads SET actor = 'nobody:x'",
        "DELETE FROM vault.client_reads",
        "TRUNCATE vault.client_reads",
    ] {
        assert!(sqlx::query(statement).execute(pool).await.is_err(), "{statement}");
    }
    let id = uuid::Uuid::parse_str(&cast.ana.client).unwrap();
    let old = "INSERT INTO vault.client_reads (at, actor, client, operation)
               SELECT now() - make_interval(days => days), 'admin:x', $1, 'getClient' FROM unnest($2::int[]) days";
    sqlx::query(old).bind(id).bind(vec![1_829, 1_820]).execute(pool).await.unwrap();
    assert_eq!(cast.get_by(&cast.ana.token, &client).await.status, 200);
    let ages = "SELECT count(*) FROM vault.client_reads WHERE actor = 'admin:x'";
    let left: i64 = sqlx::query_scalar(ages).fetch_one(pool).await.unwrap();
    assert_eq!(left, 1, "the one that is five years old is gone");
    let exact = cast.ask_by(&cast.compliance, Method::GET, &format!("{client}/reads"), |request| request).await;
    assert_eq!(exact.body["items"][1]["actor"], json!("admin:x"), "{exact:?}");
}
