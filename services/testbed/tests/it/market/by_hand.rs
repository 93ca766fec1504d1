//! Prices, splits and payments that come in through the web API, and what is read of them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::house::{Answer, House, unique};

async fn listed(house: &House, id: &str) {
    let body = json!({"id": id, "name": format!("{id} Inc."), "currency": "USD", "class": "equity", "exchange": "NMS"});
    house.post("/v1/assets", &unique(id), &body).await.created();
}

fn prices(bars: &[Value]) -> Value {
    json!({"source": "a test", "basis": "raw", "bars": bars})
}

fn close(date: &str, close: &str) -> Value {
    json!({"date": date, "close": close})
}

fn dividend(ex_date: &str, amount: &str) -> Value {
    json!({"source": "a test", "ex_date": ex_date, "amount": amount})
}

/// The answer to the body under a key of its own, which says that it was taken.
async fn taken(house: &House, path: &str, body: &Value) -> Answer {
    let answer = house.post(path, &unique("by-hand"), body).await;
    assert_eq!(answer.status, 200, "{path} {answer:?}");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_known_of_a_day_is_recorded_and_read_back_with_what_follows_from_splits_and_dividends() {
    let house = House::open().await;
    listed(&house, "ABC").await;
    let full =
        json!({"date": "2024-01-02", "open": "100.5", "high": "102", "low": "99.25", "close": "100", "volume": 12_000});
    taken(&house, "/v1/assets/ABC/prices", &prices(&[full, close("2024-01-03", "50"), close("2024-01-04", "49")]))
        .await;
    let split = json!({"source": "a test", "date": "2024-01-03", "new_units": "2", "old_units": "1"});
    taken(&house, "/v1/assets/ABC/splits", &split).await;
    let paid = taken(&house, "/v1/assets/ABC/dividends", &dividend("2024-01-04", "1")).await;

    let series = house.get_after("/v1/assets/ABC/prices", &paid).await.body;
    assert_eq!((&series["basis"], &series["not_adjusted_because"]), (&json!("raw"), &Value::Null));
    let first = &series["bars"][0];
    let told = ["open", "high", "low", "close", "volume"].map(|field| first[field].clone());
    assert_eq!(told, [json!("100.5"), json!("102"), json!("99.25"), json!("100"), json!(12_000)]);
    for bar in series["bars"].as_array().unwrap() {
        assert!((bar["adjusted_close"].as_f64().unwrap() - 49.0).abs() < 1e-12, "a split is no loss, {bar}");
    }
    let table = house.get("/v1/assets/ABC/prices?format=csv").await;
    assert_eq!(table.header("content-type"), "text/csv; charset=utf-8");
    let lines: Vec<&str> = table.body.as_str().unwrap().lines().collect();
    assert_eq!(lines[1], "2024-01-02,100.5,102,99.25,100,12000,49,");
    let arrow = house.get("/v1/assets/ABC/prices?format=arrow").await;
    assert_eq!((arrow.status.as_u16(), arrow.header("content-type")), (200, "application/vnd.apache.arrow.stream"));
    assert_eq!(arrow.header("insights-position"), paid.header("insights-position"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_split_or_dividend_again_is_confirmed_and_changes_nothing() {
    let house = House::open().await;
    listed(&house, "ABC").await;
    let split = json!({"source": "a test", "date": "2024-01-03", "new_units": "4", "old_units": "1"});
    for (path, body, other) in [
        ("/v1/assets/ABC/splits", split, json!({"new_units": "5"})),
        ("/v1/assets/ABC/dividends", dividend("2024-01-04", "0.25"), json!({"amount": "0.5"})),
    ] {
        let first = house.post(path, "k-1", &body).await;
        assert_eq!(first.status, 200, "{first:?}");
        let before = house.written().await;
        let again = house.post(path, "k-1", &body).await;
        assert_eq!((&again.body, again.header("idempotent-replayed")), (&first.body, "true"));
        assert_eq!(house.written().await, before);
        let known = house.post(path, "k-2", &body).await;
        assert_eq!(known.status, 200, "what is known already is no mistake: {known:?}");
        assert_eq!(house.written().await.market(), before.market() + 1);
        let confirmed = house.get_now("/v1/events?stream=market&type=asset.confirmed").await.body;
        let last = confirmed["items"].as_array().unwrap().last().unwrap().clone();
        let what = if path.ends_with("splits") { "split" } else { "payment" };
        assert_eq!(last["data"], json!({"confirmed": {"what": what, "reason": null}}));
        assert_eq!(last["position"], known.header("insights-position"));
        let before = house.written().await;
        let mut changed = body.clone();
        changed.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
        house.post(path, "k-1", &changed).await.is_problem(422, "idempotency-key-reused");
        assert_eq!(house.written().await, before);
        taken(&house, path, &changed).await;
        assert_ne!(house.written().await, before, "another value for the day is a new fact");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_price_split_or_dividend_is_refused_and_nothing_is_written() {
    let house = House::open().await;
    listed(&house, "ABC").await;
    taken(&house, "/v1/assets/ABC/prices", &prices(&[close("2024-01-03", "10")])).await;
    let before = house.written().await;
    let bar = |field: &str, value: Value| {
        let mut bar = close("2024-01-04", "10");
        bar[field] = value;
        prices(&[bar])
    };
    let split = |new: &str| json!({"source": "a test", "date": "2024-01-04", "new_units": new, "old_units": "1"});
    let kind = json!({"source": "a test", "ex_date": "2024-01-04", "amount": "1", "kind": "gift"});
    let cases = [
        ("prices", bar("open", json!("-1")), "#/bars/0/open", "price-not-positive"),
        ("prices", bar("high", json!("x")), "#/bars/0/high", "not-a-decimal"),
        ("prices", bar("low", json!(9.5)), "#/bars/0/low", "wrong-type"),
        ("prices", bar("volume", json!(-1)), "#/bars/0/volume", "wrong-type"),
        ("splits", split("1"), "#/new_units", "not-a-split"),
        ("splits", split("0"), "#/new_units", "not-a-split"),
        ("dividends", dividend("2024-01-04", "0"), "#/amount", "not-a-payment"),
        ("dividends", dividend("2024-1-4", "1"), "#/ex_date", "not-a-day"),
        ("dividends", kind, "#/kind", "not-a-payment-kind"),
    ];
    for (noun, body, place, fault) in cases {
        let answer = house.post(&format!("/v1/assets/ABC/{noun}"), &unique("bad"), &body).await;
        answer.is_problem(422, "invalid-body");
        assert_eq!(answer.errors(), [(place.to_owned(), fault.to_owned())], "{body}");
    }
    let all = house.post("/v1/assets/ABC/dividends", &unique("bad"), &dividend("2024-01-04", "10")).await;
    all.is_problem(409, "payment-not-below-price");
    assert!(all.body["detail"].as_str().unwrap().contains("10 on 2024-01-03"), "{all:?}");
    house.post("/v1/assets/NONE/splits", &unique("bad"), &split("2")).await.is_problem(404, "asset-unknown");
    assert_eq!(house.written().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_as_large_as_the_price_gives_no_wrong_figure_and_hides_no_price() {
    let house = House::open().await;
    let advisor = house.advisor().await;
    listed(&house, "ABC").await;
    // Nothing speaks against it yet; then the prices come.
    taken(&house, "/v1/assets/ABC/dividends", &dividend("2024-01-03", "20")).await;
    let days = ["2024-01-02", "2024-01-03", "2024-01-04"];
    let priced = taken(&house, "/v1/assets/ABC/prices", &prices(&days.map(|day| close(day, "20")))).await;
    let allocation = json!([{"asset": "ABC", "weight": "1"}]);
    let body = json!({"advisor": advisor, "name": "Growth", "currency": "USD", "allocation": allocation});
    let created = house.post("/v1/portfolios", &unique("portfolio"), &body).await;
    let figures = format!("/v1/portfolios/{}/figures", created.created());
    house.get_after(&figures, &created).await;

    let unfit = house.get_after(&figures, &priced).await;
    assert_eq!(unfit.status, 200, "{unfit:?}");
    for figure in unfit.body["figures"].as_array().unwrap() {
        assert_eq!((&figure["value"], &figure["reason"]["code"]), (&Value::Null, &json!("payment-not-below-price")));
    }
    let later = house.get(&format!("{figures}?from=2024-01-03")).await.body;
    let cumulative = |answer: &Value| {
        let figures = answer["figures"].as_array().unwrap();
        figures.iter().find(|figure| figure["id"] == "cumulative").unwrap()["value"].clone()
    };
    assert_eq!(cumulative(&later), json!(0.0), "what comes after it does not depend on it");
    let series = house.get("/v1/assets/ABC/prices").await.body;
    let adjusted = |row: usize| series["bars"][row]["adjusted_close"].clone();
    assert_eq!((adjusted(0), adjusted(1), adjusted(2)), (Value::Null, json!(20.0), json!(20.0)));
    assert_eq!((&series["bars"][0]["close"], &series["bars"][1]["total_return"]), (&json!("20"), &json!(1.0)));
    let why = series["not_adjusted_because"].as_str().unwrap();
    assert!(why.contains("20 on 2024-01-03 is not below the close before it"), "{why}");
    let quality = house.get("/v1/assets/ABC/quality").await;
    assert_eq!((quality.status.as_u16(), quality.body["unfit_payment"].as_str()), (200, Some(why)));
    let lines = house.get("/v1/assets/ABC/prices?format=csv").await.body;
    assert!(lines.as_str().unwrap().contains("2024-01-02,,,,20,,,\n"), "{lines}");

    // It was pence: once that is said, everything is there.
    let paid = taken(&house, "/v1/assets/ABC/dividends", &dividend("2024-01-03", "0.2")).await;
    let fit = house.get_after(&figures, &paid).await.body;
    assert!((cumulative(&fit).as_f64().unwrap() - (1.0 / 0.99 - 1.0)).abs() < 1e-12, "{fit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_split_and_a_dividend_that_never_were_are_withdrawn_and_what_was_known_before_stays() {
    let house = House::open().await;
    let advisor = house.advisor().await;
    listed(&house, "ABC").await;
    let days = ["2024-01-02", "2024-01-03", "2024-01-04"];
    taken(&house, "/v1/assets/ABC/prices", &prices(&days.map(|day| close(day, "20")))).await;
    let split = json!({"source": "a test", "date": "2024-01-03", "new_units": "2", "old_units": "1"});
    taken(&house, "/v1/assets/ABC/splits", &split).await;
    let paid = taken(&house, "/v1/assets/ABC/dividends", &dividend("2024-01-04", "1")).await;
    let allocation = json!([{"asset": "ABC", "weight": "1"}]);
    let body = json!({"advisor": advisor, "name": "Growth", "currency": "USD", "allocation": allocation});
    let created = house.post("/v1/portfolios", &unique("portfolio"), &body).await;
    let figures = format!("/v1/portfolios/{}/figures", created.created());
    house.get_after(&figures, &created).await;
    let cumulative = |answer: &Value| {
        let figures = answer["figures"].as_array().unwrap();
        figures.iter().find(|figure| figure["id"] == "cumulative").unwrap()["value"].as_f64().unwrap()
    };
    let before = house.get_after(&figures, &paid).await.body;
    // Twice as many units, and a payment of a twentieth that is taken off the close before it.
    assert!((cumulative(&before) - (2.0 / 0.95 - 1.0)).abs() < 1e-12, "{before}");
    let series = house.get("/v1/assets/ABC/prices").await.body;
    let told: Vec<&str> =
        series["actions"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert_eq!(told, ["split", "dividend"]);

    let then = paid.header("insights-position").to_owned();
    let withdrawal =
        |kind: &str, date: &str| json!({"source": "Ana", "reason": "it never was", "kind": kind, "date": date});
    taken(&house, "/v1/assets/ABC/withdrawals", &withdrawal("split", "2024-01-03")).await;
    let last = taken(&house, "/v1/assets/ABC/withdrawals", &withdrawal("dividend", "2024-01-04")).await;
    let after = house.get_after(&figures, &last).await.body;
    assert!(cumulative(&after).abs() < 1e-12, "{after}");
    let series = house.get("/v1/assets/ABC/prices").await.body;
    assert_eq!((&series["actions"], &series["bars"][0]["adjusted_close"]), (&json!([]), &json!(20.0)));
    let known_then = house.get(&format!("{figures}?as_of={then}")).await.body;
    assert_eq!(known_then["figures"], before["figures"]);
    let series = house.get(&format!("/v1/assets/ABC/prices?as_of={then}")).await.body;
    assert_eq!(series["actions"].as_array().unwrap().len(), 2);

    let written = house.written().await;
    for (kind, date) in [("split", "2024-01-03"), ("dividend", "2024-01-03"), ("capital_gain", "2024-01-04")] {
        let answer = house.post("/v1/assets/ABC/withdrawals", &unique("again"), &withdrawal(kind, date)).await;
        answer.is_problem(409, "action-unknown");
    }
    let unknown = house.post("/v1/assets/NONE/withdrawals", &unique("none"), &withdrawal("split", "2024-01-03")).await;
    unknown.is_problem(404, "asset-unknown");
    let bad = json!({"source": "", "reason": "", "kind": "split", "date": "soon"});
    let answer = house.post("/v1/assets/ABC/withdrawals", &unique("bad"), &bad).await;
    answer.is_problem(422, "invalid-body");
    assert_eq!(answer.errors().len(), 3, "{answer:?}");
    assert_eq!(house.written().await, written);
    // It may be said again, by a person.
    let again = taken(&house, "/v1/assets/ABC/dividends", &dividend("2024-01-04", "1")).await;
    let figured = house.get_after(&figures, &again).await.body;
    assert!((cumulative(&figured) - (1.0 / 0.95 - 1.0)).abs() < 1e-12, "{figured}");
}

#[tokio::test(flavor = "multi_thread")]
async fn quality_is_shown_as_of_then_and_no_position_is_taken_that_is_not_there_yet() {
    let house = House::open().await;
    listed(&house, "ABC").await;
    let first =
        taken(&house, "/v1/assets/ABC/prices", &prices(&[close("2024-01-02", "10"), close("2024-01-03", "11")])).await;
    let then = first.header("insights-position").to_owned();
    let last = taken(&house, "/v1/assets/ABC/prices", &prices(&[close("2024-02-01", "12")])).await;
    let now = house.get_after("/v1/assets/ABC/quality", &last).await.body;
    let before = house.get(&format!("/v1/assets/ABC/quality?as_of={then}")).await.body;
    let gaps = |quality: &Value| quality["gaps"].as_array().unwrap().len();
    assert_eq!((&now["days"], gaps(&now), &before["days"], gaps(&before)), (&json!(3), 1, &json!(2), 0));
    for format in ["json", "csv", "arrow"] {
        let path = format!("/v1/assets/ABC/prices?format={format}&as_of={then}");
        assert_eq!(house.get(&path).await.header("insights-position"), then, "{format}");
    }
    let table = house.get(&format!("/v1/assets/ABC/prices?format=csv&as_of={then}")).await.body;
    assert_eq!(table.as_str().unwrap().lines().count(), 3);
    for path in ["prices?as_of=market-99999", "quality?as_of=market-99999", "quality?as_of=soon", "quality?x=1"] {
        house.get(&format!("/v1/assets/ABC/{path}")).await.is_problem(400, "invalid-parameter");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thinned_series_keeps_its_ends_and_its_spike_and_says_how_many_days_there_are() {
    let house = House::open().await;
    listed(&house, "ABC").await;
    let day = |n: usize| jiff::civil::date(2020, 1, 1) + jiff::Span::new().days(i64::try_from(n).unwrap());
    let bars: Vec<Value> = (0..1_000)
        .map(|n| close(&day(n).to_string(), if n == 617 { "500" } else { ["10", "11", "10.5"][n % 3] }))
        .collect();
    let priced = taken(&house, "/v1/assets/ABC/prices", &prices(&bars)).await;
    let whole = house.get_after("/v1/assets/ABC/prices", &priced).await.body;
    assert_eq!((whole["bars"].as_array().unwrap().len(), &whole["days"]), (1_000, &json!(1_000)));
    let thin = house.get("/v1/assets/ABC/prices?points=50").await.body;
    let days: Vec<&str> = thin["bars"].as_array().unwrap().iter().map(|bar| bar["date"].as_str().unwrap()).collect();
    assert_eq!((days.len(), &thin["days"]), (50, &json!(1_000)));
    assert_eq!((days[0], days[49]), ("2020-01-01", day(999).to_string().as_str()));
    assert!(days.contains(&day(617).to_string().as_str()), "{days:?}");
    let of_whole = whole["bars"].as_array().unwrap();
    assert!(thin["bars"].as_array().unwrap().iter().all(|bar| of_whole.contains(bar)), "points are days, not averages");
    let table = house.get("/v1/assets/ABC/prices?points=50&format=csv").await.body;
    assert_eq!(table.as_str().unwrap().lines().count(), 51);
    for bad in ["points=2", "points=10001", "points=x", "from=2024-01-02&to=2024-01-01", "format=xml"] {
        house.get(&format!("/v1/assets/ABC/prices?{bad}")).await.is_problem(400, "invalid-parameter");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn assets_are_found_by_letters_and_by_facets_and_counted_by_them() {
    let house = House::open().await;
    for (id, class, currency) in [("ABC", "equity", "USD"), ("ABX", "etf", "USD"), ("XYZ", "etf", "EUR")] {
        let body =
            json!({"id": id, "name": format!("{id} Inc."), "currency": currency, "class": class, "sector": "Tools"});
        house.post("/v1/assets", &unique(id), &body).await.created();
    }
    let found = async |query: &str| -> Vec<String> {
        let page = house.get_now(&format!("/v1/assets?{query}")).await.body;
        page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(found("q=ab").await, ["ABC", "ABX"]);
    assert_eq!(found("class=etf").await, ["ABX", "XYZ"]);
    assert_eq!(found("class=etf&currency=EUR&sector=Tools").await, ["XYZ"]);
    assert_eq!(found("q=%25").await, Vec::<String>::new(), "a sign is a sign, not a pattern");
    let facets = house.get("/v1/assets/facets?class=etf").await.body;
    let count = |field: &str, value: Value| {
        let facets = facets.as_array().unwrap().iter();
        facets
            .filter(|facet| facet["field"] == field && facet["value"] == value)
            .map(|facet| facet["assets"].as_i64())
            .next()
    };
    assert_eq!(count("currency", json!("USD")), Some(Some(1)));
    assert_eq!((count("class", json!("etf")), count("class", json!("equity"))), (Some(Some(2)), None));
    assert_eq!(count("exchange", Value::Null), Some(Some(2)), "what was not said is counted, too");
    assert_eq!(found("class=gold").await, Vec::<String>::new());
    let long = format!("/v1/assets?q={}", "x".repeat(121));
    house.get(&long).await.is_problem(400, "invalid-parameter");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_asset_is_listed_with_its_calendar_and_its_rating_and_what_is_not_said_its_exchange_tells() {
    let house = House::open().await;
    let listed = json!({"id": "BTC-USD", "name": "Bitcoin", "currency": "USD", "class": "crypto", "exchange": "NMS",
        "calendar": "every_day", "risk_class": "aggressive"});
    let answer = house.post("/v1/assets", &unique("btc"), &listed).await;
    answer.created();
    let first = house.get_after("/v1/assets/BTC-USD", &answer).await.body;
    assert_eq!((&first["calendar"], &first["risk_class"]), (&json!("every_day"), &json!("aggressive")));
    // A Friday and the Monday after: where the week-end counts, two days are missing.
    let bars = prices(&[close("2024-01-05", "10"), close("2024-01-08", "11")]);
    let priced = taken(&house, "/v1/assets/BTC-USD/prices", &bars).await;
    let quality = house.get_after("/v1/assets/BTC-USD/quality", &priced).await.body;
    assert_eq!((&quality["calendar"], &quality["gaps"][0]["days"]), (&json!("every_day"), &json!(2)));
    let edited = json!({"name": "Bitcoin", "class": "crypto", "exchange": "NMS", "reason": "It closes, they say."});
    let edited = house.change(Method::PUT, "/v1/assets/BTC-USD", "\"2\"", &edited).await;
    let now = house.get_after("/v1/assets/BTC-USD", &edited).await.body;
    assert_eq!((&now["calendar"], &now["risk_class"]), (&json!("new_york"), &json!("aggressive")));
    assert_eq!(house.get("/v1/assets/BTC-USD/quality").await.body["gaps"], json!([]));
    let then = answer.header("insights-position");
    assert_eq!(house.get(&format!("/v1/assets/BTC-USD?as_of={then}")).await.body, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_asset_is_not_listed_with_a_calendar_that_nobody_keeps_nor_cash_as_a_risk() {
    let house = House::open().await;
    let other = json!({"id": "ABC", "name": "ABC", "currency": "USD", "calendar": "lunar", "risk_class": "none"});
    let refused = house.post("/v1/assets", &unique("abc"), &other).await;
    refused.is_problem(422, "invalid-body");
    let codes = [("#/calendar", "not-one-of"), ("#/risk_class", "not-one-of")];
    assert_eq!(refused.errors(), codes.map(|(place, code)| (place.to_owned(), code.to_owned())));
    let cash = json!({"id": "CASH", "name": "Cash", "currency": "USD", "class": "cash", "risk_class": "aggressive"});
    house.post("/v1/assets", &unique("cash"), &cash).await.is_problem(409, "cash-is-conservative");
}
