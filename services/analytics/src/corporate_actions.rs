//! Splits and dividends: total return from raw closes and events.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::prices::{PriceError, Series};

/// What happened to an asset's units at the opening of a session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Action {
    /// New units for one old.
    Split(f64),
    /// Cash for one unit held before the session (and before a split of the same date), in the currency of the close.
    Dividend(f64),
}

/// The events of one session together.
#[derive(Debug, Clone, Copy)]
struct Session {
    split: f64,
    dividend: f64,
}

impl Session {
    const QUIET: Session = Session { split: 1.0, dividend: 0.0 };
}

/// Splits and dividends of one asset on its raw closes.
#[derive(Debug, Clone)]
pub struct Adjustment<'a> {
    raw: &'a Series,
    sessions: Vec<Session>,
}

impl<'a> Adjustment<'a> {
    /// The adjustment of raw closes by these events. An event outside the window, or on its first session, changes nothing
    /// inside it; one on a day without a session counts on the next.
    ///
    /// # Errors
    /// [`PriceError::NotAPrice`] for a split that is not positive or a dividend that is negative, with the amount.
    pub fn new(raw: &'a Series, actions: &[(Date, Action)]) -> Result<Adjustment<'a>, PriceError> {
        let mut by_row: BTreeMap<usize, Session> = BTreeMap::new();
        for &(date, action) in actions {
            let (amount, sound) = match action {
                Action::Split(ratio) => (ratio, ratio > 0.0),
                Action::Dividend(cash) => (cash, cash >= 0.0),
            };
            if !sound || !amount.is_finite() {
                return Err(PriceError::NotAPrice { asset: String::new(), date, close: amount });
            }
            let row = raw.dates().partition_point(|&session| session < date);
            let session = by_row.entry(row).or_insert(Session::QUIET);
            match action {
                Action::Split(ratio) => session.split *= ratio,
                Action::Dividend(cash) => session.dividend += cash,
            }
        }
        let sessions = (0..raw.dates().len()).map(|row| by_row.get(&row).copied().unwrap_or(Session::QUIET)).collect();
        Ok(Adjustment { raw, sessions })
    }

    /// Total return of each session: `(split * close_t + dividend) / close_(t-1) - 1`, one fewer than the closes.
    pub fn total_returns(&self) -> Vec<f64> {
        let pairs = self.raw.closes().windows(2).zip(&self.sessions[1..]);
        pairs.map(|(pair, session)| (session.split * pair[1] + session.dividend) / pair[0] - 1.0).collect()
    }

    /// Closes in units of the last session: earlier ones divided by the later splits (Yahoo's "close").
    ///
    /// # Errors
    /// [`PriceError::NotAPrice`] when a close leaves the range of numbers.
    pub fn split_adjusted(&self) -> Result<Series, PriceError> {
        self.backwards(0, |_, session| 1.0 / session.split)
    }

    /// Closes whose changes are total returns when dividends are taken off the day before, as Yahoo and CRSP do: earlier
    /// ones times `1 - dividend / close_(t-1)`, too.
    ///
    /// # Errors
    /// [`PriceError::PaymentNotBelowPrice`] when payments take all of the close before them.
    pub fn adjusted(&self) -> Result<Series, PriceError> {
        match self.latest_unfit_payment() {
            Some((_, unfit)) => Err(unfit),
            None => self.adjusted_from(0),
        }
    }

    /// As [`Adjustment::adjusted`], of as many of the last sessions as can be adjusted, with the reason where it is not all:
    /// what comes before a payment as large as the close before it has no adjusted close.
    ///
    /// # Errors
    /// [`PriceError::NotAPrice`] when a close leaves the range of numbers.
    pub fn latest_adjusted(&self) -> Result<(Series, Option<PriceError>), PriceError> {
        match self.latest_unfit_payment() {
            Some((row, unfit)) => Ok((self.adjusted_from(row)?, Some(unfit))),
            None => Ok((self.adjusted_from(0)?, None)),
        }
    }

    fn adjusted_from(&self, first: usize) -> Result<Series, PriceError> {
        self.backwards(first, |before, session| (1.0 - session.dividend / before) / session.split)
    }

    /// The last session whose payments are not below the close before, and what is wrong with it.
    fn latest_unfit_payment(&self) -> Option<(usize, PriceError)> {
        let raw = self.raw.closes();
        let row = (1..raw.len()).rev().find(|&row| self.sessions[row].dividend >= raw[row - 1])?;
        let (date, payment) = (self.raw.dates()[row], self.sessions[row].dividend);
        Some((row, PriceError::PaymentNotBelowPrice { date, payment, before: raw[row - 1] }))
    }

    /// The closes from this row on times the factors of all later sessions; a factor may look at the raw close before its
    /// session.
    fn backwards(&self, first: usize, factor: impl Fn(f64, Session) -> f64) -> Result<Series, PriceError> {
        let raw = self.raw.closes();
        let (mut product, mut closes) = (1.0, raw[first..].to_vec());
        for row in (first + 1..raw.len()).rev() {
            product *= factor(raw[row - 1], self.sessions[row]);
            closes[row - 1 - first] *= product;
        }
        Series::new(self.raw.dates()[first..].to_vec(), closes)
    }
}

#[cfg(test)]
mod tests {
    use super::{Action, Adjustment};
    use crate::prices::{PriceError, Series};
    use jiff::civil::date;

    fn raw() -> Series {
        let dates = vec![date(2024, 1, 2), date(2024, 1, 3), date(2024, 1, 4)];
        Series::new(dates, vec![100.0, 50.0, 49.0]).unwrap()
    }

    #[test]
    fn a_split_is_no_loss_and_a_dividend_no_gain() {
        let raw = raw();
        let actions = [(date(2024, 1, 3), Action::Split(2.0)), (date(2024, 1, 4), Action::Dividend(1.0))];
        let adjustment = Adjustment::new(&raw, &actions).unwrap();
        assert!(adjustment.total_returns().iter().all(|r| r.abs() < 1e-15));
        assert_eq!(adjustment.split_adjusted().unwrap().closes(), &[50.0, 50.0, 49.0]);
        assert!(adjustment.adjusted().unwrap().closes().iter().all(|close| (close - 49.0).abs() < 1e-12));
    }

    #[test]
    fn a_dividend_of_the_whole_price_is_refused() {
        let raw = raw();
        let adjustment = Adjustment::new(&raw, &[(date(2024, 1, 4), Action::Dividend(50.0))]).unwrap();
        let unfit = PriceError::PaymentNotBelowPrice { date: date(2024, 1, 4), payment: 50.0, before: 50.0 };
        assert_eq!(adjustment.adjusted(), Err(unfit.clone()));
        let (latest, reason) = adjustment.latest_adjusted().unwrap();
        assert_eq!((latest.dates(), latest.closes(), reason), (&raw.dates()[2..], &raw.closes()[2..], Some(unfit)));
        assert!(Adjustment::new(&raw, &[(date(2024, 1, 4), Action::Split(0.0))]).is_err());
    }
}
