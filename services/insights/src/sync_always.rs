//! The servers' promise that what they acknowledge is on the disk.

use std::time::Duration;

use anyhow::{Context, bail};
use serde::Deserialize;

use crate::settings::{NatsSync, Settings};

#[derive(Deserialize)]
struct JetStream {
    config: Option<Config>,
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    sync_always: bool,
}

/// How long a server may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Succeeds when every server says at its monitoring address that it writes to the disk before it acknowledges.
/// JetStream does not do so by default, and an operator who forgot it would lose acknowledged advice at the next power
/// cut. The answer is for people.
///
/// # Errors
/// Where no address is set, unless the settings say that nobody is to ask; for the first server that does not answer or
/// does not sync.
pub async fn check(settings: &Settings) -> anyhow::Result<&'static str> {
    let monitors = settings.nats_monitors();
    if monitors.is_empty() {
        return match settings.nats_sync {
            NatsSync::Unchecked => Ok("not asked, as nats_sync says"),
            NatsSync::Checked => bail!(
                "nobody can tell whether the nats servers write to the disk before they acknowledge: set \
                 INSIGHTS_NATS_MONITOR_URL to their monitoring addresses, or INSIGHTS_NATS_SYNC=unchecked to go on \
                 without knowing"
            ),
        };
    }
    let client = reqwest::Client::builder().timeout(ANSWER_WITHIN).build()?;
    for monitor in &monitors {
        let url = format!("{}/jsz?config=true", monitor.trim_end_matches('/'));
        let answer = client.get(&url).send().await.with_context(|| format!("{monitor} does not answer"))?;
        let answer: JetStream = answer.json().await.with_context(|| format!("{monitor} says nothing of JetStream"))?;
        if !answer.config.is_some_and(|config| config.sync_always) {
            bail!("{monitor} acknowledges before it writes to the disk: set sync_interval: \"always\"");
        }
    }
    Ok("every server syncs before it acknowledges")
}
