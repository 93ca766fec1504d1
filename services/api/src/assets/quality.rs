//! `GET /v1/assets/{id}/quality`: what is odd about an asset's prices. Nothing is judged, only pointed at.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use events::Calendar;
use events::values::{AssetId, Bar};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use journal::Journal;
use projections::prices::{AsOf, BarRow, SeriesError, histories};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::{IntoParams, ToSchema};

use crate::as_of::as_of;
use crate::described::problems;
use crate::freshness::{CaughtUp, MinPositionHeader};
use crate::parameters::Parameters;
use crate::paths::Id;
use crate::problem::{Problem, ProblemType};
use crate::state::Clock;

/// Weekdays in a row without a price that are a gap where holidays are not known; fewer may be holidays.
const GAP_WEEKDAYS_MIN: i64 = 4;
/// Sessions in a row without a price that are a gap where they are.
const GAP_SESSIONS_MIN: i64 = 1;
/// Days in a row with one and the same close that are stale.
const STALE_DAYS_MIN: usize = 5;
/// Returns further from the median than this many median deviations are outliers.
const OUTLIER_DEVIATIONS: f64 = 25.0;
/// Findings of each kind that are told.
const FINDINGS_MAX: usize = 50;

/// What is odd about an asset's prices.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub struct QualityView {
    /// How many days have a price.
    days: usize,
    /// The calendar that tells on which days there is a price to expect: `new_york` (NYSE, NASDAQ), `sao_paulo` (B3),
    /// `every_day`, or `weekdays` of an exchange whose holidays are not known.
    #[schema(example = "new_york")]
    calendar: &'static str,
    /// Days with a price as a fraction of the calendar's days from the first to the last, at most 1.
    coverage: f64,
    /// The calendar's days since the last price.
    weekdays_behind: i64,
    /// Runs of the calendar's days without a price; of weekdays only those too long for holidays. 50 at the most, as of each
    /// kind below.
    gaps: Vec<RunView>,
    /// Runs of days on which the close did not move.
    stale: Vec<RunView>,
    /// Days whose return is far from what is usual for the asset.
    outliers: Vec<OutlierView>,
    /// Days on which open or close are not between low and high.
    #[schema(value_type = Vec<String>)]
    inconsistent: Vec<Date>,
    /// Days without an open, a high or a low where most days have one: the source did not say, or what it said made no sense
    /// beside the close and was left out.
    #[schema(value_type = Vec<String>)]
    incomplete: Vec<Date>,
    /// The latest payment that is not below the close before it; `null` where there is none.
    #[schema(required)]
    unfit_payment: Option<String>,
}

/// A run of days.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub struct RunView {
    /// The first day.
    #[schema(value_type = String, format = Date)]
    from: Date,
    /// The last day.
    #[schema(value_type = String, format = Date)]
    to: Date,
    /// How many days.
    days: i64,
}

/// A day with an unusual return.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub struct OutlierView {
    /// The day.
    #[schema(value_type = String, format = Date)]
    date: Date,
    /// Its return as a fraction.
    r#return: f64,
}

/// As of when the prices are looked at.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct QualityQuery {
    /// What was known then: a position or a time. Now where nothing is said.
    #[param(example = "market-42")]
    as_of: Option<String>,
}

problems!(QualityProblems: ANY, GUARDED, READ; AssetUnknown, LogUnavailable);

/// Points at what is odd about an asset's prices.
#[utoipa::path(get, path = "/v1/assets/{id}/quality", tag = "assets", operation_id = "getPriceQuality",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(("id" = String, Path, example = "AAPL"), QualityQuery, MinPositionHeader),
    responses((status = 200, body = QualityView), QualityProblems))]
pub async fn quality(
    State(pool): State<PgPool>,
    State(journal): State<Journal>,
    State(clock): State<Clock>,
    Id(id): Id<AssetId>,
    Parameters(query): Parameters<QualityQuery>,
    _: CaughtUp,
) -> Result<Response, Problem> {
    let as_of = as_of(&journal, query.as_of.as_deref()).await?;
    let listed = projections::assets::get(&pool, &id).await?;
    let listed = listed.ok_or_else(|| Problem::of(ProblemType::AssetUnknown))?;
    let mut known = histories(&pool, std::slice::from_ref(&id), None, None, as_of).await?;
    let history = known.remove(&id);
    let then = match as_of {
        AsOf::Now => clock.now(),
        AsOf::Time(time) => time,
        // When the last was known that is known then.
        AsOf::Sequence(_) => history.as_ref().map_or_else(|| clock.now(), |history| history.known_at),
    };
    let today = TimeZone::UTC.to_datetime(then).date();
    // An asset that is traded no more does not fall behind.
    let today = listed.delisted_on.map_or(today, |delisted| delisted.min(today));
    let rows = history.map(|history| history.rows());
    let (rows, unfit) = rows.transpose().map_err(|error| unreadable(&error))?.unwrap_or_default();
    Ok(Json(view(&rows, unfit.map(|why| why.to_string()), today, listed.calendar)).into_response())
}

