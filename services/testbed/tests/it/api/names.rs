//! Names are found and stand in order whatever their case, their accents and their spelling in Unicode, now and of the past.

use events::Stream;
use reqwest::Method;
use serde_json::{Value, json};

use super::house::{Answer, House, portfolio, unique};

/// Names of portfolios in the order of names; those that come to the same stand in the order of their ids.
const IN_ORDER: [&[&str]; 11] = [
    &["\u{301}\u{327}"], // nothing but accents: nothing is left of it
    &["Ações Brasil", "ACOES brasil", "Ac\u{327}o\u{303}es Brasil"],
    &["AÇÕES Brasil II"],
    &["agil", "Ágil"],
    &["Agora"],
    &["İstanbul"],
    &["STRASSE", "Straße"],
    &["Straße 2"],
    &["Zebra"],
    &["ΟΔΟΣ", "Οδός"],
    &["❤\u{fe0f} Verde"],
];

/// Names as long as names are of letters that come to more than any others: whole phrases, and words in one square.
fn longest() -> [String; 2] {
    ["ﷺ".repeat(120), ('\u{3300}'..='\u{3377}').collect()]
}

fn names(page: &Answer) -> Vec<String> {
    assert_eq!(page.status, 200, "{page:?}");
    let name = |item: &Value| item["name"].as_str().or(item["identity"]["name"].as_str()).unwrap().to_owned();
    page.body["items"].as_array().unwrap().iter().map(name).collect()
}

/// The names of a whole list, page by page.
async fn all(house: &House, list: &str) -> Vec<String> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = house.get_now(&format!("{list}{cursor}")).await;
        found.extend(names(&page));
        let Some(next) = page.body["next"].as_str() else { return found };
        cursor = format!("&cursor={next}");
    }
}

/// The names, of which those that come to the same stand in any order.
fn without_ties(names: &[String]) -> Vec<Vec<&str>> {
    let mut rest = names.iter().map(String::as_str);
    IN_ORDER.iter().map(|same| sorted(rest.by_ref().take(same.len()))).collect()
}

fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn portfolios_stand_in_the_order_of_their_letters_and_are_found_by_them_now_and_of_the_past() {
    let house = House::open().await;
    let advisor = house.advisor().await;
    for asset in ["AAPL", "MSFT"] {
        house.asset(asset, &[]).await;
    }
    let mut portfolios = Vec::new();
    // The last one comes first, so that the order of names is no other's.
    for name in IN_ORDER.iter().rev().flat_map(|same| same.iter()) {
        let mut body = portfolio(&advisor);
        body["name"] = json!(name);
        portfolios.push(house.post("/v1/portfolios", &unique("p"), &body).await.created());
    }
    let then = house.journal.last_position(Stream::Advisory).await.unwrap();
    let expected: Vec<Vec<&str>> = IN_ORDER.iter().map(|same| sorted(same.iter().copied())).collect();
    let now = all(&house, "/v1/portfolios?sort=name&limit=1").await;
    assert_eq!(without_ties(&now), expected);
    assert_eq!(now.len(), portfolios.len(), "each once");

    let searches = [
        ("acoes", [1, 2].as_slice()),
        ("AÇÕES BRASIL", &[1, 2]),
        ("ac\u{327}o\u{303}es brasil i", &[2]),
        ("AGIL", &[3]),
        ("a\u{301}", &[1, 2, 3, 4]),
        ("istan", &[5]),
        ("İSTAN", &[5]),
        ("STRASSE", &[6, 7]),
        ("straße 2", &[7]),
        ("ὀδός", &[9]),
        ("ΟΔΟΣ", &[9]),
        ("❤ verde", &[10]),
        ("brasil", &[]),
    ];
    let found = async |query: &str| all(&house, &format!("/v1/portfolios?{query}")).await;
    let mut of_now = Vec::new();
    for (search, places) in searches {
        let names = found(&format!("search={search}&limit=2")).await;
        let expected = sorted(places.iter().flat_map(|&place| IN_ORDER[place]).copied());
        assert_eq!(sorted(names.iter().map(String::as_str)), expected, "{search}");
        of_now.push(names);
    }
    house.get("/v1/portfolios?search=\u{301}").await.is_problem(400, "invalid-parameter");

    // All have other names now, as long as names may be among them; the past has its own.
    let others = longest().into_iter().chain((2..).map(|n| format!("Other {n}")));
    for (id, name) in portfolios.iter().zip(others) {
        let body = json!({"name": name, "reason": "because"});
        let renamed = house.change(Method::PATCH, &format!("/v1/portfolios/{id}"), "\"1\"", &body).await;
        assert_eq!(renamed.status, 200, "{renamed:?}");
    }
    assert_eq!(found(&format!("sort=name&limit=1&as_of={then}")).await, now);
    for ((search, _), of_now) in searches.into_iter().zip(of_now) {
        assert_eq!(found(&format!("search={search}&limit=2&as_of={then}")).await, of_now, "{search}");
        assert!(found(&format!("search={search}")).await.is_empty(), "{search}");
    }
    let later = house.journal.last_position(Stream::Advisory).await.unwrap();
    let renamed = found("sort=name&limit=1").await;
    assert_eq!(renamed.len(), portfolios.len());
    assert_eq!(renamed[renamed.len() - 2..], longest());
    assert_eq!(found(&format!("sort=name&limit=1&as_of={later}")).await, renamed);
    assert_eq!(found("search=صلى الله عليه وسلم").await, longest()[..1]);
}

