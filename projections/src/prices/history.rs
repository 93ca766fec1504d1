//! What is known of an asset's prices, now or as of then: bars, corporate actions, and series derived from both.

use std::collections::BTreeMap;

use analytics::corporate_actions::{Action as Effect, Adjustment};
use analytics::{PriceError, Series};
use events::stored::bars_from_bytes;
use events::values::{AssetId, Bar, KnownBars, PaymentKind};
use events::{Position, Stream};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx;
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};
use sqlx::{PgPool, query};

use crate::columns::{asset_id, damaged, natural};

/// From when knowledge is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AsOf {
    /// Everything that is known.
    #[default]
    Now,
    /// What was known when the market stream ended at this sequence.
    Sequence(u64),
    /// What was known by this time.
    Time(Timestamp),
}

impl AsOf {
    /// The last position and the last time of what was known, as queries bound them; nothing where all counts.
    pub(super) fn bounds(self) -> (Option<i64>, Option<Timestamp>) {
        match self {
            Self::Now => (None, None),
            Self::Sequence(sequence) => (Some(i64::try_from(sequence).unwrap_or(i64::MAX)), None),
            Self::Time(time) => (None, Some(time)),
        }
    }
}

/// What was done to those who hold an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ActionKind {
    /// New units for old ones.
    Split,
    /// Cash from earnings.
    Dividend,
    /// Cash from what a fund gained by selling.
    CapitalGain,
}

impl ActionKind {
    /// The kind in one word: `split`, `dividend`, `capital_gain`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Split => "split",
            Self::Dividend => "dividend",
            Self::CapitalGain => "capital_gain",
        }
    }

    fn parse(word: &str) -> Result<Self, sqlx::Error> {
        let known = [Self::Split, Self::Dividend, Self::CapitalGain].into_iter().find(|kind| kind.word() == word);
        known.ok_or_else(|| damaged(format!("`{word}` is no corporate action")))
    }
}

impl From<PaymentKind> for ActionKind {
    fn from(kind: PaymentKind) -> Self {
        match kind {
            PaymentKind::Dividend => Self::Dividend,
            PaymentKind::CapitalGain => Self::CapitalGain,
        }
    }
}

/// A corporate action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// The first day on the new units, or the ex-date.
    pub day: Date,
    /// What was done.
    pub kind: ActionKind,
    /// New units of a split, else cash for one unit.
    pub amount: Decimal,
    /// Old units of a split.
    pub old_units: Option<Decimal>,
    /// Who said so.
    pub source: String,
}

/// A bar with the adjustments that follow from corporate actions.
#[derive(Debug, Clone, PartialEq)]
pub struct BarRow {
    /// The bar as the source gave it.
    pub bar: Bar,
    /// The close whose changes are total returns, as Yahoo and CRSP adjust: later payments taken off the close before. None
    /// before a payment that is not below the close before it.
    pub adjusted_close: Option<f64>,
    /// The total return since the bar before, payments reinvested at the ex-date's close; none for the first.
    pub total_return: Option<f64>,
}

/// What is known of one asset's prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Bars by day.
    pub bars: KnownBars,
    /// What the prices say: `raw`, `split_adjusted`, `adjusted`.
    pub basis: String,
    /// Who gave the last of the prices.
    pub source: String,
    /// Splits and payments by day.
    pub actions: Vec<Action>,
    /// Where the last event stands that has a part in this.
    pub position: Position,
    /// When that event's command was given.
    pub known_at: Timestamp,
}

/// A series that cannot be derived.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SeriesError {
    /// A close, a split or a payment is out of range, or a payment is not below the close before it.
    #[error("prices and corporate actions do not fit: {0}")]
    Prices(#[from] PriceError),
    /// An adjusted close is so large or so small that no decimal holds it.
    #[error("the adjusted close of {0} is out of range")]
    OutOfRange(Date),
}

/// Closes whose changes are total returns, of as many of the last days as can be had.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TotalReturnCloses {
    /// Days with their closes, ascending.
    pub closes: Vec<(Date, Decimal)>,
    /// The days before them that have none, and why, where it is not all days.
    pub unfit: Option<Unfit>,
}

/// Days that have prices and no closes whose changes are total returns.
#[derive(Debug, Clone, PartialEq)]
pub struct Unfit {
    /// The days, ascending.
    pub days: Vec<Date>,
    /// Why there are none.
    pub why: SeriesError,
}