fn unreadable(error: &SeriesError) -> Problem {
    tracing::error!(%error, "a series cannot be derived");
    Problem::of(ProblemType::Internal)
}

fn view(rows: &[BarRow], unfit_payment: Option<String>, today: Date, calendar: Calendar) -> QualityView {
    let bars: Vec<Bar> = rows.iter().map(|row| row.bar).collect();
    let bars = bars.as_slice();
    let (Some(first), Some(last)) = (bars.first(), bars.last()) else {
        let none = Vec::new;
        let (gaps, stale) = (none(), none());
        return QualityView {
            days: 0,
            calendar: calendar.word(),
            coverage: 0.0,
            weekdays_behind: 0,
            gaps,
            stale,
            outliers: Vec::new(),
            inconsistent: Vec::new(),
            incomplete: Vec::new(),
            unfit_payment,
        };
    };
    let expected = calendar.sessions_after(first.date, last.date) + i64::from(calendar.is_session(first.date));
    let gap_min = if calendar == Calendar::Weekdays { GAP_WEEKDAYS_MIN } else { GAP_SESSIONS_MIN };
    let share = bars.len().to_f64().unwrap_or(0.0) / expected.max(1).to_f64().unwrap_or(1.0);
    let between = |pair: &[Bar]| {
        let (from, to) = (pair[0].date.tomorrow().ok()?, pair[1].date.yesterday().ok()?);
        let days = calendar.sessions_after(pair[0].date, to);
        (days >= gap_min).then_some(RunView { from, to, days })
    };
    let within =
        |price: Decimal, bar: &Bar| bar.low.is_none_or(|low| low <= price) && bar.high.is_none_or(|high| price <= high);
    let consistent = |bar: &&Bar| within(bar.close, bar) && bar.open.is_none_or(|open| within(open, bar));
    QualityView {
        days: bars.len(),
        calendar: calendar.word(),
        coverage: share.min(1.0),
        weekdays_behind: if last.date < today { calendar.sessions_after(last.date, today) } else { 0 },
        gaps: bars.windows(2).filter_map(between).take(FINDINGS_MAX).collect(),
        stale: stale(bars),
        outliers: outliers(rows),
        inconsistent: bars.iter().filter(|bar| !consistent(bar)).map(|bar| bar.date).take(FINDINGS_MAX).collect(),
        incomplete: incomplete(bars),
        unfit_payment,
    }
}

fn stale(bars: &[Bar]) -> Vec<RunView> {
    let runs = bars.chunk_by(|one, two| one.close == two.close).filter(|run| run.len() >= STALE_DAYS_MIN);
    let view = |run: &[Bar]| {
        Some(RunView { from: run.first()?.date, to: run.last()?.date, days: i64::try_from(run.len()).ok()? })
    };
    runs.filter_map(view).take(FINDINGS_MAX).collect()
}

/// Days that lack a field which most days have.
fn incomplete(bars: &[Bar]) -> Vec<Date> {
    let fields: [fn(&Bar) -> Option<Decimal>; 3] = [|bar| bar.open, |bar| bar.high, |bar| bar.low];
    let usual = fields.map(|field| 2 * bars.iter().filter(|bar| field(bar).is_some()).count() > bars.len());
    let lacks = |bar: &&Bar| fields.iter().zip(usual).any(|(field, is_usual)| is_usual && field(bar).is_none());
    bars.iter().filter(lacks).map(|bar| bar.date).take(FINDINGS_MAX).collect()
}

