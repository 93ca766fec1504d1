//! Kept figures as they were: what the list says of a moment is what it said at that moment.

use events::{Position, Stream};
use jiff::Timestamp;
use projections::analyze::Analyst;
use reqwest::Method;
use serde_json::{Value, json};
use testbed::eventually;
use tokio_util::sync::CancellationToken;

use super::cast::Cast;
use super::house::{Answer, House, halves, unique};

/// When the last event of both streams was given.
async fn last_time(house: &House) -> Timestamp {
    let mut last = Timestamp::MIN;
    for stream in [Stream::Advisory, Stream::Market] {
        let end = house.journal.last_position(stream).await.unwrap();
        let event = house.journal.event_at(end).await.unwrap().unwrap();
        last = last.max(event.metadata().unwrap().time);
    }
    last
}

/// The list once figures have been computed from everything that stands in the log.
async fn settled(house: &House, query: &str) -> Answer {
    let end = async |stream| house.journal.last_position(stream).await.unwrap().sequence.cast_signed();
    let (advisory, market) = (end(Stream::Advisory).await, end(Stream::Market).await);
    eventually("figures of everything", async || {
        let there: bool = sqlx::query_scalar(
            "SELECT (SELECT position >= $1 FROM read.checkpoints WHERE read_model = 'portfolio_figures')
                AND (SELECT position >= $2 FROM read.checkpoints WHERE read_model = 'portfolio_figures_prices')
                AND NOT EXISTS (SELECT FROM read.portfolio_figures WHERE stale)",
        )
        .bind(advisory)
        .bind(market)
        .fetch_one(&house.pool)
        .await
        .unwrap();
        there.then_some(())
    })
    .await;
    let listed = house.get_now(&format!("/v1/figures{query}")).await;
    assert_eq!(listed.status, 200, "{listed:?}");
    listed
}

async fn compose(house: &House, advisor: &str, allocation: &Value) -> String {
    let body = json!({"advisor": advisor, "name": "Growth", "currency": "USD", "allocation": allocation});
    house.post("/v1/portfolios", &unique("portfolio"), &body).await.created()
}

async fn price(house: &House, asset: &str, date: &str, close: &str) {
    let bars = json!([{"date": date, "close": close}]);
    let body = json!({"source": "a test", "basis": "adjusted", "bars": bars});
    let priced = house.post(&format!("/v1/assets/{asset}/prices"), &unique("p"), &body).await;
    assert_eq!(priced.status, 200, "{priced:?}");
}

#[tokio::test]
async fn the_list_of_then_is_what_was_listed_then() {
    let house = House::open().await;
    let stop = CancellationToken::new();
    let _stopped_at_the_end = stop.clone().drop_guard();
    let analyst = Analyst::new(house.journal.clone(), house.pool.clone());
    tokio::spawn(async move { analyst.run(stop).await.unwrap() });
    let days = ["2024-01-02", "2024-01-03", "2024-01-04"];
    let closes = |closes: [&'static str; 3]| days.into_iter().zip(closes).collect::<Vec<_>>();
    house.asset("AAPL", &closes(["100", "110", "121"])).await;
    house.asset("MSFT", &closes(["50", "49", "51"])).await;
    house.asset("NEW", &[]).await;
    let cash = json!({"id": "CASH", "name": "Cash", "currency": "USD", "class": "cash"});
    house.post("/v1/assets", &unique("cash"), &cash).await.created();
    let advisor = house.advisor().await;

    let mut seen = Vec::new();
    let look = async || (last_time(&house).await, settled(&house, "").await.body);
    let first = compose(&house, &advisor, &halves("AAPL", "MSFT")).await;
    seen.push(look().await);
    compose(&house, &advisor, &halves("AAPL", "CASH")).await;
    compose(&house, &advisor, &halves("AAPL", "NEW")).await;
    seen.push(look().await);
    price(&house, "AAPL", "2024-01-05", "115").await;
    seen.push(look().await);
    let correction =
        json!({"source": "a test", "reason": "A wrong digit.", "bars": [{"date": "2024-01-03", "close": "109"}]});
    let corrected = house.post("/v1/assets/AAPL/corrections", &unique("c"), &correction).await;
    assert_eq!(corrected.status, 200, "{corrected:?}");
    seen.push(look().await);
    let weights = json!([{"asset": "AAPL", "weight": "0.9"}, {"asset": "MSFT", "weight": "0.1"}]);
    let body = json!({"allocation": weights, "reason": "It fell."});
    let path = format!("/v1/portfolios/{first}/allocation");
    let reallocated = house.change(Method::PUT, &path, "\"1\"", &body).await;
    assert_eq!(reallocated.status, 200, "{reallocated:?}");
    seen.push(look().await);
    for day in days {
        price(&house, "NEW", day, "7").await;
    }
    seen.push(look().await);

    assert!(seen.windows(2).all(|pair| pair[0].1 != pair[1].1), "each step shows");
    for (time, live) in &seen {
        let then = house.get(&format!("/v1/figures?as_of={time}")).await;
        assert_eq!(&then.body, live, "at {time}");
    }
    // A page of the past leads to the next as any other does.
    let (time, live) = seen.last().unwrap();
    let page = house.get(&format!("/v1/figures?as_of={time}&limit=2&advisor={advisor}")).await;
    let next = page.body["next"].as_str().unwrap();
    let rest = house.get(&format!("/v1/figures?as_of={time}&limit=2&advisor={advisor}&cursor={next}")).await;
    let both = [&page, &rest].map(|page| page.body["items"].as_array().unwrap().clone()).concat();
    assert_eq!((Value::from(both), &rest.body["next"]), (live["items"].clone(), &Value::Null));
    // A market position speaks of prices alone: the weights are those of now.
    let market = Position { stream: Stream::Market, sequence: 4 };
    let then = house.get(&format!("/v1/figures?as_of={market}")).await;
    assert_eq!(then.body["items"][0]["portfolio_version"], 2, "{then:?}");
    assert_eq!(then.body["items"][0]["prices_position"], json!(market), "{then:?}");
    let known = house.get(&format!("/v1/portfolios/{first}/figures?as_of={market}")).await;
    assert_eq!(then.body["items"][0]["window"], known.body["window"]);
    for nonsense in ["advisory-99999", "market-99999", "yesterday"] {
        house.get(&format!("/v1/figures?as_of={nonsense}")).await.is_problem(400, "invalid-parameter");
    }
}

#[tokio::test]
async fn figures_of_then_are_their_advisors_alone() {
    let cast = Cast::assemble().await;
    let now = Timestamp::now();
    let listed = async |token: &str| -> Vec<Value> {
        let listed = cast.get_by(token, &format!("/v1/figures?as_of={now}")).await;
        assert_eq!(listed.status, 200, "{listed:?}");
        listed.body["items"].as_array().unwrap().iter().map(|item| item["advisor"].clone()).collect()
    };
    let (ana, rui) = (json!(cast.ana.id), json!(cast.rui.id));
    assert!(listed(&cast.ana.token).await.iter().all(|advisor| *advisor == ana));
    assert!(listed(&cast.rui.token).await.iter().all(|advisor| *advisor == rui));
    let all = listed(&cast.compliance).await;
    assert!(all.contains(&ana) && all.contains(&rui), "{all:?}");
}
