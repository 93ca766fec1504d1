//! Why wishes about assets are refused.

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::decider::{Refusal, RejectionClass};
use crate::values::RiskClass;

/// Why a wish about an asset was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssetRejection {
    /// The asset is not on the list.
    #[error("there is no such asset")]
    Unknown,
    /// The asset is on the list with other details.
    #[error("the asset is listed already, with other details")]
    AlreadyListed,
    /// What is cash stays cash, and nothing else becomes cash: figures of the past rest on it.
    #[error("the asset is {}: what is cash stays so, and nothing becomes cash", if *is_cash { "cash" } else { "not cash" })]
    CashOrNot {
        /// Whether it is cash.
        is_cash: bool,
    },
    /// Cash is worth what it is with its interest: it has no prices, splits or payments.
    #[error("cash is worth 1 in its currency and what it earns: it has no prices, splits or payments")]
    CashHasNoPrices,
    /// Cash carries the least risk.
    #[error("cash is {}, not {given}", RiskClass::Conservative)]
    CashIsConservative {
        /// The class that was given.
        given: RiskClass,
    },
    /// What is not cash has prices and pays what it pays: interest is of cash alone.
    #[error("the asset is not cash: it earns no interest")]
    NotCash,
    /// A day has a price, and it is another one. A past that changes is a correction, never an overwriting.
    #[error("the price of {date} is {known}, not {given}")]
    PriceDiffers {
        /// The day.
        date: Date,
        /// The price that is known.
        known: Decimal,
        /// The price that was given.
        given: Decimal,
    },
    /// A day that has no price cannot have a wrong one.
    #[error("there is no price of {date} to correct")]
    PriceUnknown {
        /// The day.
        date: Date,
    },
    /// What is not believed cannot be withdrawn.
    #[error("there is no such {noun} of {date} to withdraw")]
    ActionUnknown {
        /// The day.
        date: Date,
        /// What there is none of: a split or a payment.
        noun: &'static str,
    },
    /// Raw and adjusted prices do not mix in one series.
    #[error("the asset's prices are {known}, not {given}")]
    BasisDiffers {
        /// The basis of the series.
        known: &'static str,
        /// The basis that was given.
        given: &'static str,
    },
    /// A payment leaves nothing of the price before it: one of both is wrong, most often by its unit.
    #[error("the payment of {payment} on {ex_date} is not below the close before it, {close} on {date}")]
    PaymentNotBelowPrice {
        /// The ex-date.
        ex_date: Date,
        /// All that is paid then for one unit.
        payment: Decimal,
        /// The last day with a price before it.
        date: Date,
        /// That day's close.
        close: Decimal,
    },
    /// The asset was traded no more on that day.
    #[error("the asset was delisted on {delisted}, before {date}")]
    Delisted {
        /// The first day without trading.
        delisted: Date,
        /// The day that was given.
        date: Date,
    },
    /// The asset was traded on that day.
    #[error("the asset was still traded on {last_day}, so it was not delisted on {date}")]
    StillTraded {
        /// The last day with a price.
        last_day: Date,
        /// The day that was given.
        date: Date,
    },
}

impl Refusal for AssetRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "asset-unknown",
            Self::AlreadyListed => "asset-already-listed",
            Self::CashOrNot { .. } => "asset-cash-or-not",
            Self::CashHasNoPrices => "cash-has-no-prices",
            Self::CashIsConservative { .. } => "cash-is-conservative",
            Self::NotCash => "asset-not-cash",
            Self::PriceDiffers { .. } => "price-differs",
            Self::PriceUnknown { .. } => "price-unknown",
            Self::ActionUnknown { .. } => "action-unknown",
            Self::BasisDiffers { .. } => "price-basis-differs",
            Self::PaymentNotBelowPrice { .. } => "payment-not-below-price",
            Self::Delisted { .. } => "asset-delisted",
            Self::StillTraded { .. } => "asset-still-traded",
        }
    }

    fn class(&self) -> RejectionClass {
        match self {
            Self::Unknown => RejectionClass::Absent,
            Self::AlreadyListed
            | Self::CashOrNot { .. }
            | Self::CashHasNoPrices
            | Self::CashIsConservative { .. }
            | Self::NotCash
            | Self::PriceDiffers { .. }
            | Self::PriceUnknown { .. }
            | Self::ActionUnknown { .. }
            | Self::BasisDiffers { .. }
            | Self::PaymentNotBelowPrice { .. }
            | Self::Delisted { .. }
            | Self::StillTraded { .. } => RejectionClass::Conflict,
        }
    }
}
