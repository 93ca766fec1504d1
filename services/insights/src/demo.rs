//! `insights demo`: the main job, once, through the public web API alone, each step printed with what it took.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::client::Client;
use crate::instance::{FOLDER, Instance};
use crate::settings::Settings;
use crate::{demo_prices, operator, roles, up};

/// How long the letter may take to leave.
const LETTER_WITHIN: Duration = Duration::from_secs(60);

/// Which instance the demo uses.
#[derive(Debug, Args)]
pub struct Options {
    /// An instance's address; where none is given, the one that runs in this folder, or else one of its own
    #[arg(long, requires = "token")]
    url: Option<String>,
    /// A token for that instance
    #[arg(long, env = "INSIGHTS_DEMO_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

/// Does the main job.
///
/// # Errors
/// Where any step of it does not happen.
pub async fn run(settings: Settings, options: Options, stop: CancellationToken) -> anyhow::Result<()> {
    if let (Some(url), Some(token)) = (&options.url, &options.token) {
        return main_job(&Client::new(url, token)?, None).await;
    }
    if let Some(instance) = Instance::running(FOLDER.as_ref()) {
        println!("Using the instance that runs in this folder, at {}", instance.url);
        let token = fresh_token(&instance.complete(settings)).await?;
        return main_job(&Client::new(&instance.url, &token)?, Some(&instance)).await;
    }
    println!("Starting an instance in this folder: private servers, every role");
    let began = Instant::now();
    let running = up::start(settings, stop).await?;
    println!("  it runs at {} after {:.1} s\n", running.instance.url, began.elapsed().as_secs_f64());
    let client = Client::new(&running.instance.url, &running.token)?;
    let instance = running.instance.clone();
    let shown = main_job(&client, Some(&instance)).await;
    // Ended in any case; what went wrong in the job itself is the more telling of two errors.
    let ended = running.end().await;
    shown.and(ended)
}

async fn fresh_token(settings: &Settings) -> anyhow::Result<String> {
    let vault = roles::vault(settings, roles::pool(settings).await?)?;
    Ok(vault.create_token(vault::Role::Admin, "demo", Timestamp::now(), operator::DEMO_TOKEN_VALID_FOR).await?.secret)
}

/// Prints steps with their durations.
struct Steps {
    number: u32,
    began: Instant,
}

impl Steps {
    fn done(&mut self, what: &str) {
        self.number += 1;
        println!("{:>2}. {what:<72} {:>8.1} ms", self.number, self.began.elapsed().as_secs_f64() * 1e3);
        self.began = Instant::now();
    }
}

async fn main_job(client: &Client, instance: Option<&Instance>) -> anyhow::Result<()> {
    let all_began = Instant::now();
    let mut steps = Steps { number: 0, began: Instant::now() };
    // One key for this run's commands: each run is a new advisor with a new client.
    let run = Uuid::new_v4().to_string();
    let key = |what: &str| format!("{run}-{what}");

    let market = load_prices(client, &mut steps).await?;

    let advisor = client
        .post("/v1/advisors", &key("advisor"), None, &json!({"name": "Ana Souza", "firm": "Casa Verde Investimentos"}))
        .await?;
    let advisor_id = text(&advisor.body, "/id")?;
    steps.done(&format!("advisor registered: {advisor_id}"));

    let client_body = json!({"advisor": advisor_id, "name": "João Pereira", "email": "joao.pereira@client.example"});
    let registered = client.post("/v1/clients", &key("client"), None, &client_body).await?;
    let client_id = text(&registered.body, "/id")?;
    // Nobody has rated the demo's companies, so a portfolio of them is for clients who can bear the most.
    let answers = json!({"objective": "speculation", "horizon": "over_ten_years", "loss_capacity": "more",
        "knowledge": "professional", "liquidity_need": "none"});
    let version = registered.etag.as_deref().context("the client has no version")?;
    let path = format!("/v1/clients/{client_id}/suitability");
    client.put(&path, &key("suitability"), version, &json!({"answers": answers})).await?;
    steps.done(&format!("client registered and assessed: {client_id}"));

    let created = client
        .post(
            "/v1/portfolios",
            &key("portfolio"),
            None,
            &json!({
                "advisor": advisor_id,
                "name": "Growth",
                "currency": "USD",
                "allocation": allocation(&[("AAPL", "0.40"), ("JNJ", "0.25"), ("KO", "0.20"), ("XOM", "0.15")]),
            }),
        )
        .await?;
    let portfolio_id = text(&created.body, "/id")?;
    steps.done(&format!("portfolio created: {portfolio_id}"));

    let path = format!("/v1/portfolios/{portfolio_id}");
    client.get("/v1/assets/AAPL", market.as_deref()).await.context("the prices are not in the read model")?;
    let figures_path = format!("{path}/figures?risk_free_rate=0.02");
    let figures = client.get(&figures_path, created.position.as_deref()).await?;
    steps.done("figures read");
    print_figures(&figures.body)?;

    let changed = client
        .put(
            &format!("{path}/allocation"),
            &key("allocation"),
            created.etag.as_deref().context("the portfolio has no version")?,
            &json!({
                "allocation": allocation(&[("AAPL", "0.30"), ("JNJ", "0.30"), ("KO", "0.25"), ("XOM", "0.15")]),
                "reason": "Less weight on one share after a strong year",
            }),
        )
        .await?;
    steps.done("allocation changed: AAPL 40 % -> 30 %, JNJ 25 % -> 30 %, KO 20 % -> 25 %");

    let recommended = client
        .post(
            &format!("{path}/recommendations"),
            &key("recommendation"),
            changed.etag.as_deref(),
            &json!({
                "client_ids": [client_id],
                "rationale": "A calm mix of four large companies for a horizon of ten years and more.\nThe weight \
                              of Apple is lower than before, so that one share decides less.",
            }),
        )
        .await?;
    steps.done("portfolio recommended");

    let list = format!("/v1/recommendations?portfolio={portfolio_id}");
    let settled = client
        .until(&list, LETTER_WITHIN, |body| {
            body.pointer("/items/0/letter/state")
                .and_then(Value::as_str)
                .is_some_and(|letter| !["due", "claimed"].contains(&letter))
        })
        .await
        .context("the letter has not left; `insights events --stream advisory` tells what became of it")?;
    let letter = text(&settled.body, "/items/0/letter/state")?;
    if letter != "sent" {
        bail!("the letter is {letter}");
    }
    let recommendation_id = text(&settled.body, "/items/0/id")?;
    steps.done(&format!("letter sent for recommendation {recommendation_id}"));

    let events = client.get(&format!("{path}/events"), None).await?;
    steps.done("portfolio replayed from the log");
    print_events(&events.body)?;

    println!();
    println!("letter     {}", where_is_the_letter(instance, &recommendation_id)?);
    println!("trace      {}", recommended.trace_id.context("the request was not traced")?);
    println!("all of it  {:.1} s", all_began.elapsed().as_secs_f64());
    Ok(())
}

/// Lists the assets and records their prices; the position behind the last of them.
async fn load_prices(client: &Client, steps: &mut Steps) -> anyhow::Result<Option<String>> {
    let assets = demo_prices::all()?;
    let (mut bars, mut known) = (0, 0);
    let mut last = None;
    for asset in &assets {
        let loaded = client.load(asset).await?;
        bars += asset.bars.len();
        known += u32::from(loaded.is_known);
        last = loaded.position;
    }
    let again = if known > 0 { format!(", {known} of them known before") } else { String::new() };
    steps.done(&format!("prices of {} assets loaded: {bars} daily closes{again}", assets.len()));
    Ok(last)
}

fn allocation(targets: &[(&str, &str)]) -> Value {
    targets.iter().map(|(asset, weight)| json!({"asset": asset, "weight": weight})).collect()
}

fn text(body: &Value, pointer: &str) -> anyhow::Result<String> {
    let value = body.pointer(pointer).and_then(Value::as_str);
    Ok(value.with_context(|| format!("the answer has no {pointer}: {body}"))?.to_owned())
}

/// The figures that the demo shows, of all that the API gives.
const SHOWN: [&str; 5] = ["cumulative", "cagr", "volatility", "sharpe", "max_drawdown"];

/// Figures with their definitions; a figure that cannot be given with the reason.
fn print_figures(body: &Value) -> anyhow::Result<()> {
    let (start, end) = (text(body, "/window/start")?, text(body, "/window/end")?);
    println!("      from {start} to {end}, {} daily returns", body["window"]["returns"]);
    let figures = body["figures"].as_array().with_context(|| format!("the answer has no figures: {body}"))?;
    let find = |id: &str| figures.iter().find(|figure| figure["id"] == id);
    for id in SHOWN {
        let figure = find(id).with_context(|| format!("the answer has no {id}: {body}"))?;
        let (name, formula) = (text(figure, "/name")?, text(figure, "/formula")?);
        match (figure["value"].as_f64(), figure["unit"].as_str()) {
            (Some(value), Some("fraction" | "fraction a year")) => {
                println!("      {name:<22} {:>9.2} %   {formula}", value * 100.0);
            }
            (Some(value), _) => println!("      {name:<22} {value:>9.3}     {formula}"),
            (None, _) => println!("      {name:<22} {:>9}     {}", "none", text(figure, "/reason/detail")?),
        }
    }
    let drawdown = |what: &str| text(body, &format!("/max_drawdown/{what}"));
    let recovery = drawdown("recovery").unwrap_or_else(|_| "not yet".to_owned());
    println!("      fell from {} to {}, recovered {recovery}", drawdown("peak")?, drawdown("valley")?);
    print_correlation(&body["correlation"])
}

fn print_correlation(correlation: &Value) -> anyhow::Result<()> {
    let assets = correlation["assets"].as_array().context("the answer has no correlation")?;
    let names: Vec<&str> = assets.iter().filter_map(Value::as_str).collect();
    let heads: Vec<String> = names.iter().map(|name| format!("{name:>6}")).collect();
    println!("      correlation  {}", heads.join(" "));
    for (row, name) in names.iter().enumerate() {
        let cells: Vec<String> = (0..names.len())
            .map(|column| {
                correlation["rows"][row][column].as_f64().map_or("  none".to_owned(), |r| format!("{r:>6.2}"))
            })
            .collect();
        println!("      {name:<12} {}", cells.join(" "));
    }
    Ok(())
}

fn print_events(body: &Value) -> anyhow::Result<()> {
    let events = body["items"].as_array().with_context(|| format!("the answer has no events: {body}"))?;
    if events.len() != 3 {
        bail!("the portfolio has {} events, not 3", events.len());
    }
    for event in events {
        let type_ = text(event, "/type")?;
        println!("      {:<16} {type_:<36} {}", text(event, "/position")?, text(event, "/metadata/time")?);
    }
    Ok(())
}

/// The letter's file, where letters go to a folder of this machine.
fn where_is_the_letter(instance: Option<&Instance>, recommendation_id: &str) -> anyhow::Result<String> {
    let Some(outbox) = instance.map(|instance| &instance.outbox).filter(|outbox| outbox.exists()) else {
        return Ok("went to the mail server".to_owned());
    };
    for entry in std::fs::read_dir(outbox)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().contains(recommendation_id)) {
            return Ok(path.display().to_string());
        }
    }
    bail!("the letter is said to be sent, and is not in {}", outbox.display())
}
