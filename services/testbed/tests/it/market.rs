//! Market data: from sources into the log, and from there to whoever asks.

mod by_hand;
mod correction;
mod grpc;
mod keep_fresh;
mod nasty;
mod tables;

use std::time::Duration;

use events::Asset;
use events::asset::{AssetCommand, Listed};
use events::values::{Actor, AssetId, CommandId, Currency};
use jiff::Timestamp;
use journal::{CommandContext, Expect, Journal, JournalSettings};
use market::LoadOptions;
use testbed::Nats;

/// A log of our own.
async fn log() -> (Nats, Journal) {
    let nats = Nats::one().await;
    let client = journal::connect(&nats.operator_urls(), "/insights/provision").await.unwrap();
    journal::topology::provision(&async_nats::jetstream::new(client), 1).await.unwrap();
    let journal = Journal::connect(&JournalSettings::new(nats.urls(), "/insights/load")).await.unwrap();
    (nats, journal)
}

fn options() -> LoadOptions {
    LoadOptions {
        actor: Actor::parse("operator:test").unwrap(),
        currency: Currency::parse("USD").unwrap(),
        overrule: false,
        unit_confirmed: false,
        clock: Timestamp::now,
    }
}

fn id(text: &str) -> AssetId {
    AssetId::parse(text).unwrap()
}

/// Gives a command, which has to be taken.
async fn command(journal: &Journal, asset: &str, command: &AssetCommand) {
    let context = CommandContext {
        command_id: CommandId::new(uuid::Uuid::new_v4()),
        time: Timestamp::now(),
        actor: Actor::parse("operator:test").unwrap(),
        expect: Expect::Any,
        request_digest: None,
        causation_id: None,
    };
    journal.execute::<Asset>(&id(asset), command, &context).await.unwrap();
}

/// What the log knows of the asset, if it is listed.
async fn known(journal: &Journal, asset: &str) -> Option<Listed> {
    match journal.state::<Asset>(&id(asset)).await.unwrap().state {
        Asset::Listed(listed) => Some(listed),
        Asset::Unknown => None,
    }
}

/// The asset's closes as text, ascending by day.
async fn closes(journal: &Journal, asset: &str) -> Vec<String> {
    let Some(listed) = known(journal, asset).await else { return Vec::new() };
    listed.bars.as_slice().iter().map(|bar| bar.close.to_string()).collect()
}

/// As polite as a test needs it.
fn quick() -> market::Politeness {
    market::Politeness {
        between_questions: Duration::from_millis(1),
        timeout: Duration::from_millis(700),
        backoff: Duration::from_millis(5),
        backoff_max: Duration::from_millis(50),
        retry_after_max: Duration::from_millis(1_500),
        failures_max: 1_000,
        ..market::Politeness::default()
    }
}
