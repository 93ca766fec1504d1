//! Where events stand in the log: streams, subjects, partitions and positions. Built here and nowhere else.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// Partitions of the subject space. Frozen for ever: changing it would move every aggregate.
pub const PARTITIONS: u64 = 64;

/// One of the two streams that the log consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// What people do: advisors, clients, portfolios, recommendations, backtests.
    Advisory,
    /// What is known of assets: listings and prices.
    Market,
}

impl Stream {
    /// Both streams, in the order in which read models follow them.
    pub const ALL: [Self; 2] = [Self::Advisory, Self::Market];

    /// The stream's name at the server.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Advisory => "ADVISORY",
            Self::Market => "MARKET",
        }
    }

    /// The stream's word in positions and subjects.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Advisory => "advisory",
            Self::Market => "market",
        }
    }
}

/// The kind of an aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An advisor.
    Advisor,
    /// A client of an advisor.
    Client,
    /// A portfolio.
    Portfolio,
    /// A recommendation of one portfolio version to one client.
    Recommendation,
    /// A backtest that was recorded.
    Backtest,
    /// An asset with its prices.
    Asset,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Advisor, Self::Client, Self::Portfolio, Self::Recommendation, Self::Backtest, Self::Asset];

    /// The kind's word in subjects and event types.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Advisor => "advisor",
            Self::Client => "client",
            Self::Portfolio => "portfolio",
            Self::Recommendation => "recommendation",
            Self::Backtest => "backtest",
            Self::Asset => "asset",
        }
    }

    /// The stream that holds events of this kind.
    #[must_use]
    pub const fn stream(self) -> Stream {
        match self {
            Self::Advisor | Self::Client | Self::Portfolio | Self::Recommendation | Self::Backtest => Stream::Advisory,
            Self::Asset => Stream::Market,
        }
    }

    /// The filter that matches every aggregate of this kind, in every partition.
    #[must_use]
    pub fn filter(self) -> String {
        match self.stream() {
            Stream::Advisory => format!("insights.advisory.*.{}.*", self.token()),
            Stream::Market => "insights.market.*.*".to_owned(),
        }
    }
}

/// The subject of one aggregate: `insights.advisory.<pp>.<kind>.<id>` or `insights.market.<pp>.<asset>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Subject(String);

impl Subject {
    /// The subject of the aggregate whose id has this token (see `AggregateId::token`).
    #[must_use]
    pub fn new(kind: Kind, token: &str) -> Self {
        let pp = partition(token);
        match kind.stream() {
            Stream::Advisory => Self(format!("insights.advisory.{pp:02x}.{}.{token}", kind.token())),
            Stream::Market => Self(format!("insights.market.{pp:02x}.{token}")),
        }
    }

    /// The kind and the id's token, read back.
    ///
    /// # Errors
    /// [`NotASubject`] where the text was not built by [`Subject::new`], the partition included.
    pub fn parse(text: &str) -> Result<(Kind, &str), NotASubject> {
        let fail = || NotASubject(text.to_owned());
        let rest = text.strip_prefix("insights.").ok_or_else(fail)?;
        let (stream, rest) = rest.split_once('.').ok_or_else(fail)?;
        let (pp, rest) = rest.split_once('.').ok_or_else(fail)?;
        let (kind, token) = match stream {
            "advisory" => {
                let (kind, token) = rest.split_once('.').ok_or_else(fail)?;
                let kind = Kind::ALL
                    .into_iter()
                    .find(|k| k.stream() == Stream::Advisory && k.token() == kind)
                    .ok_or_else(fail)?;
                (kind, token)
            }
            "market" => (Kind::Asset, rest),
            _ => return Err(fail()),
        };
        let expected = partition(token);
        if token.is_empty() || token.contains('.') || u64::from_str_radix(pp, 16) != Ok(expected) {
            return Err(fail());
        }
        Ok((kind, token))
    }

    /// The subject as the server spells it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is no subject of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the subject of an aggregate")]
pub struct NotASubject(pub String);

/// The partition of an id, `0..PARTITIONS`: FNV-1a with 64 bits over the token. Frozen for ever.
#[must_use]
pub fn partition(token: &str) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let hash = token.bytes().fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    hash % PARTITIONS
}

/// Where an event stands: its stream and the stream's sequence. Opaque to users of the API: `advisory-42`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The stream.
    pub stream: Stream,
    /// The sequence in the stream; the first event has 1, and 0 is before all events.
    pub sequence: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.stream.token(), self.sequence)
    }
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The text is no position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a position; one looks like `advisory-42`")]
pub struct NotAPosition(pub String);

impl FromStr for Position {
    type Err = NotAPosition;

    fn from_str(text: &str) -> Result<Self, NotAPosition> {
        let fail = || NotAPosition(text.chars().take(40).collect());
        let (stream, sequence) = text.split_once('-').ok_or_else(fail)?;
        let stream = Stream::ALL.into_iter().find(|s| s.token() == stream).ok_or_else(fail)?;
        if !sequence.bytes().all(|b| b.is_ascii_digit()) {
            return Err(fail());
        }
        Ok(Self { stream, sequence: sequence.parse().map_err(|_| fail())? })
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Position, Stream, Subject, partition};

    #[test]
    fn partitions_are_frozen() {
        // Written down once; a change here would move every aggregate of every installation.
        assert_eq!(partition("AAPL"), 0x0b);
        assert_eq!(partition("OCDO/L"), 0x21);
        assert_eq!(partition("00000000-0000-5000-8000-000000000000"), 0x10);
    }

    #[test]
    fn a_subject_reads_back_as_it_was_built() {
        for kind in Kind::ALL {
            let subject = Subject::new(kind, "x-1");
            assert_eq!(Subject::parse(subject.as_str()), Ok((kind, "x-1")));
        }
    }

    #[test]
    fn a_subject_in_the_wrong_partition_is_refused() {
        let right = Subject::new(Kind::Portfolio, "x-1").to_string();
        let pp = format!(".{:02x}.", partition("x-1"));
        let wrong = right.replacen(&pp, &format!(".{:02x}.", (partition("x-1") + 1) % 64), 1);
        assert!(Subject::parse(&wrong).is_err(), "{wrong}");
    }

    #[test]
    fn a_position_reads_back_and_rubbish_does_not() {
        let position = Position { stream: Stream::Market, sequence: 7 };
        assert_eq!(position.to_string().parse(), Ok(position));
        for rubbish in
            ["", "7", "market", "market-", "market-+7", "market--7", "other-7", "market-99999999999999999999"]
        {
            assert!(rubbish.parse::<Position>().is_err(), "{rubbish}");
        }
    }
}
