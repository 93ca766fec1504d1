//! Lists that begin with what is newest, and what compliance and administrators narrow them to.

use reqwest::Method;
use serde_json::{Value, json};

use super::cast::Cast;
use super::house::{portfolio, unique};

/// The ids of a whole list, page by page, as the links lead.
async fn ids(cast: &Cast, token: &str, path: &str) -> Vec<String> {
    let (mut next, mut ids) = (path.to_owned(), Vec::new());
    loop {
        let page = cast.get_by(token, &next).await;
        assert_eq!(page.status, 200, "{next}: {page:?}");
        let id = |item: &Value| item["id"].as_str().or(item["portfolio"].as_str()).unwrap().to_owned();
        ids.extend(page.body["items"].as_array().unwrap().iter().map(id));
        if page.body["next"].is_null() {
            return ids;
        }
        next = page.header("link").trim_start_matches('<').split('>').next().unwrap().to_owned();
    }
}

/// A cast with some more of everything.
async fn at_work() -> Cast {
    let cast = Cast::assemble().await;
    for n in 0..3 {
        cast.house.client(&cast.ana.id).await;
        let mut body = portfolio(&cast.ana.id);
        body["model"] = json!(n < 2);
        body["name"] = json!(format!("Model {n}"));
        cast.house.post("/v1/portfolios", &unique("p"), &body).await.created();
    }
    assert_eq!(cast.house.get_now("/v1/advisors").await.status, 200, "the read models are there");
    cast
}

#[tokio::test]
async fn the_newest_come_first_where_they_are_asked_for_now_and_of_the_past() {
    let cast = at_work().await;
    let (ana, house) = (&cast.ana, &cast.house);
    let lists = [
        ("/v1/advisors", 2),
        ("/v1/clients", 5),
        ("/v1/portfolios", 5),
        ("/v1/portfolios?standing=active", 5),
        ("/v1/recommendations", 2),
        ("/v1/models?firm=Casa%20Verde", 2),
        ("/v1/assets", 2),
    ];
    for (list, rows) in lists {
        let with = |more: &str| format!("{list}{}{more}", if list.contains('?') { '&' } else { '?' });
        let oldest_first = ids(&cast, &house.token, &with("sort=created")).await;
        assert_eq!(oldest_first.len(), rows, "{list}");
        let mut newest_first = ids(&cast, &house.token, &with("sort=-created&limit=2")).await;
        newest_first.reverse();
        assert_eq!(newest_first, oldest_first, "{list}");
        house.get(&with("sort=desc")).await.is_problem(400, "invalid-parameter");
    }
    let then = house.journal.last_position(events::Stream::Advisory).await.unwrap();
    let before = ids(&cast, &ana.token, "/v1/portfolios?sort=-created").await;
    // What comes later changes nothing of what was the newest then.
    let archived = json!({"standing": "archived", "reason": "Replaced."});
    let path = format!("/v1/portfolios/{}/standing", before[1]);
    assert_eq!(house.change(Method::PUT, &path, "\"1\"", &archived).await.status, 200);
    house.post("/v1/portfolios", "later", &portfolio(&ana.id)).await.created();
    assert_eq!(house.get_now("/v1/advisors").await.status, 200);
    assert_eq!(ids(&cast, &ana.token, "/v1/portfolios?sort=-created").await.len(), before.len() + 1);
    let path = format!("/v1/portfolios?sort=-created&standing=active&limit=2&as_of={then}");
    assert_eq!(ids(&cast, &ana.token, &path).await, before);
    house.get("/v1/portfolios?sort=-created&search=g").await.is_problem(400, "invalid-parameter");
}

#[tokio::test]
async fn advice_is_narrowed_to_whoever_gave_it_and_shows_nobody_more() {
    let cast = at_work().await;
    let (ana, rui) = (&cast.ana, &cast.rui);
    let of = |id: &str| format!("/v1/recommendations?advisor={id}");
    for token in [&cast.compliance, &cast.house.token] {
        assert_eq!(ids(&cast, token, &of(&ana.id)).await, std::slice::from_ref(&ana.recommendation));
        assert_eq!(ids(&cast, token, &of(&rui.id)).await, std::slice::from_ref(&rui.recommendation));
        let narrowed = format!("{}&client={}", of(&ana.id), rui.client);
        assert!(ids(&cast, token, &narrowed).await.is_empty());
    }
    assert_eq!(ids(&cast, &ana.token, &of(&ana.id)).await, std::slice::from_ref(&ana.recommendation));
    assert!(ids(&cast, &ana.token, &of(&rui.id)).await.is_empty(), "another's advice is not there");
    let refused = cast.get_by(&cast.compliance, "/v1/recommendations?advisor=ana&client=x").await;
    refused.is_problem(400, "invalid-parameter");
    let places = [("advisor", "not-an-id"), ("client", "not-an-id")];
    assert_eq!(refused.errors(), places.map(|(place, code)| (place.to_owned(), code.to_owned())));
}

