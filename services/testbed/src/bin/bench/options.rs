//! What to measure and how large.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Measures the system beside the servers it rests on.
#[derive(Debug, Parser)]
#[command(name = "bench")]
pub struct Options {
    /// Which measurements, such as `a,c`; all where none is named.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Measurement>,
    /// Small counts: shows that everything works, not how fast it is.
    #[arg(long)]
    quick: bool,
    /// Where the results go. Default: `target/bench/<measurements>.json`.
    #[arg(long)]
    json: Option<PathBuf>,
    /// What the benchmark starts itself as.
    #[command(subcommand)]
    pub job: Option<Job>,
}

/// What the benchmark starts itself as, in other processes.
#[derive(Debug, Subcommand)]
pub enum Job {
    /// Runs roles, with settings from the environment.
    #[command(hide = true)]
    Serve {
        /// `api` or `all`.
        roles: String,
    },
}

/// One of the measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Measurement {
    /// Commands on one server.
    A,
    /// Commands on three servers.
    B,
    /// Replay in memory.
    C,
    /// Replay into PostgreSQL.
    D,
    /// From command to read model.
    E,
    /// Memory.
    F,
}

impl Measurement {
    /// Every measurement.
    pub const ALL: [Self; 6] = [Self::A, Self::B, Self::C, Self::D, Self::E, Self::F];

    /// Its letter.
    pub const fn letter(self) -> char {
        match self {
            Self::A => 'a',
            Self::B => 'b',
            Self::C => 'c',
            Self::D => 'd',
            Self::E => 'e',
            Self::F => 'f',
        }
    }
}

impl Options {
    /// Whether this measurement is asked for.
    pub fn wants(&self, measurement: Measurement) -> bool {
        self.only.is_empty() || self.only.contains(&measurement)
    }

    /// How large.
    pub const fn size(&self) -> Size {
        if self.quick { Size::Quick } else { Size::Full }
    }

    /// Where the results go.
    pub fn json_path(&self) -> PathBuf {
        if let Some(path) = &self.json {
            return path.clone();
        }
        let letters: String =
            Measurement::ALL.into_iter().filter(|one| self.wants(*one)).map(Measurement::letter).collect();
        let quick = if self.quick { "-quick" } else { "" };
        PathBuf::from(format!("target/bench/{letters}{quick}.json"))
    }
}

/// How large the measurements are: counts of things to do, so that a fast machine ends sooner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Enough to measure.
    Full,
    /// Enough to see that it works.
    Quick,
}

/// How many commands callers give in one round, by how many callers there are.
#[derive(Debug, Clone, Copy)]
pub struct Counts {
    /// Rounds of each side.
    pub rounds: usize,
    /// Commands of one caller alone.
    pub alone: usize,
    /// Commands of each of 64 callers.
    pub of_64: usize,
    /// Commands of each of 256 callers.
    pub of_256: usize,
}

impl Counts {
    /// Commands of each of so many callers.
    pub const fn each_of(&self, callers: usize) -> usize {
        match callers {
            1 => self.alone,
            2..=64 => self.of_64,
            _ => self.of_256,
        }
    }
}

impl Size {
    /// Commands on one server, which writes each to the disk by itself: about a thousand a second.
    pub const fn one_server(self) -> Counts {
        match self {
            Self::Full => Counts { rounds: 3, alone: 800, of_64: 40, of_256: 12 },
            Self::Quick => Counts { rounds: 1, alone: 40, of_64: 3, of_256: 1 },
        }
    }

    /// Commands on three servers, which write in groups: ten thousand a second and more.
    pub const fn three_servers(self) -> Counts {
        match self {
            Self::Full => Counts { rounds: 3, alone: 1_000, of_64: 300, of_256: 120 },
            Self::Quick => Counts { rounds: 1, alone: 40, of_64: 6, of_256: 2 },
        }
    }

    /// Aggregates of the large log; each has four events.
    pub const fn log_aggregates(self) -> usize {
        match self {
            Self::Full => 250_000,
            Self::Quick => 5_000,
        }
    }

    /// Rounds of reading the large log.
    pub const fn replay_rounds(self) -> usize {
        match self {
            Self::Full => 5,
            Self::Quick => 1,
        }
    }

    /// Rounds of replaying it into PostgreSQL.
    pub const fn project_rounds(self) -> usize {
        match self {
            Self::Full => 3,
            Self::Quick => 1,
        }
    }

    /// Commands whose way into the read model is timed.
    pub const fn visible_commands(self) -> usize {
        match self {
            Self::Full => 1_000,
            Self::Quick => 40,
        }
    }

    /// Commands of each of 64 callers before memory is read again.
    pub const fn memory_commands(self) -> usize {
        match self {
            Self::Full => 150,
            Self::Quick => 5,
        }
    }
}