#[tokio::test]
async fn a_part_of_a_name_finds_the_same_in_every_list_now_and_of_the_past() {
    const NAMES: [&str; 7] =
        ["Ações Brasil", "Ac\u{327}o\u{303}es II", "Straße", "İstanbul", "Οδός", "União ❤\u{fe0f}", "Zebra"];
    let house = House::open().await;
    for asset in ["AAPL", "MSFT"] {
        house.asset(asset, &[]).await;
    }
    let advisor = house.advisor().await;
    for (n, name) in NAMES.into_iter().enumerate() {
        let asset = json!({"id": format!("A{n}"), "name": name, "currency": "BRL"});
        house.post("/v1/assets", &unique("asset"), &asset).await.created();
        let person = json!({"name": name, "firm": "Casa Ônix"});
        house.post("/v1/advisors", &unique("advisor"), &person).await.created();
        let client = json!({"advisor": advisor, "name": name, "email": format!("c{n}@client.example")});
        house.post("/v1/clients", &unique("client"), &client).await.created();
        let mut model = portfolio(&advisor);
        (model["name"], model["model"]) = (json!(name), json!(true));
        house.post("/v1/portfolios", &unique("model"), &model).await.created();
    }
    let lists = [
        ("/v1/advisors?search=", Stream::Advisory),
        ("/v1/clients?search=", Stream::Advisory),
        ("/v1/models?firm=Casa%20Verde&search=", Stream::Advisory),
        ("/v1/assets?q=", Stream::Market),
    ];
    for (list, stream) in lists {
        let then = house.journal.last_position(stream).await.unwrap();
        for (search, found) in [
            ("coes", [0, 1].as_slice()),
            ("ÇÕES", &[0, 1]),
            ("c\u{327}o\u{303}es b", &[0]),
            ("RASS", &[2]),
            ("raße", &[2]),
            ("ISTAN", &[3]),
            ("δος", &[4]),
            ("ΔΌΣ", &[4]),
            ("uniao ❤", &[5]),
            ("zéb", &[6]),
            ("%25", &[]),
        ] {
            let now = names(&house.get_now(&format!("{list}{search}&limit=100")).await);
            let expected: Vec<&str> = found.iter().map(|&place| NAMES[place]).collect();
            assert_eq!(now, expected, "{list}{search}");
            let past = names(&house.get(&format!("{list}{search}&limit=100&as_of={then}")).await);
            assert_eq!(past, now, "{list}{search}");
        }
    }
    for list in ["/v1/advisors", "/v1/clients", "/v1/portfolios"] {
        house.get(&format!("{list}?search=\u{303}")).await.is_problem(400, "invalid-parameter");
    }
    // The firm is looked at as well as the name, and the symbol as well as the name, which begins behind a space.
    assert_eq!(names(&house.get_now("/v1/advisors?search=ONIX").await).len(), NAMES.len());
    assert_eq!(names(&house.get_now("/v1/assets?q=a0 ac").await), NAMES[..1]);
    let facets = house.get_now("/v1/assets/facets?q=ACOES").await;
    let brl = json!({"field": "currency", "value": "BRL", "assets": 2});
    assert!(facets.body.as_array().unwrap().contains(&brl), "{facets:?}");
    // Of accents alone nothing is left to look for.
    assert_eq!(names(&house.get_now("/v1/assets?q=\u{301}").await), names(&house.get_now("/v1/assets?q=").await));
}
