//! What operators do: provision, migrate, rebuild, see to what is parked, make tokens, ask how things stand.

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use events::recommendation::RecommendationCommand;
use events::values::{Actor, CommandId, Note, RecommendationId};
use events::{Position, Recommendation};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::{SignedDuration, Timestamp};
use journal::{CommandContext, Expect, Verdict};
use notifier::Notifier;
use projections::letters::Unsent;
use projections::parked::ParkedEvent;
use serde_json::json;
use sqlx::PgPool;

use crate::settings::Settings;
use crate::{roles, sync_always};

/// What to do with parked events.
#[derive(Debug, Subcommand)]
pub enum ParkedAction {
    /// Run an effect on an event again, and take it off the list if it goes well
    Retry {
        /// Which effect: `recommend` or `notify`
        effect: String,
        /// Where the event stands: `advisory-42`
        position: Position,
    },
    /// Take an event off an effect's list without running it
    Dismiss {
        /// Which effect: `recommend` or `notify`
        effect: String,
        /// Where the event stands: `advisory-42`
        position: Position,
    },
    /// Give an aggregate's parked events to a read model again, in order
    Project {
        /// Which read model
        read_model: String,
        /// The aggregate's subject
        subject: String,
    },
}

/// How long a token for one run of the demo is good for.
pub const DEMO_TOKEN_VALID_FOR: SignedDuration = SignedDuration::from_mins(30);

/// What an operator has found out about a letter.
#[derive(Debug, Subcommand)]
pub enum LetterAction {
    /// It was delivered: record it as sent
    Delivered {
        /// The recommendation
        recommendation: String,
    },
    /// It was not delivered: send it again
    Release {
        /// The recommendation
        recommendation: String,
        /// How you found out
        #[arg(long)]
        reason: String,
    },
}

/// Which token to make.
#[derive(Debug, Args)]
pub struct TokenOptions {
    /// What it is for, in a few words
    #[arg(long, default_value = "operator")]
    label: String,
    /// How many hours it is good for, 8760 at the most
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=8760))]
    hours: u32,
}

/// Makes the streams that are not there, and checks those that are.
///
/// # Errors
/// Where the server cannot be reached, or a stream is there and differs.
pub async fn provision(settings: &Settings) -> anyhow::Result<()> {
    sync_always::check(settings).await?;
    let servers = settings.nats_operator_servers();
    let client = journal::connect(&servers, "/insights/provision").await?;
    let context = async_nats::jetstream::new(client);
    journal::topology::provision(&context, settings.nats_replicas).await?;
    Ok(())
}

/// Makes or brings up to date the tables of both schemas.
///
/// # Errors
/// Where the database cannot be reached or a migration fails.
pub async fn migrate(settings: &Settings) -> anyhow::Result<()> {
    let pool = roles::pool(settings).await?;
    vault::migrate(&pool).await.context("the schema `vault`")?;
    projections::migrate(&pool).await.context("the schema `read`")?;
    Ok(())
}

/// Builds read models anew.
///
/// # Errors
/// Where there is no such read model, or a server cannot be reached.
pub async fn rebuild(settings: &Settings, read_model: Option<&str>) -> anyhow::Result<()> {
    let journal = roles::journal(settings, "rebuild").await?;
    let pool = roles::pool(settings).await?;
    let names = match read_model {
        Some(name) => vec![name],
        None => projections::model::names().collect(),
    };
    for name in names {
        let style = ProgressStyle::with_template("{msg:16} {wide_bar} {pos}/{len} events, {per_sec}, {eta} left")?;
        let bar = ProgressBar::new(0).with_style(style).with_message(name.to_owned());
        projections::rebuild::run(&journal, &pool, name, |progress| {
            bar.set_length(progress.total);
            bar.set_position(progress.done);
        })
        .await?;
        bar.finish();
        println!("{name} is rebuilt");
    }
    Ok(())
}

/// Lists what consumers gave up on, or sees to it.
///
/// # Errors
/// Where a server cannot be reached, the event is not parked, or it does not go well again.
pub async fn parked(settings: &Settings, action: Option<ParkedAction>) -> anyhow::Result<()> {
    let journal = roles::journal(settings, "parked").await?;
    let pool = roles::pool(settings).await?;
    let Some(action) = action else {
        for one in journal.parked().await? {
            println!("{}", serde_json::to_string(&one)?);
        }
        for one in projections::parked::list(&pool).await? {
            println!("{}", parked_line(&one));
        }
        return Ok(());
    };
    let (effect, position, dismissed) = match action {
        ParkedAction::Project { read_model, subject } => {
            let retried = projections::parked::retry(&journal, &pool, &read_model, &subject).await?;
            println!("{read_model} has taken {} events of {subject}", retried.taken);
            if retried.parked > 0 {
                bail!("{} stay parked: `insights parked` says why", retried.parked);
            }
            return Ok(());
        }
        ParkedAction::Retry { effect, position } => (effect, position, false),
        ParkedAction::Dismiss { effect, position } => (effect, position, true),
    };
    let all = journal.parked().await?;
    let one = all.into_iter().find(|one| one.effect == effect && one.position() == Some(position));
    let one = one.with_context(|| format!("{effect} has not parked the event at {position}"))?;
    if !dismissed {
        let recorded = journal.event_at(position).await?.with_context(|| format!("there is no event at {position}"))?;
        let verdict = match effect.as_str() {
            "recommend" => recommender::handle(&journal, Timestamp::now(), recorded).await,
            "supersede" => recommender::succession::handle(&journal, Timestamp::now(), recorded).await,
            "notify" => {
                let (vault, mailer) = (roles::vault(settings, pool)?, roles::mailer(settings)?);
                let letters = roles::letters(settings)?;
                notifier::handle(&Notifier::new(journal.clone(), vault, mailer, letters, Timestamp::now), recorded)
                    .await
            }
            other => bail!("there is no effect `{other}`"),
        };
        match verdict {
            Verdict::Done => {}
            Verdict::Later { after } => bail!("not now: it asks for {after:?} more"),
            Verdict::Park { reason } => bail!("it is parked again: {reason}"),
        }
    }
    journal.resolve_parked(&one).await?;
    println!("{effect} has {} the event at {position}", if dismissed { "dismissed" } else { "seen to" });
    Ok(())
}

