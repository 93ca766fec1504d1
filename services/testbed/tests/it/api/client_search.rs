//! Clients who are looked for by name or address, both of which are sealed.

use reqwest::Method;
use serde_json::{Value, json};

use super::cast::Cast;
use super::house::{Answer, House, unique};

/// The clients' names on one page.
fn names(page: &Answer) -> Vec<&str> {
    assert_eq!(page.status, 200, "{page:?}");
    page.body["items"].as_array().unwrap().iter().map(|item| item["identity"]["name"].as_str().unwrap()).collect()
}

async fn register(house: &House, advisor: &str, name: &str, email: &str) -> String {
    let body = json!({"advisor": advisor, "name": name, "email": email});
    house.post("/v1/clients", &unique("client"), &body).await.created()
}

#[tokio::test]
async fn clients_are_found_by_a_part_of_their_name_or_address_and_only_these_are_on_record_as_read() {
    let cast = Cast::assemble().await;
    let (ana, rui, house) = (&cast.ana, &cast.rui, &cast.house);
    register(house, &ana.id, "Márcia Álvares", "m.alvares@client.example").await;
    let bruno = register(house, &ana.id, "Bruno Lima", "bruno@marcia.example").await;
    let other = register(house, &rui.id, "Marcos Álvares", "marcos@client.example").await;
    let before = house.get_now("/v1/advisors").await;
    assert_eq!(before.status, 200, "the read models are there");
    let before = house.journal.last_position(events::Stream::Advisory).await.unwrap();
    let search = async |token: &str, query: &str| cast.get_by(token, &format!("/v1/clients?search={query}")).await;
    for (query, found) in [
        ("%C3%81LVARES", vec!["Márcia Álvares"]),
        ("MARCIA", vec!["Márcia Álvares", "Bruno Lima"]),
        ("ma%CC%81rcia%20%C3%A0L", vec!["Márcia Álvares"]),
        ("JOSE%20d", vec!["José da Silva"]),
        ("m.%C3%81LVARES%40", vec!["Márcia Álvares"]),
        ("client.example&sort=-created", vec!["Márcia Álvares", "José da Silva"]),
        ("bruno&standing=removed", vec![]),
        ("%25", vec![]),
    ] {
        assert_eq!(names(&search(&ana.token, query).await), found, "{query}");
    }
    let all = search(&cast.compliance, "%C3%A1lvares").await;
    assert_eq!(names(&all), ["Márcia Álvares", "Marcos Álvares"]);
    let narrowed = format!("%C3%A1lvares&advisor={}", rui.id);
    assert_eq!(names(&search(&cast.compliance, &narrowed).await), ["Marcos Álvares"]);
    assert!(names(&search(&ana.token, &narrowed).await).is_empty(), "another's clients are not there");
    for query in ["", "a%00", "%CC%81", &"a".repeat(121)] {
        search(&ana.token, query).await.is_problem(400, "invalid-parameter");
    }

    // Page by page, with the search in the link.
    let first = search(&cast.compliance, "LVARES&limit=1").await;
    assert_eq!(names(&first), ["Márcia Álvares"]);
    let next = first.header("link").trim_start_matches('<').split('>').next().unwrap().to_owned();
    let second = cast.get_by(&cast.compliance, &next).await;
    assert_eq!(names(&second), ["Marcos Álvares"]);

    // Each finding is on record, and no looking past: Ana found Bruno once, compliance Marcos thrice.
    let reads = async |client: &str| -> Vec<String> {
        let listed = cast.get_by(&cast.compliance, &format!("/v1/clients/{client}/reads")).await;
        let operation = |read: &Value| {
            let role = read["actor"].as_str().unwrap().split(':').next().unwrap();
            format!("{role} {}", read["operation"].as_str().unwrap())
        };
        listed.body["items"].as_array().unwrap().iter().map(operation).collect()
    };
    assert_eq!(reads(&bruno).await, ["advisor listClients"]);
    assert_eq!(reads(&other).await, ["compliance listClients"; 3]);

    // As they were called then, and as they are called now.
    let married = json!({"name": "Bruno Prado", "email": "bruno@prado.example"});
    let edited = house.change(Method::PUT, &format!("/v1/clients/{bruno}"), "\"1\"", &married).await;
    assert_eq!(edited.status, 200, "{edited:?}");
    assert_eq!(house.get_now("/v1/advisors").await.status, 200);
    assert!(names(&search(&ana.token, "lima").await).is_empty());
    assert_eq!(names(&search(&ana.token, "prado").await), ["Bruno Prado"]);
    assert_eq!(names(&search(&ana.token, &format!("lima&as_of={before}")).await), ["Bruno Lima"]);
    assert!(names(&search(&ana.token, &format!("prado&as_of={before}")).await).is_empty());

    // Whose key is destroyed is found by nobody.
    let id = uuid::Uuid::parse_str(&bruno).unwrap();
    sqlx::query("DELETE FROM vault.data_keys WHERE client = $1").bind(id).execute(&house.pool).await.unwrap();
    assert!(names(&search(&ana.token, "prado").await).is_empty());
}

#[tokio::test]
async fn a_search_ends_short_rather_than_open_clients_without_end() {
    /// One more than one request opens.
    const CLIENTS: usize = 1_001;
    /// Few enough for a busy machine to import in time.
    const CLIENTS_OF_A_FILE: usize = 250;
    let house = House::open().await;
    let advisor = house.advisor().await;
    for first in (0..CLIENTS).step_by(CLIENTS_OF_A_FILE) {
        let lines = (first..CLIENTS.min(first + CLIENTS_OF_A_FILE))
            .map(|n| format!("Client {n},c{n}@client.example,{advisor}\n"));
        let file = format!("name,email,advisor\n{}", lines.collect::<String>());
        let imported = house.ask(Method::POST, "/v1/clients/import", |request| {
            request.header("Idempotency-Key", unique("file")).header("Content-Type", "text/csv").body(file)
        });
        let imported = imported.await;
        assert!(imported.status.is_success(), "{imported:?}");
    }
    let last = CLIENTS - 1;
    let first = house.get_now(&format!("/v1/clients?search=client%20{last}")).await;
    assert!(names(&first).is_empty(), "it is behind those that were opened: {first:?}");
    let next = first.body["next"].as_str().unwrap();
    let second = house.get(&format!("/v1/clients?search=client%20{last}&cursor={next}")).await;
    assert_eq!(names(&second), [format!("Client {last}")]);
    assert!(second.body["next"].is_null());
    let newest_first = house.get(&format!("/v1/clients?search=client%20{last}&sort=-created")).await;
    assert_eq!(names(&newest_first), [format!("Client {last}")]);
}
