//! What each advisor reaches: their own and nobody else's, in paths, in bodies and in lists, and no longer than it is theirs.

use reqwest::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::cast::Cast;
use super::house::{Answer, halves, unique};

#[tokio::test]
async fn what_is_another_s_answers_as_what_is_not_there() {
    let cast = Cast::assemble().await;
    let (ana, rui) = (&cast.ana, &cast.rui);
    let none = "132e374d-2bfb-5564-814d-e201e6e41209";
    // All but the trace, which is each request's own.
    let told = |mut body: Value| {
        body.as_object_mut().unwrap().remove("trace_id");
        body
    };
    for (path, of_ana) in [
        ("/v1/advisors/{}", &ana.id),
        ("/v1/clients/{}", &ana.client),
        ("/v1/portfolios/{}", &ana.portfolio),
        ("/v1/portfolios/{}/figures", &ana.portfolio),
        ("/v1/portfolios/{}/events", &ana.portfolio),
        ("/v1/recommendations/{}", &ana.recommendation),
    ] {
        let theirs = cast.get_by(&rui.token, &path.replace("{}", of_ana)).await;
        let absent = cast.get_by(&rui.token, &path.replace("{}", none)).await;
        assert_eq!(theirs.status, 404, "{path}: {theirs:?}");
        assert_eq!(told(theirs.body), told(absent.body), "{path}");
        assert_eq!(cast.get_by(&ana.token, &path.replace("{}", of_ana)).await.status, 200, "{path}");
    }
    for (path, body) in [
        ("/v1/clients", json!({"advisor": "{}", "name": "Eva", "email": "eva@client.example"})),
        (
            "/v1/portfolios",
            json!({"advisor": "{}", "name": "Growth", "currency": "USD", "allocation": halves("AAPL", "MSFT")}),
        ),
    ] {
        let with = |id: &str| serde_json::from_str::<Value>(&body.to_string().replace("{}", id)).unwrap();
        let theirs = cast.post_by(&rui.token, path, &with(&ana.id)).await;
        theirs.is_problem(422, "no-such-advisor");
        let absent = cast.post_by(&rui.token, path, &with(none)).await;
        assert_eq!(theirs.body.to_string().replace(&ana.id, none).len(), absent.body.to_string().len());
        assert_eq!(cast.post_by(&ana.token, path, &with(&ana.id)).await.status, 201, "{path}");
    }
    // In bodies, too.
    let frontier = json!({"portfolio": ana.portfolio});
    cast.post_by(&rui.token, "/v1/frontier", &frontier).await.is_problem(404, "portfolio-unknown");
    let path = format!("/v1/portfolios/{}/recommendations", rui.portfolio);
    for client in [&ana.client, none] {
        let body = json!({"client_ids": [client], "rationale": "It fits."});
        let answer = cast
            .ask_by(&rui.token, Method::POST, &path, |request| {
                request.header("If-Match", "\"2\"").header("Idempotency-Key", unique("k")).json(&body)
            })
            .await;
        answer.is_problem(422, "no-such-clients");
    }
}

