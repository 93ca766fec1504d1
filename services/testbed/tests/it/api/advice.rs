//! Advice that fits and advice that does not: three gates for each client, and what becomes of what is refused.

use api::Limits;
use events::Portfolio;
use events::portfolio::PortfolioCommand;
use events::values::{Actor, ClientId, CommandId, Delisted, Note, PortfolioId, Terms};
use jiff::civil::date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use journal::{CommandContext, Expect};
use reqwest::Method;
use serde_json::{Value, json};
use testbed::eventually;
use tokio_util::sync::CancellationToken;
use vault::Role;

use super::house::{Answer, House, portfolio, unique};
use crate::letters::office::figures;

/// A service whose recommendations are made.
pub async fn house() -> (House, tokio_util::sync::DropGuard) {
    let house = House::open().await;
    let stop = CancellationToken::new();
    let (journal, until) = (house.journal.clone(), stop.clone());
    tokio::spawn(async move { recommender::run(journal, Timestamp::now, until).await.unwrap() });
    (house, stop.drop_guard())
}

async fn rate(house: &House, asset: &str, class: &str) -> Answer {
    let body = json!({"class": class, "reason": "by its volatility"});
    let rated = house.post(&format!("/v1/assets/{asset}/ratings"), &unique("rating"), &body).await;
    assert_eq!(rated.status.as_u16(), 200, "{rated:?}");
    rated
}

pub async fn client(house: &House, advisor: &str, class: Option<&str>) -> String {
    let client = house.client(advisor).await;
    if let Some(class) = class {
        let body = json!({"class": class, "reason": "as agreed"});
        let set = house.change(Method::PUT, &format!("/v1/clients/{client}/suitability"), "\"1\"", &body).await;
        assert_eq!(set.status.as_u16(), 200, "{set:?}");
    }
    client
}

/// A portfolio that carries moderate risk, of products that do, or do not.
async fn moderate(house: &House, advisor: &str, product: &str) -> String {
    let id = house.portfolio(advisor).await;
    rate(house, "AAPL", "moderate").await;
    let rated = rate(house, "MSFT", product).await;
    let policy = json!({"policy": {"rebalancing": "monthly", "risk_class": "moderate"}, "reason": "as agreed"});
    house.change(Method::PUT, &format!("/v1/portfolios/{id}/policy"), "\"1\"", &policy).await;
    let read = house.get_after("/v1/assets/MSFT", &rated).await;
    assert_eq!(read.body["risk_class"], product);
    id
}

pub async fn recommend(house: &House, portfolio: &str, version: &str, clients: &[&str], more: Value) -> Answer {
    let mut body = json!({"client_ids": clients, "rationale": "It fits."});
    for (field, value) in more.as_object().unwrap() {
        body[field] = value.clone();
    }
    let path = format!("/v1/portfolios/{portfolio}/recommendations");
    let request = |request: reqwest::RequestBuilder| {
        request.header("If-Match", version).header("Idempotency-Key", unique("r")).json(&body)
    };
    house.ask(Method::POST, &path, request).await
}

/// The portfolio is recommended to the client until a day that is over: as if that had been long ago.
async fn recommended_until_2001(house: &House, portfolio: &str, client: &str) {
    let recommend = PortfolioCommand::Recommend {
        clients: [ClientId::parse(client).unwrap()].into(),
        rationale: Note::parse("It fitted.").unwrap(),
        figures: Box::new(figures()),
        terms: Terms { valid_until: Some(date(2001, 1, 1)), ..Terms::default() },
        delisted: Delisted::default(),
    };
    let context = CommandContext {
        command_id: CommandId::of(&[&unique("long ago")]),
        time: Timestamp::now(),
        actor: Actor::parse("role:test").unwrap(),
        expect: Expect::Any,
        request_digest: None,
        causation_id: None,
    };
    let id = PortfolioId::parse(portfolio).unwrap();
    house.journal.execute::<Portfolio>(&id, &recommend, &context).await.unwrap();
}