#[tokio::test]
async fn models_are_found_by_a_part_of_their_name_and_by_how_they_stand() {
    let cast = at_work().await;
    let models = async |query: &str| ids(&cast, &cast.ana.token, &format!("/v1/models?{query}")).await;
    let all = models("standing=active").await;
    assert_eq!(all.len(), 2);
    assert_eq!(models("search=DEL%201").await, all[1..]);
    assert!(models("search=del%202").await.is_empty(), "that one is no model");
    let archived = json!({"standing": "archived", "reason": "Replaced."});
    let path = format!("/v1/portfolios/{}/standing", all[0]);
    let done = cast.house.change(Method::PUT, &path, "\"1\"", &archived).await;
    assert_eq!(done.status, 200, "{done:?}");
    assert_eq!(cast.house.get_now("/v1/advisors").await.status, 200);
    assert_eq!(models("standing=archived").await, all[..1]);
    assert_eq!(models("standing=active").await, all[1..]);
    assert_eq!(models("search=model&sort=-created").await, [all[1].clone(), all[0].clone()]);
}

#[tokio::test]
async fn the_register_is_narrowed_to_a_firm_and_a_regime() {
    let cast = at_work().await;
    let (ana, rui, house) = (&cast.ana, &cast.rui, &cast.house);
    let body = json!({"name": "Bia Lima", "firm": "Casa Azul", "regime": "cvm_19", "registration": "C-1"});
    let bia = house.post("/v1/advisors", "bia", &body).await.created();
    assert_eq!(house.get_now("/v1/advisors").await.status, 200);
    for (query, found) in [
        ("firm=Casa%20Verde", vec![ana.id.clone(), rui.id.clone()]),
        ("firm=Casa%20Azul", vec![bia.clone()]),
        ("firm=CASA%20%20azul", vec![bia.clone()]),
        ("firm=Casa", vec![]),
        ("regime=cvm_19", vec![bia.clone()]),
        ("regime=other&sort=-created", vec![rui.id.clone(), ana.id.clone()]),
        ("regime=cvm_19&firm=Casa%20Verde", vec![]),
        ("search=LIMA", vec![bia]),
    ] {
        assert_eq!(ids(&cast, &cast.compliance, &format!("/v1/advisors?{query}")).await, found, "{query}");
    }
    for query in ["regime=sec", "firm=", "sort=name"] {
        cast.get_by(&cast.compliance, &format!("/v1/advisors?{query}")).await.is_problem(400, "invalid-parameter");
    }
    assert!(ids(&cast, &ana.token, "/v1/advisors?firm=Casa%20Azul").await.is_empty(), "others are not there");
}

#[tokio::test]
async fn accounts_are_narrowed_to_a_role_and_an_advisor() {
    let cast = Cast::assemble().await;
    let (ana, rui) = (&cast.ana, &cast.rui);
    let make = async |email: &str, role: &str, advisor: Option<&str>| {
        let mut body = json!({"email": email, "role": role});
        if let Some(advisor) = advisor {
            body["advisor"] = json!(advisor);
        }
        cast.house.post("/v1/accounts", &unique("account"), &body).await.created()
    };
    let admin = make("admin@firm.example", "admin", None).await;
    let of_ana = make("ana@firm.example", "advisor", Some(&ana.id)).await;
    let of_rui = make("rui@firm.example", "advisor", Some(&rui.id)).await;
    let officer = make("officer@firm.example", "compliance", None).await;
    for (query, found) in [
        ("role=admin".to_owned(), vec![&admin]),
        ("role=advisor&limit=1".to_owned(), vec![&of_ana, &of_rui]),
        ("role=compliance".to_owned(), vec![&officer]),
        (format!("advisor={}", ana.id), vec![&of_ana]),
        (format!("advisor={}&role=advisor", rui.id), vec![&of_rui]),
        (format!("advisor={}&role=admin", rui.id), vec![]),
    ] {
        let listed = ids(&cast, &cast.compliance, &format!("/v1/accounts?{query}")).await;
        assert!(listed.iter().eq(found), "{query}: {listed:?}");
    }
    for query in ["role=boss", "advisor=ana"] {
        cast.get_by(&cast.compliance, &format!("/v1/accounts?{query}")).await.is_problem(400, "invalid-parameter");
    }
}