#[tokio::test]
async fn whoever_lost_a_client_or_their_standing_reaches_nothing_any_more() {
    let cast = Cast::assemble().await;
    let (ana, rui) = (&cast.ana, &cast.rui);
    let path = format!("/v1/clients/{}", ana.client);
    let seen = async |token: &str| cast.get_by(token, &path).await.status.as_u16();
    assert_eq!((seen(&ana.token).await, seen(&rui.token).await), (200, 404));
    let body = json!({"advisor": rui.id, "reason": "They moved."});
    let handed = cast.house.change(Method::PUT, &format!("{path}/advisor"), "\"2\"", &body).await;
    assert_eq!(handed.status, 200, "{handed:?}");
    assert_eq!((seen(&ana.token).await, seen(&rui.token).await), (404, 200));
    // For changes, from the very next request on.
    let rename = json!({"name": "José", "email": "jose@client.example"});
    let change = async |token: &str| {
        let answer =
            cast.ask_by(token, Method::PUT, &path, |request| request.header("If-Match", "\"3\"").json(&rename));
        answer.await.status.as_u16()
    };
    assert_eq!((change(&ana.token).await, change(&rui.token).await), (404, 200));

    // Portfolios alike.
    let path = format!("/v1/portfolios/{}", ana.portfolio);
    let seen = async |token: &str| cast.get_by(token, &path).await.status.as_u16();
    assert_eq!((seen(&ana.token).await, seen(&rui.token).await), (200, 404));
    let handed = cast.house.change(Method::PUT, &format!("{path}/advisor"), "\"2\"", &body).await;
    assert_eq!(handed.status, 200, "{handed:?}");
    assert_eq!((seen(&ana.token).await, seen(&rui.token).await), (404, 200));
    let rename = json!({"name": "Theirs", "reason": "They asked."});
    let change = async |token: &str| {
        let answer =
            cast.ask_by(token, Method::PATCH, &path, |request| request.header("If-Match", "\"3\"").json(&rename));
        answer.await.status.as_u16()
    };
    assert_eq!((change(&ana.token).await, change(&rui.token).await), (404, 200));

    let another = cast.house.another().await;
    let status =
        async |address: &str| cast.house.get_with_token_at(address, "/v1/clients", &rui.token).await.status.as_u16();
    assert_eq!((status(&cast.house.address).await, status(&another).await), (200, 200));
    let path = format!("/v1/advisors/{}/standing", rui.id);
    let body = json!({"standing": "suspended", "reason": "The registration lapsed."});
    assert_eq!(cast.house.change(Method::PUT, &path, "\"1\"", &body).await.status, 200);
    assert_eq!((status(&cast.house.address).await, status(&another).await), (401, 401));
    let body = json!({"standing": "active", "reason": "It is renewed."});
    assert_eq!(cast.house.change(Method::PUT, &path, "\"2\"", &body).await.status, 200);
    assert_eq!((status(&cast.house.address).await, status(&another).await), (200, 200));
}

#[tokio::test]
async fn lists_show_an_advisor_their_own_and_others_all() {
    let cast = Cast::assemble().await;
    let analyst = projections::analyze::Analyst::new(cast.house.journal.clone(), cast.house.pool.clone());
    let stop = CancellationToken::new();
    let _stopped_at_the_end = stop.clone().drop_guard();
    tokio::spawn(async move { analyst.run(stop).await.unwrap() });
    testbed::eventually("kept figures", async || {
        let listed = cast.house.get_now("/v1/figures").await;
        (listed.body["items"].as_array().unwrap().len() == 2).then_some(())
    })
    .await;
    let ids = async |token: &str, path: &str| -> Vec<String> {
        let listed = cast.get_by(token, path).await;
        assert_eq!(listed.status, 200, "{path}: {listed:?}");
        let items = listed.body["items"].as_array().unwrap();
        let id = |item: &Value| item.get("id").unwrap_or(&item["portfolio"]).as_str().unwrap().to_owned();
        items.iter().map(id).collect()
    };
    let (ana, rui) = (&cast.ana, &cast.rui);
    for (path, of_ana, of_rui) in [
        ("/v1/advisors", &ana.id, &rui.id),
        ("/v1/clients", &ana.client, &rui.client),
        ("/v1/portfolios", &ana.portfolio, &rui.portfolio),
        ("/v1/figures", &ana.portfolio, &rui.portfolio),
        ("/v1/recommendations", &ana.recommendation, &rui.recommendation),
    ] {
        assert_eq!(ids(&ana.token, path).await, vec![of_ana.as_str()], "{path}");
        assert_eq!(ids(&rui.token, path).await, vec![of_rui.as_str()], "{path}");
        for all in [&cast.house.token, &cast.compliance] {
            assert_eq!(ids(all, path).await, vec![of_ana.as_str(), of_rui.as_str()], "{path}");
        }
    }
    // Asking for another's, or for nobody's, finds the same: nothing.
    for asked in [&ana.id, "132e374d-2bfb-5564-814d-e201e6e41209"] {
        for path in ["/v1/clients", "/v1/portfolios", "/v1/figures"] {
            assert!(ids(&rui.token, &format!("{path}?advisor={asked}")).await.is_empty());
        }
    }
    for path in [
        format!("/v1/recommendations?client={}", ana.client),
        format!("/v1/recommendations?portfolio={}", ana.portfolio),
    ] {
        assert!(ids(&rui.token, &path).await.is_empty(), "{path}");
        assert_eq!(ids(&ana.token, &path).await, vec![ana.recommendation.as_str()]);
    }
}

