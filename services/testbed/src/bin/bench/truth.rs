//! What callers were told, against what stands in the log.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{bail, ensure};
use events::Stream;
use events::metadata::header;
use journal::Journal;

/// Events read at a time.
const BATCH: usize = 5_000;
/// A log that gives nothing for this long gives nothing any more.
const WAIT: Duration = Duration::from_secs(30);

/// What callers were told.
#[derive(Debug, Default)]
pub struct Told {
    advisory: Vec<u64>,
    market: Vec<u64>,
    /// Answers that left it open whether something was written.
    pub refused: u64,
}

impl Told {
    /// Where the acknowledged events of one stream stand.
    pub const fn of(&mut self, stream: Stream) -> &mut Vec<u64> {
        match stream {
            Stream::Advisory => &mut self.advisory,
            Stream::Market => &mut self.market,
        }
    }

    /// How many events were acknowledged, once each of them was found in the log at its place, no command twice, and
    /// nothing that nobody was told of.
    ///
    /// # Errors
    /// Where that is not so.
    pub async fn check(&mut self, journal: &Journal) -> anyhow::Result<usize> {
        let mut acknowledged = 0;
        let mut untold = 0;
        for stream in Stream::ALL {
            let commands = commands_of(journal, stream).await?;
            let told = self.of(stream);
            told.sort_unstable();
            if let Some(pair) = told.windows(2).find(|pair| pair[0] == pair[1]) {
                bail!("two commands were told that their event stands at {} of {}", pair[0], stream.name());
            }
            if let Some(last) = told.last().filter(|last| **last > commands.len() as u64) {
                bail!("an event was acknowledged at {last} of {}, which ends at {}", stream.name(), commands.len());
            }
            let distinct: HashSet<&String> = commands.iter().collect();
            ensure!(distinct.len() == commands.len(), "a command stands twice in {}", stream.name());
            acknowledged += told.len();
            untold += commands.len() - told.len();
        }
        ensure!(untold as u64 <= self.refused, "{untold} events stand in the log and nobody was told of them");
        Ok(acknowledged)
    }
}

/// The command of each event of the stream, in order.
async fn commands_of(journal: &Journal, stream: Stream) -> anyhow::Result<Vec<String>> {
    let last = journal.last_position(stream).await?.sequence;
    let mut commands = Vec::new();
    if last == 0 {
        return Ok(commands);
    }
    let mut reader = journal.reader(stream, 0).await?;
    while reader.after() < last {
        let batch = reader.next(BATCH, WAIT).await?;
        ensure!(!batch.events.is_empty(), "{} gave {} of {last} events", stream.name(), reader.after());
        for event in batch.events {
            let Some(command) = event.header(header::COMMAND) else { bail!("{} has no command", event.position()) };
            commands.push(command.to_owned());
        }
    }
    Ok(commands)
}