/// Lets the advice out by somebody in compliance.
async fn let_out(house: &House, made: &Value) -> Answer {
    let hour = SignedDuration::from_hours(1);
    let token = house.vault.create_token(Role::Compliance, "a test", Timestamp::now(), hour).await.unwrap().secret;
    let version = house.get_now(&path(made)).await.header("etag").to_owned();
    let body = json!({"reason": "see the minutes"});
    let request = |request: reqwest::RequestBuilder| request.header("If-Match", version).json(&body).bearer_auth(token);
    house.ask_as_stranger(Method::PUT, &format!("{}/override", path(made)), request).await
}

fn path(made: &Value) -> String {
    format!("/v1/recommendations/{}", made["id"].as_str().unwrap())
}

/// Waits until the advice stands so.
async fn stands(house: &House, made: &Value, standing: &str) -> Value {
    eventually(standing, async || {
        let read = house.get_now(&path(made)).await.body;
        (read["standing"] == standing).then_some(read)
    })
    .await
}

/// So many recommendations to this client, in the order in which they were made.
pub async fn recommended(house: &House, client: &str, so_many: usize) -> Vec<Value> {
    let list = format!("/v1/recommendations?client={client}");
    let seen = async || {
        let items = house.get_now(&list).await.body["items"].as_array().cloned().unwrap_or_default();
        (items.len() >= so_many).then_some(items)
    };
    eventually("a client's recommendations", seen).await
}

/// What the gates found that stayed shut, each of its type of problem.
fn found(refused: &Value) -> Value {
    let mut gates = refused["gates"].clone();
    for gate in gates.as_array_mut().unwrap() {
        let kind = format!("/problems/{}", gate["gate"].as_str().unwrap().replace('_', "-"));
        let gate = gate.as_object_mut().unwrap();
        assert_eq!(gate.remove("type"), Some(json!(kind)));
        assert!(gate.remove("title").is_some_and(|title| title.is_string()));
    }
    gates
}

#[tokio::test]
async fn a_shut_gate_refuses_one_client_and_leaves_the_others() {
    let (house, _recommending) = house().await;
    let advisor = house.advisor().await;
    let portfolio = moderate(&house, &advisor, "moderate").await;
    let fits = client(&house, &advisor, Some("moderate")).await;
    let careful = client(&house, &advisor, Some("conservative")).await;
    let unasked = client(&house, &advisor, None).await;
    let more = json!({"costs": {"one_off": "0.005", "yearly": "0.01"}, "valid_until": "2099-12-31"});
    let accepted = recommend(&house, &portfolio, "\"2\"", &[&fits, &careful, &unasked], more).await;
    assert_eq!(accepted.status.as_u16(), 202, "{accepted:?}");

    let made = &recommended(&house, &fits, 1).await[0];
    assert_eq!((&made["standing"], &made["gates"]), (&json!("open"), &json!([])));
    let terms = json!({"risk_class": "moderate", "product_classes": {"AAPL": "moderate", "MSFT": "moderate"},
        "costs": {"one_off": "0.005", "yearly": "0.01"}, "valid_until": "2099-12-31"});
    assert_eq!(made["terms"], terms);

    let refused = &recommended(&house, &careful, 1).await[0];
    assert_eq!(refused["standing"], "refused");
    let too_risky = |asset: &str| json!({"gate": "product_too_risky", "asset": asset, "product": "moderate", "client": "conservative"});
    let whole = json!({"gate": "portfolio_too_risky", "portfolio": "moderate", "client": "conservative"});
    assert_eq!(found(refused), json!([whole, too_risky("AAPL"), too_risky("MSFT")]));
    let refused = &recommended(&house, &unasked, 1).await[0];
    assert_eq!(found(refused)[0], json!({"gate": "no_profile"}));
    assert_eq!(refused["letter"]["state"], "none", "what is refused is not written about");
}

/// What the register says of an advisor who comes to work under MiFID II.
fn under_mifid() -> Value {
    json!({"name": "Ana Souza", "firm": "Casa Verde", "regime": "mifid_ii", "registration": "77", "language": "en"})
}