#[tokio::test]
async fn who_takes_a_client_over_sees_what_they_were_advised_and_may_take_it_back() {
    let cast = Cast::assemble().await;
    let (ana, rui, house) = (&cast.ana, &cast.rui, &cast.house);
    let path = format!("/v1/recommendations/{}", ana.recommendation);
    let of_client = format!("/v1/recommendations?client={}", ana.client);
    let hand_over = async |to: &str, version: &str| {
        let body = json!({"advisor": to, "reason": "they moved"});
        let handed = house.change(Method::PUT, &format!("/v1/clients/{}/advisor", ana.client), version, &body).await;
        assert_eq!(handed.status, 200, "{handed:?}");
        handed.header("insights-position").to_owned()
    };
    let get = async |token: &str, path: &str, position: &str| {
        cast.ask_by(token, Method::GET, path, |request| request.header("Insights-Min-Position", position)).await
    };
    let withdraw = async |token: &str| {
        let body = json!({"standing": "withdrawn", "reason": "their plans have changed"});
        let path = format!("{path}/standing");
        cast.ask_by(token, Method::PUT, &path, |request| request.header("If-Match", "\"1\"").json(&body)).await
    };
    let ids = |answer: &Answer| -> Vec<Value> {
        answer.body["items"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect()
    };
    let recommend = async |version: &str| {
        let body = json!({"client_ids": [ana.client], "rationale": "because"});
        let path = format!("/v1/portfolios/{}/recommendations", rui.portfolio);
        let asked = cast.ask_by(&rui.token, Method::POST, &path, |request| {
            request.header("If-Match", version).header("Idempotency-Key", unique("r")).json(&body)
        });
        asked.await
    };
    let hers = json!(ana.recommendation);
    recommend("\"2\"").await.is_problem(422, "no-such-clients");
    let first = hand_over(&rui.id, "\"2\"").await;
    // From the next request on, whatever was known before.
    let advised = recommend("\"2\"").await;
    assert_eq!(advised.status, 202, "{advised:?}");
    let shown = get(&rui.token, &path, &first).await;
    assert_eq!((shown.status.as_u16(), &shown.body["advisor"]), (200, &json!(ana.id)), "{shown:?}");
    assert_eq!(ids(&get(&rui.token, &of_client, &first).await), std::slice::from_ref(&hers));
    let of_ana = format!("{of_client}&advisor={}", ana.id);
    assert_eq!(ids(&get(&rui.token, &of_ana, &first).await), std::slice::from_ref(&hers));
    assert_eq!(ids(&get(&rui.token, &format!("{of_client}&as_of={first}"), &first).await), std::slice::from_ref(&hers));
    let all = ids(&get(&rui.token, "/v1/recommendations", &first).await);
    assert_eq!(all, [json!(rui.recommendation)], "that names no client");
    assert_eq!(get(&ana.token, &path, &first).await.status, 200, "it is what she said");
    assert_eq!(ids(&get(&ana.token, &of_client, &first).await), [hers], "and stays so");
    get(&rui.token, &format!("/v1/portfolios/{}", ana.portfolio), &first).await.is_problem(404, "portfolio-unknown");

    let second = hand_over(&ana.id, "\"3\"").await;
    get(&rui.token, &path, &second).await.is_problem(404, "recommendation-unknown");
    withdraw(&rui.token).await.is_problem(404, "recommendation-unknown");
    assert_eq!(ids(&get(&rui.token, &of_client, &second).await), [] as [Value; 0]);
    let third = hand_over(&rui.id, "\"4\"").await;
    assert_eq!(get(&rui.token, &path, &third).await.status, 200);
    let withdrawn = withdraw(&rui.token).await;
    assert_eq!(withdrawn.status, 200, "{withdrawn:?}");
    let after = withdrawn.header("insights-position");
    assert_eq!(get(&ana.token, &path, after).await.body["standing"], "withdrawn");
}
