//! An asset on the list: what is known of it, and what that lets be said of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;

use super::{AssetRejection, PriceBasis};
use crate::values::{InterestRate, KnownBars, Listing, Name, Payment, PaymentKind, RiskClass, SplitRatio};

/// What is known of an asset on the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What was said when it was listed.
    pub listing: Listing,
    /// Whose its prices are and what they say, once there are any.
    pub prices_of: Option<(Name, PriceBasis)>,
    /// Its prices. Shared, as what follows, since states are copied more often than they change.
    pub bars: Arc<KnownBars>,
    /// Days whose prices another than who gave the rest has corrected, and who.
    pub corrected_by: Arc<BTreeMap<Date, Name>>,
    /// The last word on its splits, by first day on the new units.
    pub splits: Arc<BTreeMap<Date, LastWord<SplitRatio>>>,
    /// The last word on what it paid, by ex-date.
    pub payments: Arc<BTreeMap<(Date, PaymentKind), LastWord<Payment>>>,
    /// What it earns where it is cash, by the day from which on.
    pub interest: Arc<BTreeMap<Date, InterestRate>>,
    /// How much risk it carries; `None` where nobody has rated it.
    pub risk_class: Option<RiskClass>,
    /// The first day without trading, where there is one.
    pub delisted: Option<Date>,
}

/// The last that was said of a split or a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastWord<T> {
    /// Who said it.
    pub source: Name,
    /// What was said, or what was withdrawn.
    pub value: T,
    /// Whether it was withdrawn: it is not believed any longer.
    pub is_withdrawn: bool,
}

impl<T: Copy> LastWord<T> {
    /// What is believed; none where it was withdrawn.
    #[must_use]
    pub fn standing(&self) -> Option<T> {
        (!self.is_withdrawn).then_some(self.value)
    }

    pub(super) const fn said(source: Name, value: T) -> Self {
        Self { source, value, is_withdrawn: false }
    }

    pub(super) const fn withdrawn(source: Name, value: T) -> Self {
        Self { source, value, is_withdrawn: true }
    }
}

impl Listed {
    pub(super) fn new(listing: Listing) -> Self {
        let risk_class = if listing.is_cash() { Some(RiskClass::Conservative) } else { listing.risk_class };
        Self {
            listing,
            prices_of: None,
            bars: Arc::default(),
            corrected_by: Arc::default(),
            splits: Arc::default(),
            payments: Arc::default(),
            interest: Arc::default(),
            risk_class,
            delisted: None,
        }
    }

    /// The split that is believed of the day, if any is.
    #[must_use]
    pub fn split_on(&self, date: Date) -> Option<SplitRatio> {
        self.splits.get(&date).and_then(LastWord::standing)
    }

    /// The payment of this kind that is believed of the ex-date, if any is.
    #[must_use]
    pub fn payment_on(&self, ex_date: Date, kind: PaymentKind) -> Option<Payment> {
        self.payments.get(&(ex_date, kind)).and_then(LastWord::standing)
    }

    /// Who had the last word on the day's price: who corrected it, or else who gave the prices.
    #[must_use]
    pub fn price_by(&self, date: Date) -> Option<&Name> {
        self.corrected_by.get(&date).or_else(|| self.prices_of.as_ref().map(|(source, _)| source))
    }

    pub(super) fn same_basis(&self, given: PriceBasis) -> Result<(), AssetRejection> {
        match self.prices_of {
            Some((_, known)) if known != given => {
                Err(AssetRejection::BasisDiffers { known: known.word(), given: given.word() })
            }
            _ => Ok(()),
        }
    }

    /// Whether payments of the day are below the close before it. Adjusted closes are no measure of a payment.
    pub(super) fn leaves_something(
        &self,
        ex_date: Date,
        kind: PaymentKind,
        given: Payment,
    ) -> Result<(), AssetRejection> {
        let is_measure = self.prices_of.as_ref().is_some_and(|(_, basis)| match basis {
            PriceBasis::Raw | PriceBasis::SplitAdjusted => true,
            PriceBasis::Adjusted => false,
        });
        let before = self.bars.before(ex_date).filter(|_| is_measure);
        let others = self.payments.iter().filter(|((date, of), _)| *date == ex_date && *of != kind);
        let amounts = others.filter_map(|(_, other)| other.standing());
        let payment = amounts.fold(given.amount(), |sum, other| sum.saturating_add(other.amount()));
        match before {
            Some(bar) if bar.close <= payment => {
                let (date, close) = (bar.date, bar.close);
                Err(AssetRejection::PaymentNotBelowPrice { ex_date, payment, date, close })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn traded_on(&self, date: Option<Date>) -> Result<(), AssetRejection> {
        match self.delisted.zip(date) {
            Some((delisted, date)) if date >= delisted => Err(AssetRejection::Delisted { delisted, date }),
            _ => Ok(()),
        }
    }
}