#[tokio::test]
async fn under_mifid_a_class_set_by_hand_opens_no_gate_until_the_client_has_answered() {
    let (house, _recommending) = house().await;
    let advisor = house.advisor().await;
    let portfolio = moderate(&house, &advisor, "moderate").await;
    let client = client(&house, &advisor, Some("aggressive")).await;
    let path = format!("/v1/clients/{client}/suitability");
    let shown = |answer: &Answer| (answer.body["class"].clone(), answer.body["reason"].clone());
    recommend(&house, &portfolio, "\"2\"", &[&client], json!({})).await;
    let made = recommended(&house, &client, 1).await.remove(0);
    assert_eq!(made["standing"], "open");

    let edited = house.change(Method::PUT, &format!("/v1/advisors/{advisor}"), "\"1\"", &under_mifid()).await;
    assert_eq!(edited.status.as_u16(), 200, "{edited:?}");
    let now = house.get_now(&path).await;
    assert_eq!(shown(&now), (json!("conservative"), json!("no-profile")));
    assert_eq!(now.body["profile"]["basis"], json!({"by_hand": {"reason": "as agreed"}}));
    let then = house.get(&format!("{path}?as_of={}", made["position"].as_str().unwrap())).await;
    assert_eq!(shown(&then), (json!("aggressive"), Value::Null));
    recommend(&house, &portfolio, "\"3\"", &[&client], json!({})).await;
    let refused = recommended(&house, &client, 2).await.remove(1);
    assert_eq!((&refused["standing"], &refused["gates"][0]["gate"]), (&json!("refused"), &json!("no_profile")));
    let_out(&house, &refused).await.is_problem(409, "override-not-allowed");

    let answers = json!({"objective": "speculation", "horizon": "over_ten_years", "loss_capacity": "more",
        "knowledge": "professional", "liquidity_need": "none"});
    let assessed = house.change(Method::PUT, &path, "\"2\"", &json!({"answers": answers})).await;
    assert_eq!(shown(&house.get_after(&path, &assessed).await), (json!("aggressive"), Value::Null));
    recommend(&house, &portfolio, "\"4\"", &[&client], json!({})).await;
    assert_eq!(recommended(&house, &client, 3).await[2]["standing"], "open");
}

