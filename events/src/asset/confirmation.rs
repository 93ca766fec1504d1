//! Wishes that found everything as they wish it: what is recorded of those.

use serde::Serialize;

use super::{AssetCommand, AssetEvent};
use crate::values::Note;

/// What somebody said of an asset that was known already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Confirmation {
    /// That it is on the list, exactly so.
    Listing,
    /// Prices.
    Prices,
    /// What prices were corrected to.
    Correction,
    /// A split.
    Split,
    /// A payment.
    Payment,
    /// What cash earns.
    Interest,
    /// How much risk it carries.
    Rating,
    /// From when on it is traded no more.
    Delisting,
}

impl Confirmation {
    /// Everything that can be confirmed.
    pub const ALL: [Self; 8] = [
        Self::Listing,
        Self::Prices,
        Self::Correction,
        Self::Split,
        Self::Payment,
        Self::Interest,
        Self::Rating,
        Self::Delisting,
    ];

    /// It in one word: `listing`, `rating`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Listing => "listing",
            Self::Prices => "prices",
            Self::Correction => "correction",
            Self::Split => "split",
            Self::Payment => "payment",
            Self::Interest => "interest",
            Self::Rating => "rating",
            Self::Delisting => "delisting",
        }
    }

    /// What has this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|confirmation| confirmation.word() == word)
    }
}

impl AssetCommand {
    /// The event that says that the wish found everything so. None of edits, which name the version that they edit, and
    /// of withdrawals, which find something to withdraw or are refused.
    pub(super) fn confirmed(&self) -> Option<AssetEvent> {
        let (what, reason): (_, Option<&Note>) = match self {
            Self::Edit { .. } | Self::WithdrawSplit { .. } | Self::WithdrawPayment { .. } => return None,
            Self::List(_) => (Confirmation::Listing, None),
            Self::RecordPrices { .. } => (Confirmation::Prices, None),
            Self::CorrectPrices { reason, .. } => (Confirmation::Correction, Some(reason)),
            Self::RecordSplit { .. } => (Confirmation::Split, None),
            Self::RecordPayment { .. } => (Confirmation::Payment, None),
            Self::SetInterest { reason, .. } => (Confirmation::Interest, Some(reason)),
            Self::Rate { reason, .. } => (Confirmation::Rating, Some(reason)),
            Self::Delist { reason, .. } => (Confirmation::Delisting, Some(reason)),
        };
        Some(AssetEvent::Confirmed { what, reason: reason.cloned() })
    }
}