impl History {
    /// Closes whose changes are total returns: as they came where the source adjusted them or nothing has to be.
    #[must_use]
    pub fn total_return_closes(&self) -> TotalReturnCloses {
        let bars = self.bars.as_slice();
        if self.effects().is_empty() || bars.is_empty() {
            return TotalReturnCloses { closes: bars.iter().map(|bar| (bar.date, bar.close)).collect(), unfit: None };
        }
        let (adjusted, unfit) = match self.with(|adjustment| Ok(adjustment.latest_adjusted()?)) {
            Ok((adjusted, unfit)) => (Some(adjusted), unfit.map(SeriesError::from)),
            Err(error) => (None, Some(error)),
        };
        let closes = adjusted.as_ref().map_or(&[][..], Series::closes);
        total_return_closes(bars, closes, unfit)
    }

    /// The bars with what follows from corporate actions, by both conventions; and why some have no adjusted close, where
    /// that is so.
    ///
    /// # Errors
    /// Where prices and corporate actions are out of range.
    pub fn rows(&self) -> Result<(Vec<BarRow>, Option<SeriesError>), SeriesError> {
        if self.bars.as_slice().is_empty() {
            return Ok((Vec::new(), None));
        }
        self.with(|adjustment| {
            let (adjusted, unfit) = adjustment.latest_adjusted()?;
            let bars = self.bars.as_slice();
            let without = std::iter::repeat_n(None, bars.len() - adjusted.closes().len());
            let adjusted = without.chain(adjusted.closes().iter().copied().map(Some));
            let returns = std::iter::once(None).chain(adjustment.total_returns().into_iter().map(Some));
            let rows = bars.iter().zip(adjusted).zip(returns);
            let rows =
                rows.map(|((bar, adjusted_close), total_return)| BarRow { bar: *bar, adjusted_close, total_return });
            Ok((rows.collect(), unfit.map(SeriesError::from)))
        })
    }