#[tokio::test]
async fn what_nobody_has_rated_is_not_sold_as_safe() {
    let (house, _recommending) = house().await;
    let advisor = house.advisor().await;
    let portfolio = house.portfolio(&advisor).await;
    let nearly = client(&house, &advisor, Some("moderately_aggressive")).await;
    let boldest = client(&house, &advisor, Some("aggressive")).await;
    recommend(&house, &portfolio, "\"1\"", &[&nearly, &boldest], json!({})).await;
    assert_eq!(recommended(&house, &boldest, 1).await[0]["standing"], "open");
    assert_eq!(recommended(&house, &nearly, 1).await[0]["gates"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn compliance_lets_refused_advice_out_and_nobody_else_does() {
    let (house, _recommending) = house().await;
    let advisor = house.advisor().await;
    let portfolio = moderate(&house, &advisor, "aggressive").await;
    let fits = client(&house, &advisor, Some("moderate")).await;
    recommend(&house, &portfolio, "\"2\"", &[&fits], json!({})).await;
    let refused = recommended(&house, &fits, 1).await.remove(0);
    assert_eq!(refused["gates"].as_array().unwrap().len(), 1, "one product is enough: {refused}");
    let id = refused["id"].as_str().unwrap();
    let path = format!("/v1/recommendations/{id}/override");
    let reason = json!({"reason": "see the minutes"});
    let before = house.written().await;
    house.change(Method::PUT, &path, "\"1\"", &reason).await.is_problem(403, "forbidden");
    assert_eq!(house.written().await, before);

    let out = let_out(&house, &refused).await;
    assert_eq!((out.status.as_u16(), out.header("etag")), (200, "\"2\""), "{out:?}");
    let read = house.get_now(&format!("/v1/recommendations/{id}")).await;
    assert_eq!((&read.body["standing"], &read.body["standing_reason"]), (&json!("open"), &json!("see the minutes")));
    assert_eq!(read.body["gates"].as_array().unwrap().len(), 1, "the gate that was shut stays on record");
    assert_eq!((&refused["letter"]["state"], &read.body["letter"]["state"]), (&json!("none"), &json!("due")));
    let then = house.get(&format!("/v1/recommendations/{id}?as_of={}", refused["position"].as_str().unwrap())).await;
    assert_eq!(then.body["letter"]["state"], "none");
    let let_out = &read.body["override"];
    let actor = house.get_now(&format!("/v1/events?kind=recommendation&id={id}&type=recommendation.overridden")).await;
    let event = &actor.body["items"][0];
    assert_eq!((&let_out["reason"], &let_out["by"]), (&json!("see the minutes"), &event["actor"]), "{event}");
    let at = |text: &Value| text.as_str().unwrap().parse::<Timestamp>().unwrap().as_microsecond();
    assert_eq!(at(&let_out["at"]), at(&event["time"]));

    // Whatever becomes of it: who let it out stays on record, then and now.
    let back = json!({"standing": "withdrawn", "reason": "downgraded"});
    let withdrawn = house.change(Method::PUT, &format!("/v1/recommendations/{id}/standing"), "\"2\"", &back).await;
    let now = house.get_after(&format!("/v1/recommendations/{id}"), &withdrawn).await;
    assert_eq!((&now.body["standing_reason"], &now.body["override"]), (&json!("downgraded"), let_out));
    for (position, expected) in [(&refused["position"], &Value::Null), (&read.body["position"], let_out)] {
        let then = house.get(&format!("/v1/recommendations/{id}?as_of={}", position.as_str().unwrap())).await;
        assert_eq!(&then.body["override"], expected, "{then:?}");
    }
}

#[tokio::test]
async fn advice_is_withdrawn_and_superseded_and_is_over_after_its_last_day() {
    let (house, _recommending) = house().await;
    let advisor = house.advisor().await;
    let portfolio = house.portfolio(&advisor).await;
    let boldest = client(&house, &advisor, Some("aggressive")).await;
    recommended_until_2001(&house, &portfolio, &boldest).await;
    let first = recommended(&house, &boldest, 1).await.remove(0);
    recommended_until_2001(&house, &portfolio, &boldest).await;
    let second = recommended(&house, &boldest, 2).await.remove(1);
    assert_eq!(stands(&house, &first, "superseded").await["superseded_by"], second["id"]);
    let end = async |made: &Value, version: &str, body: Value| {
        house.change(Method::PUT, &format!("{}/standing", path(made)), version, &body).await
    };
    let withdraw = || json!({"standing": "withdrawn", "reason": "downgraded"});
    end(&first, "\"2\"", withdraw()).await.is_problem(409, "recommendation-not-open");
    end(&second, "\"1\"", json!({"standing": "withdrawn"})).await.is_problem(422, "invalid-body");
    end(&second, "\"1\"", json!({"standing": "open", "reason": "x"})).await.is_problem(422, "invalid-body");
    let expired = end(&second, "\"1\"", json!({"standing": "expired"})).await;
    assert_eq!(house.get_after(&path(&second), &expired).await.body["standing"], "expired");

    recommend(&house, &portfolio, "\"3\"", &[&boldest], json!({})).await;
    let third = recommended(&house, &boldest, 3).await.remove(2);
    end(&third, "\"1\"", json!({"standing": "expired"})).await.is_problem(409, "recommendation-still-valid");
    let withdrawn = end(&third, "\"1\"", withdraw()).await;
    let read = house.get_after(&path(&third), &withdrawn).await;
    assert_eq!((&read.body["standing"], &read.body["standing_reason"]), (&json!("withdrawn"), &json!("downgraded")));
    let then = house.get(&format!("{}?as_of={}", path(&third), third["position"].as_str().unwrap())).await;
    assert_eq!(then.body["standing"], "open");
    // What ceased to stand before its letter had left is not written about.
    assert_eq!((&read.body["letter"]["state"], &then.body["letter"]["state"]), (&json!("none"), &json!("due")));

    let standing = async |standing: &str, more: &str| -> Vec<Value> {
        let listed = house.get_now(&format!("/v1/recommendations?standing={standing}{more}")).await;
        assert_eq!(listed.status.as_u16(), 200, "{listed:?}");
        listed.body["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect()
    };
    assert_eq!(standing("superseded", "").await, [first["id"].clone()]);
    assert_eq!(standing("expired", &format!("&portfolio={portfolio}")).await, [second["id"].clone()]);
    assert_eq!(standing("withdrawn", &format!("&client={boldest}&limit=1")).await, [third["id"].clone()]);
    assert!(standing("open", "").await.is_empty() && standing("refused", "").await.is_empty());
    let then = format!("&as_of={}", third["position"].as_str().unwrap());
    assert_eq!(standing("open", &then).await, [third["id"].clone()]);
    assert_eq!(standing("expired", &then).await, [second["id"].clone()]);
    house.get("/v1/recommendations?standing=over").await.is_problem(400, "invalid-parameter");
}

#[tokio::test]
async fn what_goes_out_takes_the_place_of_all_before_it_whatever_was_refused_in_between() {
    let (house, _recommending) = house().await;
    let advisor = house.advisor().await;
    let portfolio = moderate(&house, &advisor, "moderate").await;
    let client = client(&house, &advisor, Some("moderate")).await;
    let mut made = Vec::new();
    for (n, (product, standing)) in
        [("moderate", "open"), ("aggressive", "refused"), ("moderate", "open"), ("aggressive", "refused")]
            .into_iter()
            .enumerate()
    {
        let rated = rate(&house, "MSFT", product).await;
        house.get_after("/v1/assets/MSFT", &rated).await;
        recommend(&house, &portfolio, &format!("\"{}\"", n + 2), &[&client], json!({})).await;
        let last = recommended(&house, &client, n + 1).await.remove(n);
        assert_eq!(last["standing"], standing);
        made.push(last);
    }
    for old in &made[..2] {
        assert_eq!(stands(&house, old, "superseded").await["superseded_by"], made[2]["id"]);
    }
    let before = house.written().await;
    let_out(&house, &made[1]).await.is_problem(409, "recommendation-overtaken");
    assert_eq!(house.written().await.advisory(), before.advisory());

    let out = let_out(&house, &made[3]).await;
    assert_eq!(out.status.as_u16(), 200, "{out:?}");
    assert_eq!(stands(&house, &made[2], "superseded").await["superseded_by"], made[3]["id"]);
    let list = format!("/v1/recommendations?client={client}&standing=open");
    let standing = house.get_now(&list).await;
    let ids: Vec<&Value> = standing.body["items"].as_array().unwrap().iter().map(|item| &item["id"]).collect();
    assert_eq!(ids, [&made[3]["id"]]);
}

#[tokio::test]
async fn refused_advice_is_let_out_into_the_world_as_it_is_now() {
    let (house, _recommending) = house().await;
    house.asset("AAPL", &[]).await;
    house.asset("MSFT", &[]).await;
    let colleague = house.advisor().await;
    let composed = async |advisor: &str| -> String {
        house.post("/v1/portfolios", &unique("portfolio"), &portfolio(advisor)).await.created()
    };
    let removed = json!({"standing": "removed", "reason": "they left"});
    let suspended = json!({"standing": "suspended", "reason": "an inquiry"});
    let archived = json!({"standing": "archived", "reason": "replaced"});
    let handed_over = json!({"advisor": colleague, "reason": "they moved"});
    for (what, version, body, code) in [
        ("clients/{client}/standing", "\"1\"", removed.clone(), "client-removed"),
        ("clients/{client}/advisor", "\"1\"", handed_over, "override-not-allowed"),
        ("advisors/{advisor}/standing", "\"1\"", suspended, "advisor-not-active"),
        ("advisors/{advisor}/standing", "\"1\"", removed, "advisor-not-active"),
        ("advisors/{advisor}", "\"1\"", under_mifid(), "override-not-allowed"),
        ("portfolios/{portfolio}/standing", "\"2\"", archived, "portfolio-archived"),
    ] {
        let advisor = house.advisor().await;
        let (client, portfolio) = (client(&house, &advisor, None).await, composed(&advisor).await);
        recommend(&house, &portfolio, "\"1\"", &[&client], json!({})).await;
        let refused = recommended(&house, &client, 1).await.remove(0);
        let path = what.replace("{client}", &client).replace("{advisor}", &advisor).replace("{portfolio}", &portfolio);
        let changed = house.change(Method::PUT, &format!("/v1/{path}"), version, &body).await;
        assert_eq!(changed.status.as_u16(), 200, "{what}: {changed:?}");
        let before = house.written().await;
        let_out(&house, &refused).await.is_problem(409, code);
        assert_eq!(house.written().await.advisory(), before.advisory(), "{what}");
        stands(&house, &refused, "refused").await;
    }
    let advisor = house.advisor().await;
    let (client, portfolio) = (client(&house, &advisor, None).await, composed(&advisor).await);
    recommended_until_2001(&house, &portfolio, &client).await;
    let refused = recommended(&house, &client, 1).await.remove(0);
    let_out(&house, &refused).await.is_problem(409, "recommendation-over");
    stands(&house, &refused, "refused").await;
}

/// The asset is traded no more from that day on.
async fn delist(house: &House, asset: &str, since: jiff::civil::Date) {
    let body = json!({"date": since, "reason": "taken over"});
    let delisted = house.post(&format!("/v1/assets/{asset}/delisting"), &unique("delisting"), &body).await;
    assert_eq!(delisted.status.as_u16(), 200, "{delisted:?}");
}

#[tokio::test]
async fn what_is_traded_no_more_is_recommended_to_nobody() {
    let house = House::open().await;
    let advisor = house.advisor().await;
    let client = client(&house, &advisor, None).await;
    let portfolio = house.portfolio(&advisor).await;
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    delist(&house, "AAPL", today.tomorrow().unwrap()).await;
    let key = unique("recommended");
    let body = json!({"client_ids": [client], "rationale": "It fits."});
    let path = format!("/v1/portfolios/{portfolio}/recommendations");
    let ask = async |version: &str, key: &str| {
        let request = |request: reqwest::RequestBuilder| {
            request.header("If-Match", version).header("Idempotency-Key", key).json(&body)
        };
        house.ask(Method::POST, &path, request).await
    };
    let first = ask("\"1\"", &key).await;
    assert_eq!(first.status.as_u16(), 202, "it is traded today: {first:?}");

    delist(&house, "AAPL", today).await;
    let before = house.written().await;
    let refused = ask("\"2\"", &unique("recommended")).await;
    refused.is_problem(409, "assets-delisted");
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains(&format!("`AAPL` since {today}")) && !detail.contains("MSFT"), "{detail}");
    assert_eq!(house.written().await, before);
    let again = ask("\"1\"", &key).await;
    assert_eq!((again.status.as_u16(), &again.body), (202, &first.body), "what was asked before has its answer");
    // Composing is for backtests of the past, too.
    let body = super::house::portfolio(&advisor);
    house.post("/v1/portfolios", &unique("portfolio"), &body).await.created();
}

#[tokio::test]
async fn what_is_delisted_before_the_advice_is_made_is_refused_to_all_its_clients() {
    let house = House::open().await;
    let advisor = house.advisor().await;
    let portfolio = house.portfolio(&advisor).await;
    let boldest = client(&house, &advisor, Some("aggressive")).await;
    recommend(&house, &portfolio, "\"1\"", &[&boldest], json!({})).await;
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    delist(&house, "AAPL", today).await;
    // Only now does anybody make recommendations.
    let stop = CancellationToken::new();
    let (journal, until) = (house.journal.clone(), stop.clone());
    let _stopped = stop.drop_guard();
    tokio::spawn(async move { recommender::run(journal, Timestamp::now, until).await.unwrap() });
    let refused = &recommended(&house, &boldest, 1).await[0];
    let gate = json!({"gate": "product_delisted", "asset": "AAPL", "since": today});
    assert_eq!((&refused["standing"], &found(refused)), (&json!("refused"), &json!([gate])));
    let before = house.written().await;
    let_out(&house, refused).await.is_problem(409, "assets-delisted");
    assert_eq!(house.written().await.advisory(), before.advisory());
}

#[tokio::test]
async fn advice_ends_no_sooner_than_it_is_given() {
    let house = House::open().await;
    let advisor = house.advisor().await;
    let (client, portfolio) = (client(&house, &advisor, None).await, house.portfolio(&advisor).await);
    let before = house.written().await;
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    for over in [today.yesterday().unwrap(), date(2020, 1, 1)] {
        let refused = recommend(&house, &portfolio, "\"1\"", &[&client], json!({"valid_until": over})).await;
        refused.is_problem(422, "invalid-body");
        assert_eq!(refused.errors(), [("#/valid_until".to_owned(), "day-over".to_owned())]);
    }
    assert_eq!(house.written().await, before);
    let tomorrow = json!({"valid_until": today.tomorrow().unwrap()});
    assert_eq!(recommend(&house, &portfolio, "\"1\"", &[&client], tomorrow).await.status.as_u16(), 202);
}

#[tokio::test]
async fn a_client_who_changed_hands_in_between_is_not_advised() {
    let house = House::open().await;
    let (advisor, colleague) = (house.advisor().await, house.advisor().await);
    let portfolio = house.portfolio(&advisor).await;
    let boldest = client(&house, &advisor, Some("aggressive")).await;
    recommend(&house, &portfolio, "\"1\"", &[&boldest], json!({})).await;
    let over = json!({"advisor": colleague, "reason": "moved"});
    house.change(Method::PUT, &format!("/v1/clients/{boldest}/advisor"), "\"2\"", &over).await;
    // Only now does anybody make recommendations.
    let stop = CancellationToken::new();
    let (journal, until) = (house.journal.clone(), stop.clone());
    tokio::spawn(async move { recommender::run(journal, Timestamp::now, until).await.unwrap() });
    let refused = &recommended(&house, &boldest, 1).await[0];
    assert_eq!((&refused["standing"], &found(refused)), (&json!("refused"), &json!([{"gate": "not_in_care"}])));
    stop.cancel();
}

#[tokio::test]
async fn many_assets_are_looked_up_in_one_call() {
    let house = House::open().await;
    house.asset("MSFT", &[]).await;
    let listed = house.asset("AAPL", &[]).await;
    let found = house.get_after("/v1/assets/lookup?symbols=MSFT,NONE,AAPL,MSFT", &listed).await;
    let items: Vec<&Value> = found.body["items"].as_array().unwrap().iter().map(|asset| &asset["id"]).collect();
    assert_eq!((items, &found.body["missing"]), (vec![&json!("AAPL"), &json!("MSFT")], &json!(["NONE"])));
    for bad in ["", "?symbols=", "?symbols=a%20b", "?symbols=A&symbols=B"] {
        house.get(&format!("/v1/assets/lookup{bad}")).await.is_problem(400, "invalid-parameter");
    }
    rate(&house, "AAPL", "moderate").await;
    let bad = json!({"class": "brave", "reason": "x"});
    house.post("/v1/assets/AAPL/ratings", "bad", &bad).await.is_problem(422, "invalid-body");
    let unknown = json!({"class": "moderate", "reason": "x"});
    house.post("/v1/assets/NONE/ratings", "none", &unknown).await.is_problem(404, "asset-unknown");
}

#[tokio::test]
async fn products_are_as_risky_as_the_log_says_whatever_the_read_models_have_seen_of_it() {
    // Nobody keeps the read models up to date.
    let house = House::with(Limits::default(), false).await;
    let advisor = house.advisor().await;
    let portfolio = house.portfolio(&advisor).await;
    rate(&house, "AAPL", "conservative").await;
    rate(&house, "AAPL", "aggressive").await;
    let client = client(&house, &advisor, Some("conservative")).await;
    let made = recommend(&house, &portfolio, "\"1\"", &[&client], json!({})).await;
    assert_eq!(made.status, 202, "{made:?}");
    let events = house.get(&format!("/v1/portfolios/{portfolio}/events")).await.body;
    let advice = &events["items"][1]["data"]["recommended"];
    assert_eq!(advice["terms"]["product_classes"], json!({"AAPL": "aggressive"}), "{events}");
}
