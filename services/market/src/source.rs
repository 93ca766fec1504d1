//! What a source of prices gives, and how it is asked.

use events::asset::PriceBasis;
use events::values::{AssetId, Bar, Listing, Name, Payment, PaymentKind, SplitRatio};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::left_out::LeftOut;

/// A source of prices. What it gives was checked, so that it can be recorded as it is.
pub trait Source: Send {
    /// Who it is, as events name it.
    fn name(&self) -> &Name;

    /// How many assets it will speak of, where it knows.
    fn assets(&self) -> Option<usize>;

    /// What it says of the next asset; `None` after the last. An asset may come several times, with different days.
    fn next(&mut self) -> impl Future<Output = Option<Fetched>> + Send;

    /// What it said of no asset that can be; to be asked for after the last.
    fn unclaimed(&mut self) -> LeftOut;
}

/// What a source said of one asset.
#[derive(Debug)]
pub struct Fetched {
    /// Of which asset.
    pub asset: AssetId,
    /// What it said, or why it said nothing.
    pub quotes: Result<Quotes, SourceError>,
}

/// Days that are wanted, both included; `None` leaves an end open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// The first day.
    pub from: Option<Date>,
    /// The last day.
    pub to: Option<Date>,
}

impl Window {
    /// Whether the day is wanted.
    #[must_use]
    pub fn contains(&self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }
}

/// What is said of one asset.
#[derive(Debug, Clone, PartialEq)]
pub struct Quotes {
    /// What the asset is, where the source says.
    pub listing: Option<Listing>,
    /// What the prices say.
    pub basis: PriceBasis,
    /// Bars, days strictly ascending, prices positive, in major units of the listing's currency.
    pub bars: Vec<Bar>,
    /// Splits by first day on the new units.
    pub splits: Vec<(Date, SplitRatio)>,
    /// Payments by ex-date.
    pub payments: Vec<(Date, PaymentKind, Payment)>,
    /// What was not taken, and why.
    pub dropped: LeftOut,
    /// When the source said this, where it was kept since: it did not answer now.
    pub kept_since: Option<Timestamp>,
}

impl Quotes {
    /// Nothing, so far, of this basis.
    #[must_use]
    pub const fn none(basis: PriceBasis) -> Self {
        Self {
            listing: None,
            basis,
            bars: Vec::new(),
            splits: Vec::new(),
            payments: Vec::new(),
            dropped: LeftOut::none(),
            kept_since: None,
        }
    }
}

/// Why a source said nothing of an asset. Nothing is recorded then, and what is known stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// It knows no such asset.
    #[error("the source knows no such asset")]
    NotFound,
    /// It will not answer such a question, now or later.
    #[error("the source refuses the question: {0}")]
    Refused(String),
    /// It wants fewer questions.
    #[error("the source wants fewer questions")]
    RateLimited,
    /// It wants a person to agree to something first.
    #[error("the source wants a person's consent first")]
    Consent,
    /// It does not answer, or says that it cannot.
    #[error("the source does not answer: {0}")]
    Unavailable(String),
    /// It was asked too often in vain; it is left alone for a while.
    #[error("the source is left alone after {failures} failures")]
    LeftAlone {
        /// Failures in a row.
        failures: u32,
    },
    /// It said when it wants to be asked again, and that is too late to wait for.
    #[error("the source wants to be left alone until {at}: the same load goes on from there")]
    ComeAgain {
        /// Then.
        at: Timestamp,
    },
    /// Its answer makes no sense.
    #[error("the source's answer makes no sense: {0}")]
    Malformed(String),
    /// Its answer is longer than any that makes sense.
    #[error("the source's answer is longer than {bytes_max} bytes")]
    TooLong {
        /// The bound.
        bytes_max: usize,
    },
}

impl SourceError {
    /// Whether the same question may be answered later.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        match self {
            Self::RateLimited
            | Self::Unavailable(_)
            | Self::LeftAlone { .. }
            | Self::ComeAgain { .. }
            | Self::Malformed(_) => true,
            Self::NotFound | Self::Refused(_) | Self::Consent | Self::TooLong { .. } => false,
        }
    }

    /// The error in one word, for logs and reports.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::Refused(_) => "refused",
            Self::RateLimited => "rate-limited",
            Self::Consent => "consent",
            Self::Unavailable(_) => "unavailable",
            Self::LeftAlone { .. } => "left-alone",
            Self::ComeAgain { .. } => "come-again",
            Self::Malformed(_) => "malformed",
            Self::TooLong { .. } => "too-long",
        }
    }
}