/// Records what an operator has found out about a letter.
///
/// # Errors
/// Where the rules refuse it, or the log cannot be written.
pub async fn letter(settings: &Settings, action: LetterAction) -> anyhow::Result<()> {
    let journal = roles::journal(settings, "operator").await?;
    let (id, reason) = match action {
        LetterAction::Delivered { recommendation } => (recommendation, None),
        LetterAction::Release { recommendation, reason } => (recommendation, Some(Note::parse(&reason)?)),
    };
    let id = RecommendationId::parse(&id).with_context(|| format!("`{id}` is not the id of a recommendation"))?;
    let command = match reason {
        Some(reason) => RecommendationCommand::ReleaseEmail { reason },
        None => {
            let Recommendation::Made { letter, .. } = journal.state::<Recommendation>(&id).await?.state else {
                bail!("there is no recommendation {id}");
            };
            let events::recommendation::Letter::OutcomeUnknown { attempt } = letter else {
                bail!("the letter is {}, not of unknown outcome", letter.word());
            };
            RecommendationCommand::RecordEmailed { attempt }
        }
    };
    let context = CommandContext {
        command_id: CommandId::new(uuid::Uuid::new_v4()),
        time: Timestamp::now(),
        actor: Actor::parse("operator:console")?,
        expect: Expect::Any,
        request_digest: None,
        causation_id: None,
    };
    let done = journal.execute::<Recommendation>(&id, &command, &context).await?;
    println!("{:?} at version {}", done.outcome, done.version);
    Ok(())
}

/// Makes a token and prints it, once.
///
/// # Errors
/// Where the database cannot be reached.
pub async fn token(settings: &Settings, options: &TokenOptions) -> anyhow::Result<()> {
    let vault = roles::vault(settings, roles::pool(settings).await?)?;
    let valid_for = SignedDuration::from_hours(i64::from(options.hours));
    let token = vault.create_token(vault::Role::Admin, &options.label, Timestamp::now(), valid_for).await?;
    println!("{}", token.secret);
    Ok(())
}

/// Says how servers, streams, tables and consumers stand.
///
/// # Errors
/// Where anything is not as it must be; all of it is looked at first.
pub async fn doctor(settings: &Settings) -> anyhow::Result<()> {
    let mut ill = 0;
    let mut say = |what: &str, result: anyhow::Result<String>| match result {
        Ok(well) => println!("ok    {what}: {well}"),
        Err(error) => {
            ill += 1;
            println!("wrong {what}: {error:#}");
        }
    };
    say("disk", sync_always::check(settings).await.map(str::to_owned));
    match roles::journal(settings, "doctor").await {
        Ok(journal) => {
            let streams = journal::topology::verify(journal.context(), None).await;
            say("streams", streams.map(|()| "as deploy/nats/topology.json says".to_owned()).map_err(Into::into));
            for effect in [&recommender::EFFECT, &recommender::succession::EFFECT, &notifier::EFFECT] {
                let lag = journal::effect::lag(&journal, effect).await;
                let lag = lag.map(|(behind, open)| format!("{behind} events to come, {open} under way"));
                say(effect.name, lag.map_err(Into::into));
            }
            let parked = journal.parked().await.map(|parked| format!("{} events of effects", parked.len()));
            say("parked", parked.map_err(Into::into));
            match roles::pool(settings).await {
                Ok(pool) => {
                    say("letters", letters(&pool).await);
                    match projections::lag::lag(&journal, &pool, Timestamp::now()).await {
                        Ok(lags) => {
                            for lag in lags {
                                let text = format!("{} events behind, {} parked", lag.events, lag.parked);
                                say(&format!("read model {}", lag.read_model), Ok(text));
                            }
                        }
                        Err(error) => say("read models", Err(error.into())),
                    }
                }
                Err(error) => say("database", Err(error)),
            }
        }
        Err(error) => say("log", Err(error)),
    }
    if ill > 0 {
        bail!("{ill} things are wrong");
    }
    Ok(())
}

/// How letters that have not left stand. Waiting is no fault of theirs: a mail server that rests makes them wait.
async fn letters(pool: &PgPool) -> anyhow::Result<String> {
    let unsent = projections::letters::unsent(pool).await?;
    let say = |one: &Unsent| format!("{} {}, the oldest of {}", one.count, one.letter, one.since);
    let told: Vec<String> = unsent.iter().map(say).collect();
    Ok(if told.is_empty() { "none waits".to_owned() } else { told.join("; ") })
}

/// An event that a read model did not take, as one line.
fn parked_line(parked: &ParkedEvent) -> serde_json::Value {
    json!({
        "read_model": parked.read_model,
        "position": parked.position,
        "subject": parked.subject,
        "event_type": parked.event_type,
        "time": parked.time,
        "reason": parked.reason,
    })
}
