//! What happened to assets, from the stream of the market: in the log's order, once, in pages that are bounded.

use events::Stream;
use reqwest::Method;
use serde_json::{Value, json};

use super::cast::Cast;
use super::house::{House, unique};

/// The pages of a list, each with its items.
async fn pages(house: &House, token: &str, path: &str) -> Vec<Vec<Value>> {
    let (mut pages, mut next) = (Vec::new(), path.to_owned());
    loop {
        let page = house.ask_as_stranger(Method::GET, &next, |request| request.bearer_auth(token)).await;
        assert_eq!(page.status, 200, "{page:?}");
        pages.push(page.body["items"].as_array().unwrap().clone());
        let Some(cursor) = page.body["next"].as_str() else { return pages };
        next = format!("{path}&cursor={cursor}");
    }
}

fn positions(items: &[Value]) -> Vec<u64> {
    let sequence = |item: &Value| item["position"].as_str().unwrap().strip_prefix("market-").unwrap().parse().unwrap();
    items.iter().map(sequence).collect()
}

#[tokio::test]
async fn everybody_is_told_what_happened_to_assets_in_the_log_s_order() {
    let cast = Cast::assemble().await;
    let house = &cast.house;
    let body = json!({"name": "Apple", "reason": "It calls itself so."});
    assert_eq!(house.change(Method::PUT, "/v1/assets/AAPL", "\"2\"", &body).await.status, 200);
    let listed = json!({"id": "BRK.B", "name": "Berkshire", "currency": "USD"});
    house.post("/v1/assets", &unique("a"), &listed).await.created();
    let body = json!({"date": "2024-02-01", "reason": "It merged."});
    let delisted = house.post("/v1/assets/BRK.B/delisting", &unique("d"), &body).await;
    let end = house.journal.last_position(Stream::Market).await.unwrap().sequence;
    for token in [&house.token, &cast.compliance, &cast.ana.token] {
        let told = pages(house, token, "/v1/events?stream=market&limit=2").await.concat();
        assert_eq!(positions(&told), (1..=end).collect::<Vec<_>>());
    }
    let all = pages(house, &house.token, "/v1/events?stream=market").await.concat();
    let last = all.last().unwrap();
    assert_eq!((&last["type"], &last["subject"]), (&json!("insights.asset.delisted.v1"), &json!("asset/BRK.B")));
    assert_eq!(last["data"], json!({"delisted": {"date": "2024-02-01", "reason": "It merged."}}));
    assert_eq!(last["position"], delisted.header("insights-position"));

    let found = async |query: &str| {
        let told = pages(house, &house.token, &format!("/v1/events?stream=market&limit=1&{query}")).await;
        positions(&told.concat())
    };
    let expected =
        |fits: &dyn Fn(&Value) -> bool| positions(&all.iter().filter(|fact| fits(fact)).cloned().collect::<Vec<_>>());
    assert_eq!(found("id=AAPL").await, expected(&|fact| fact["subject"] == "asset/AAPL"));
    assert_eq!(found("id=BRK.B&kind=asset").await, expected(&|fact| fact["subject"] == "asset/BRK.B"));
    assert_eq!(found("type=asset.listed").await, expected(&|fact| fact["type"] == "insights.asset.listed.v3"));
    assert!(found("id=NONE").await.is_empty() && found("type=asset.split").await.is_empty());
    assert_eq!(found("from=market-2&until=market-4").await, [2, 3, 4]);
    let time = all[3]["time"].as_str().unwrap();
    assert_eq!(found(&format!("until={time}")).await, [1, 2, 3, 4]);
    assert_eq!(
        found(&format!("from={time}&id=AAPL")).await,
        expected(&|fact| { fact["subject"] == "asset/AAPL" && positions(std::slice::from_ref(fact))[0] >= 4 })
    );

    for bad in [
        "stream=prices",
        "stream=market&kind=portfolio",
        "kind=asset",
        "stream=market&id=a%20b",
        "stream=market&from=advisory-1",
        "from=market-1",
    ] {
        house.get(&format!("/v1/events?{bad}")).await.is_problem(400, "invalid-parameter");
    }
    let live =
        house.ask(Method::GET, "/v1/events?stream=market", |request| request.header("Accept", "text/event-stream"));
    let live = live.await;
    live.is_problem(400, "invalid-parameter");
    assert_eq!(live.errors(), [("stream".to_owned(), "only-in-pages".to_owned())]);
}

#[tokio::test]
async fn a_page_of_long_events_ends_early_and_the_next_goes_on() {
    const ASSETS: usize = 9;
    let house = House::open().await;
    for asset in insights::demo_prices::all().unwrap().iter().take(ASSETS) {
        let bars: Vec<(&str, &str)> = asset.bars.iter().map(|(date, close)| (date.as_str(), close.as_str())).collect();
        house.asset(&asset.symbol, &bars).await;
    }
    let end = house.journal.last_position(Stream::Market).await.unwrap().sequence;
    let told = pages(&house, &house.token, "/v1/events?stream=market&limit=100").await;
    assert!(told.len() > 1 && told.iter().all(|page| !page.is_empty()), "{} pages", told.len());
    assert_eq!(positions(&told.concat()), (1..=end).collect::<Vec<_>>());
}