    fn with<T>(&self, derive: impl FnOnce(Adjustment<'_>) -> Result<T, SeriesError>) -> Result<T, SeriesError> {
        let bars = self.bars.as_slice();
        let close = |bar: &Bar| bar.close.to_f64().unwrap_or(f64::NAN);
        let raw = Series::new(bars.iter().map(|bar| bar.date).collect(), bars.iter().map(close).collect())?;
        derive(Adjustment::new(&raw, &self.effects())?)
    }

    /// The actions that the prices do not have in them yet.
    fn effects(&self) -> Vec<(Date, Effect)> {
        let float = |number: Decimal| number.to_f64().unwrap_or(f64::NAN);
        let effect = |action: &Action| match (action.kind, self.basis.as_str()) {
            (_, "adjusted") | (ActionKind::Split, "split_adjusted") => None,
            (ActionKind::Split, _) => {
                let ratio = float(action.amount) / float(action.old_units.unwrap_or(Decimal::ONE));
                Some((action.day, Effect::Split(ratio)))
            }
            (ActionKind::Dividend | ActionKind::CapitalGain, _) => {
                Some((action.day, Effect::Dividend(float(action.amount))))
            }
        };
        self.actions.iter().filter_map(effect).collect()
    }
}

/// Days with their adjusted closes, which are those of the last of the bars. A close that is no decimal is none, nor are
/// those before it: a day without one would be a return over two days.
fn total_return_closes(bars: &[Bar], closes: &[f64], unfit: Option<SeriesError>) -> TotalReturnCloses {
    let first = bars.len() - closes.len();
    let decimal = |close: &f64| Decimal::from_f64(*close).filter(|close| *close > Decimal::ZERO);
    let out_of_range = closes.iter().rposition(|close| decimal(close).is_none());
    let (first, unfit) = match out_of_range {
        Some(place) => (first + place + 1, Some(SeriesError::OutOfRange(bars[first + place].date))),
        None => (first, unfit),
    };
    let (before, after) = bars.split_at(first);
    let of_after = closes[closes.len() - after.len()..].iter().filter_map(decimal);
    TotalReturnCloses {
        closes: after.iter().map(|bar| bar.date).zip(of_after).collect(),
        unfit: unfit.map(|why| Unfit { days: before.iter().map(|bar| bar.date).collect(), why }),
    }
}

/// What is known of these assets' prices from one day to another, both included; `None` leaves an end open. An asset
/// without prices in the span is not there.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn histories(
    pool: &PgPool,
    assets: &[AssetId],
    from: Option<Date>,
    to: Option<Date>,
    as_of: AsOf,
) -> Result<BTreeMap<AssetId, History>, sqlx::Error> {
    let texts: Vec<&str> = assets.iter().map(AssetId::as_str).collect();
    let (sequence, time) = as_of.bounds();
    let chunks = query!(
        r#"SELECT asset, position, known_at AS "known_at: jiff_sqlx::Timestamp", source, basis, bars
           FROM price_chunks
           WHERE asset = ANY($1::text[]) AND last_day >= COALESCE($2::date, last_day)
                 AND first_day <= COALESCE($3::date, first_day)
                 AND position <= COALESCE($4::bigint, position) AND known_at <= COALESCE($5::timestamptz, known_at)
           ORDER BY asset, position"#,
        &texts as _,
        from.map(ToSqlx::to_sqlx) as _,
        to.map(ToSqlx::to_sqlx) as _,
        sequence,
        time.map(ToSqlx::to_sqlx) as _
    )
    .fetch_all(pool)
    .await?;
    let mut histories: BTreeMap<AssetId, History> = BTreeMap::new();
    let within = |day: Date| from.is_none_or(|from| from <= day) && to.is_none_or(|to| day <= to);
    for chunk in chunks {
        let mut bars = bars_from_bytes(&chunk.bars).map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        bars.retain(|bar| within(bar.date));
        if bars.is_empty() {
            continue;
        }
        let (known_at, sequence) = (chunk.known_at.to_jiff(), natural(chunk.position)?);
        let history = histories.entry(asset_id(&chunk.asset)?).or_insert_with(|| History::begun(known_at));
        history.bars.update(&bars);
        history.source = chunk.source;
        if let Some(basis) = chunk.basis {
            history.basis = basis;
        }
        history.reach(sequence, known_at);
    }
    let actions = query!(
        r#"SELECT asset, position, known_at AS "known_at: jiff_sqlx::Timestamp", source,
                  day AS "day: jiff_sqlx::Date", kind, amount, old_units
           FROM corporate_actions
           WHERE asset = ANY($1::text[]) AND day >= COALESCE($2::date, day) AND day <= COALESCE($3::date, day)
                 AND position <= COALESCE($4::bigint, position) AND known_at <= COALESCE($5::timestamptz, known_at)
           ORDER BY asset, position"#,
        &texts as _,
        from.map(ToSqlx::to_sqlx) as _,
        to.map(ToSqlx::to_sqlx) as _,
        sequence,
        time.map(ToSqlx::to_sqlx) as _
    )
    .fetch_all(pool)
    .await?;
    for row in actions {
        let Some(history) = histories.get_mut(&asset_id(&row.asset)?) else { continue };
        let (day, kind) = (row.day.to_jiff(), ActionKind::parse(&row.kind)?);
        // Of two for one day and kind the later position counts, and it comes later.
        history.actions.retain(|action| (action.day, action.kind) != (day, kind));
        // Without an amount it is withdrawn.
        if let Some(amount) = row.amount {
            history.actions.push(Action { day, kind, amount, old_units: row.old_units, source: row.source });
        }
        history.reach(natural(row.position)?, row.known_at.to_jiff());
    }
    for history in histories.values_mut() {
        history.actions.sort_by_key(|action| (action.day, action.kind));
    }
    Ok(histories)
}

impl History {
    fn begun(known_at: Timestamp) -> Self {
        Self {
            bars: KnownBars::default(),
            basis: String::new(),
            source: String::new(),
            actions: Vec::new(),
            position: Position { stream: Stream::Market, sequence: 0 },
            known_at,
        }
    }

    fn reach(&mut self, sequence: u64, known_at: Timestamp) {
        if sequence > self.position.sequence {
            self.position.sequence = sequence;
            self.known_at = known_at;
        }
    }
}

#[cfg(test)]
mod tests {
    use events::values::Bar;
    use jiff::civil::date;

    use super::{SeriesError, total_return_closes};

    #[test]
    fn an_adjusted_close_that_is_no_decimal_is_an_error_and_no_nought() {
        let bars: Vec<Bar> = (1..=4).map(|day| Bar::closing(date(2024, 1, day), 1.into())).collect();
        for none in [1e300, f64::NAN, f64::INFINITY, 1e-300] {
            let found = total_return_closes(&bars, &[0.5, none, 0.75, 1.0], None);
            let days: Vec<i8> = found.closes.iter().map(|(day, _)| day.day()).collect();
            let unfit = found.unfit.unwrap();
            assert_eq!((days, unfit.days.len()), (vec![3, 4], 2), "{none}");
            assert_eq!(unfit.why, SeriesError::OutOfRange(date(2024, 1, 2)));
        }
        let found = total_return_closes(&bars, &[0.5, 0.6, 0.75, 1.0], None);
        assert_eq!((found.closes.len(), found.unfit), (4, None));
    }
}