fn outliers(rows: &[BarRow]) -> Vec<OutlierView> {
    // Total returns: splits and payments are no outliers.
    let returns: Vec<(Date, f64)> =
        rows.iter().filter_map(|row| row.total_return.map(|value| (row.bar.date, value))).collect();
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    };
    let Some(usual) = median(returns.iter().map(|(_, value)| *value).collect()) else { return Vec::new() };
    let deviation = median(returns.iter().map(|(_, value)| (value - usual).abs()).collect()).unwrap_or(0.0);
    // An asset that hardly ever moves has no usual return to be far from.
    if deviation < f64::EPSILON {
        return Vec::new();
    }
    let far = returns.into_iter().filter(|(_, value)| (value - usual).abs() > OUTLIER_DEVIATIONS * deviation);
    far.map(|(date, value)| OutlierView { date, r#return: value }).take(FINDINGS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use events::values::Bar;
    use jiff::ToSpan;
    use jiff::civil::{Date, date};
    use projections::prices::BarRow;
    use rust_decimal::Decimal;
    use rust_decimal::prelude::ToPrimitive;

    use events::Calendar;

    use super::view;

    fn rows(bars: &[Bar]) -> Vec<BarRow> {
        let close = |bar: &Bar| bar.close.to_f64().unwrap();
        let returns = bars.windows(2).map(|pair| Some(close(&pair[1]) / close(&pair[0]) - 1.0));
        let rows = bars.iter().zip(std::iter::once(None).chain(returns));
        rows.map(|(bar, total_return)| BarRow { bar: *bar, adjusted_close: None, total_return }).collect()
    }

    fn bars(first: Date, closes: &[i64]) -> Vec<Bar> {
        let mut day = first;
        closes
            .iter()
            .map(|close| {
                let bar = Bar::closing(day, Decimal::from(*close));
                day += 1.day();
                while matches!(day.weekday(), jiff::civil::Weekday::Saturday | jiff::civil::Weekday::Sunday) {
                    day += 1.day();
                }
                bar
            })
            .collect()
    }

    #[test]
    fn a_missing_session_is_a_gap_where_holidays_are_known_and_a_holiday_is_none() {
        // Good Friday is left out, and so is the Thursday before it.
        let days = [date(2024, 3, 26), date(2024, 3, 27), date(2024, 4, 1), date(2024, 4, 2)];
        let bars: Vec<Bar> =
            days.iter().zip(100..).map(|(day, close)| Bar::closing(*day, Decimal::from(close))).collect();
        let found = view(&rows(&bars), None, date(2024, 4, 2), Calendar::NewYork);
        assert_eq!((found.calendar, found.gaps.len(), found.gaps[0].days), ("new_york", 1, 1), "{found:?}");
        assert!((found.coverage - 0.8).abs() < 1e-12, "{found:?}");
        assert!(view(&rows(&bars), None, date(2024, 4, 2), Calendar::Weekdays).gaps.is_empty());
    }

    #[test]
    fn gaps_stale_runs_outliers_and_inconsistencies_are_pointed_at() {
        let moving: Vec<i64> = (0..60).map(|n| 1_000 + n * n * 31 % 41).collect();
        let mut odd = bars(date(2024, 1, 1), &moving);
        odd.drain(10..16);
        for bar in &mut odd[20..26] {
            bar.close = Decimal::from(2_000);
        }
        odd[5].high = Some(Decimal::ONE);
        let found = view(&rows(&odd), None, date(2024, 3, 29), Calendar::Weekdays);
        assert_eq!((found.days, found.gaps.len(), found.gaps[0].days), (54, 1, 6));
        assert_eq!((found.stale.len(), found.stale[0].days), (1, 6));
        assert_eq!(found.outliers.len(), 2, "there and back: {:?}", found.outliers);
        assert_eq!(found.inconsistent, [odd[5].date]);
        assert!(found.coverage > 0.89 && found.coverage < 0.91 && found.weekdays_behind == 5, "{found:?}");
    }

    #[test]
    fn days_that_lack_what_most_days_have_are_pointed_at() {
        let mut some = bars(date(2024, 1, 1), &[10, 11, 12, 13, 14]);
        for bar in &mut some {
            (bar.high, bar.low) = (Some(bar.close), Some(bar.close));
        }
        (some[3].high, some[1].low, some[4].open) = (None, None, Some(14.into()));
        let found = view(&rows(&some), None, some[4].date, Calendar::Weekdays);
        assert_eq!(found.incomplete, [some[1].date, some[3].date], "hardly any day has an open");
        assert!(
            view(&rows(&bars(date(2024, 1, 1), &[10, 11])), None, some[4].date, Calendar::Weekdays)
                .incomplete
                .is_empty()
        );
    }

    #[test]
    fn prices_as_they_should_be_show_nothing() {
        let moving: Vec<i64> = (0..300).map(|n| 1_000 + n * n * 31 % 41).collect();
        let sound = bars(date(2024, 1, 1), &moving);
        let found = view(&rows(&sound), None, sound[299].date, Calendar::Weekdays);
        assert!(found.gaps.is_empty() && found.stale.is_empty() && found.outliers.is_empty(), "{found:?}");
        assert!((found.coverage - 1.0).abs() < 1e-12 && found.weekdays_behind == 0);
        assert_eq!(view(&[], None, sound[0].date, Calendar::Weekdays).days, 0);
    }
}
