//! What is said of an asset when it is put on the list.

use std::fmt;

use serde::Serialize;

use super::{Currency, Name, RiskClass};
use crate::calendar::Calendar;

/// Characters that the name of a time zone may have.
pub const TIME_ZONE_CHARS_MAX: usize = 40;

/// What people call an asset, and where and how it is traded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// What people call it.
    pub name: Name,
    /// In which currency it is priced.
    pub currency: Currency,
    /// What kind of thing it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<AssetClass>,
    /// In which part of the economy it works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sector: Option<Name>,
    /// Where it is traded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exchange: Option<Name>,
    /// The exchange's time zone: what its days are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<TimeZoneName>,
    /// On which days it is traded; as its exchange is where that is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calendar: Option<Calendar>,
    /// How much risk it carried when it was listed; later ratings are events of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk_class: Option<RiskClass>,
}

impl Listing {
    /// A listing with nothing but a name and a currency.
    #[must_use]
    pub const fn new(name: Name, currency: Currency) -> Self {
        Self {
            name,
            currency,
            class: None,
            sector: None,
            exchange: None,
            time_zone: None,
            calendar: None,
            risk_class: None,
        }
    }
}

/// What of a listing may be told otherwise later: all but the symbol, the currency and the rating, which has commands of
/// its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AssetDetails {
    /// What people call it.
    pub name: Name,
    /// What kind of thing it is.
    pub class: Option<AssetClass>,
    /// In which part of the economy it works.
    pub sector: Option<Name>,
    /// Where it is traded.
    pub exchange: Option<Name>,
    /// The exchange's time zone: what its days are.
    pub time_zone: Option<TimeZoneName>,
    /// On which days it is traded; as its exchange is where that is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calendar: Option<Calendar>,
}

impl Listing {
    /// What of it may be told otherwise.
    #[must_use]
    pub fn details(&self) -> AssetDetails {
        let Self { name, currency: _, class, sector, exchange, time_zone, calendar, risk_class: _ } = self.clone();
        AssetDetails { name, class, sector, exchange, time_zone, calendar }
    }

    /// The listing with these details, in the same currency and with the same rating.
    #[must_use]
    pub fn with(&self, details: AssetDetails) -> Self {
        let AssetDetails { name, class, sector, exchange, time_zone, calendar } = details;
        let (currency, risk_class) = (self.currency, self.risk_class);
        Self { name, currency, class, sector, exchange, time_zone, calendar, risk_class }
    }

    /// On which days there is a price of it to expect: as was said, or as its exchange trades.
    #[must_use]
    pub fn traded_by(&self) -> Calendar {
        self.calendar.unwrap_or_else(|| Calendar::of(self.exchange.as_ref()))
    }

    /// Whether it is money in an account: worth 1 in its currency on every day, without prices.
    #[must_use]
    pub fn is_cash(&self) -> bool {
        self.class == Some(AssetClass::Cash)
    }
}

/// What kind of thing an asset is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AssetClass {
    /// A share of a company.
    Equity,
    /// A fund that is traded like a share.
    Etf,
    /// A fund that is bought from its manager.
    MutualFund,
    /// An index: it can be watched, not held.
    Index,
    /// A rate of exchange.
    Currency,
    /// A crypto-currency.
    Crypto,
    /// A future.
    Future,
    /// A bond.
    Bond,
    /// Money in an account.
    Cash,
    /// A commodity.
    Commodity,
}

impl AssetClass {
    /// Every class.
    pub const ALL: [Self; 10] = [
        Self::Equity,
        Self::Etf,
        Self::MutualFund,
        Self::Index,
        Self::Currency,
        Self::Crypto,
        Self::Future,
        Self::Bond,
        Self::Cash,
        Self::Commodity,
    ];

    /// The class in one word: `equity`, `mutual_fund`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Equity => "equity",
            Self::Etf => "etf",
            Self::MutualFund => "mutual_fund",
            Self::Index => "index",
            Self::Currency => "currency",
            Self::Crypto => "crypto",
            Self::Future => "future",
            Self::Bond => "bond",
            Self::Cash => "cash",
            Self::Commodity => "commodity",
        }
    }

    /// The class with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.word() == word)
    }
}

/// The name of a time zone as the IANA spells it, such as `America/New_York`.
///
/// Invariant: 1 to [`TIME_ZONE_CHARS_MAX`] of `A-Z a-z 0-9 _ + - /`. Whether there is such a zone only a table of zones
/// can say, and none is kept here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct TimeZoneName(String);

impl TimeZoneName {
    /// The name that the text spells.
    ///
    /// # Errors
    /// Where the text breaks the invariant.
    pub fn parse(text: &str) -> Result<Self, TimeZoneNameError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_+-/".contains(c);
        if (1..=TIME_ZONE_CHARS_MAX).contains(&text.len()) && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(TimeZoneNameError(text.chars().take(TIME_ZONE_CHARS_MAX).collect()))
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) const fn from_history(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for TimeZoneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text names no time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of a time zone, such as `America/New_York`")]
pub struct TimeZoneNameError(pub String);
