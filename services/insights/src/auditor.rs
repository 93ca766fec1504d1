//! What auditors do: read the log and check it.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use events::values::AggregateId;
use events::{Kind, Position, Stream, Subject};
use jiff::Timestamp;
use journal::{Journal, Recorded};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::roles;
use crate::settings::Settings;

/// Events that are read at a time.
const BATCH: usize = 1_000;
/// How long a replay waits for an event that should be there.
const WAIT: Duration = Duration::from_secs(5);

/// What `insights events` prints.
#[derive(Debug, Args)]
pub struct EventsOptions {
    /// An aggregate: its subject, or its kind and id as `portfolio/2c5e...` or `asset/AAPL`
    #[arg(required_unless_present = "stream", conflicts_with = "stream")]
    aggregate: Option<String>,
    /// A whole stream instead: `advisory` or `market`
    #[arg(long)]
    stream: Option<String>,
    /// Begin at this position (`advisory-42`) or time (`2026-01-31T12:00:00Z`)
    #[arg(long)]
    from: Option<String>,
    /// End behind this position or time
    #[arg(long)]
    until: Option<String>,
}

/// A place in a stream, given as a position or as a time.
#[derive(Debug, Clone, Copy)]
enum Bound {
    Position(Position),
    Time(Timestamp),
}

impl Bound {
    fn parse(text: &str) -> anyhow::Result<Self> {
        match text.parse() {
            Ok(position) => Ok(Self::Position(position)),
            Err(_) => Ok(Self::Time(text.parse().with_context(|| {
                format!(
                    "`{text}` is neither a position such as `advisory-42` nor a time such as `2026-01-31T12:00:00Z`"
                )
            })?)),
        }
    }

    /// How the event stands to the bound. An event whose time cannot be read is never left out.
    fn compare(self, recorded: &Recorded) -> std::cmp::Ordering {
        match self {
            Self::Position(bound) => recorded.position().sequence.cmp(&bound.sequence),
            Self::Time(bound) => recorded.metadata().map_or(std::cmp::Ordering::Equal, |known| known.time.cmp(&bound)),
        }
    }
}

/// Prints events as JSON lines.
///
/// # Errors
/// Where the aggregate or a bound cannot be read, the aggregate is unknown, or the log cannot be read.
pub async fn events(settings: &Settings, options: EventsOptions, stop: CancellationToken) -> anyhow::Result<()> {
    let journal = roles::journal(settings, "auditor").await?;
    let from = options.from.as_deref().map(Bound::parse).transpose()?;
    let until = options.until.as_deref().map(Bound::parse).transpose()?;
    let within = |recorded: &Recorded| {
        from.is_none_or(|from| from.compare(recorded).is_ge())
            && until.is_none_or(|until| until.compare(recorded).is_le())
    };
    if let Some(aggregate) = options.aggregate {
        let history = journal.history(&subject(&aggregate)?).await?;
        if history.is_empty() {
            bail!("nothing has ever happened to `{aggregate}`");
        }
        for recorded in history.iter().filter(|recorded| within(recorded)) {
            if !print(&line(recorded))? {
                break;
            }
        }
        return Ok(());
    }
    let name = options.stream.unwrap_or_default();
    let stream = Stream::ALL.into_iter().find(|stream| stream.token() == name);
    let stream = stream.with_context(|| format!("`{name}` is no stream; there are `advisory` and `market`"))?;
    for bound in [from, until].into_iter().flatten() {
        if let Bound::Position(position) = bound
            && position.stream != stream
        {
            bail!("{position} is no position in the stream `{name}`");
        }
    }
    let after = match from {
        Some(Bound::Position(position)) => position.sequence.saturating_sub(1),
        Some(Bound::Time(_)) | None => 0,
    };
    replay(&journal, stream, after, stop, |recorded| {
        if within(recorded) && !print(&line(recorded))? {
            return Ok(false);
        }
        // Times are not in order everywhere, positions are.
        Ok(!matches!(until, Some(bound @ Bound::Position(_)) if bound.compare(recorded).is_ge()))
    })
    .await
}

/// Gives every event of the stream from `after` to its present end, until `each` says that it is enough.
async fn replay(
    journal: &Journal,
    stream: Stream,
    after: u64,
    stop: CancellationToken,
    mut each: impl FnMut(&Recorded) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let last = journal.last_position(stream).await?.sequence;
    let mut reader = journal.reader(stream, after).await?;
    while reader.after() < last && !stop.is_cancelled() {
        let batch = reader.next(BATCH, WAIT).await?;
        if batch.events.is_empty() {
            bail!("{} ends at {last}, and nothing came after {}", stream.name(), reader.after());
        }
        for recorded in &batch.events {
            if recorded.position().sequence > last || !each(recorded)? {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn subject(text: &str) -> anyhow::Result<Subject> {
    if let Ok((kind, token)) = Subject::parse(text) {
        return Ok(Subject::new(kind, token));
    }
    let (kind, id) = text.split_once('/').with_context(|| format!("`{text}` is no aggregate"))?;
    let kind = Kind::ALL.into_iter().find(|known| known.token() == kind);
    let kind = kind.with_context(|| format!("`{text}` names no kind of aggregate"))?;
    let token = match kind {
        Kind::Asset => events::values::AssetId::parse(id)?.token(),
        Kind::Advisor | Kind::Client | Kind::Portfolio | Kind::Recommendation | Kind::Backtest => id.to_owned(),
    };
    Ok(Subject::new(kind, &token))
}

/// Prints a line. False where nobody reads any more, as behind `head`.
fn print(line: &Value) -> anyhow::Result<bool> {
    match writeln!(std::io::stdout().lock(), "{line}") {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// One event as one line. What cannot be read is said so, not left out.
fn line(recorded: &Recorded) -> Value {
    let mut line = json!({
        "position": recorded.position(),
        "subject": recorded.subject(),
        "type": recorded.event_type(),
        "trace_parent": recorded.trace_parent(),
    });
    match recorded.metadata() {
        Ok(metadata) => line["metadata"] = json!(metadata),
        Err(error) => line["unreadable"] = json!(error.to_string()),
    }
    match recorded.decode() {
        Ok(event) => line["event"] = json!(event),
        Err(error) => line["unreadable"] = json!(error.to_string()),
    }
    line
}

/// Checks the log as a whole and prints what it found.
///
/// # Errors
/// Where the log cannot be read, or anything in it is not as it must be.
pub async fn verify(settings: &Settings) -> anyhow::Result<()> {
    let journal = roles::journal(settings, "auditor").await?;
    let mut wrong = 0;
    for stream in Stream::ALL {
        let report = crate::verify::log(&journal, stream, &[]).await?;
        println!("{report}");
        wrong += report.violations();
    }
    if wrong > 0 {
        bail!("the log is not as it must be: {wrong} violations");
    }
    Ok(())
}
