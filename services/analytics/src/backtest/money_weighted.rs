//! The investor's own return: the rate at which all payments in and out are worth nothing today.

use jiff::civil::Date;

use crate::no_figure::{NoFigure, finite};

/// Money paid in (positive) or taken out (negative) at a close, per 1.0 put in at first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flow {
    /// The day; a day without a session stands for the next session.
    pub date: Date,
    /// The amount.
    pub amount: f64,
}

const DAYS_PER_YEAR: f64 = 365.25;
/// Highest growth factor a year that is searched.
const GROWTH_MAX: f64 = 1e12;
const HALVINGS_MAX: usize = 200;

/// Money-weighted return a year as a fraction (internal rate of return, years of 365.25 days): the rate at which the
/// `flows` paid in grow to `final_value` on `end`.
///
/// # Errors
/// [`NoFigure::TooFewReturns`] when no time passes, [`NoFigure::WipedOut`] when nothing comes back,
/// [`NoFigure::OutOfRange`] when no rate solves it.
pub fn money_weighted_return(flows: &[Flow], final_value: f64, end: Date) -> Result<f64, NoFigure> {
    let years = |date: Date| f64::from((end - date).get_days()) / DAYS_PER_YEAR;
    if flows.iter().all(|flow| years(flow.date) <= 0.0) {
        return Err(NoFigure::TooFewReturns { needed: 1, got: 0 });
    }
    let missing =
        |growth: f64| final_value - flows.iter().map(|flow| flow.amount * growth.powf(years(flow.date))).sum::<f64>();
    // Growth factors on a logarithmic scale: what was paid in grows with the factor, so the gap changes sign once.
    let (mut low, mut high) = (-GROWTH_MAX.ln(), GROWTH_MAX.ln());
    if missing(low.exp()) <= 0.0 {
        return Err(NoFigure::WipedOut);
    }
    // Over decades the highest growth leaves the range of numbers: it is too high all the same.
    if missing(high.exp()) > 0.0 {
        return Err(NoFigure::OutOfRange);
    }
    for _ in 0..HALVINGS_MAX {
        let middle = 0.5 * (low + high);
        (low, high) = if missing(middle.exp()) > 0.0 { (middle, high) } else { (low, middle) };
        if high - low <= f64::EPSILON {
            break;
        }
    }
    // An end where numbers leave their range is no root.
    finite(missing(high.exp()))?;
    finite((0.5 * (low + high)).exp_m1())
}

#[cfg(test)]
mod tests {
    use super::{Flow, money_weighted_return};
    use jiff::civil::date;

    #[test]
    fn one_payment_doubling_in_four_years() {
        let flows = [Flow { date: date(2020, 1, 1), amount: 1.0 }];
        let rate = money_weighted_return(&flows, 2.0, date(2024, 1, 1)).unwrap();
        assert!((rate - (2.0_f64.powf(0.25) - 1.0)).abs() < 1e-12);
    }

    #[test]
    fn money_paid_in_late_weighs_less() {
        let flows = [Flow { date: date(2020, 1, 1), amount: 1.0 }, Flow { date: date(2024, 1, 1), amount: 1.0 }];
        let rate = money_weighted_return(&flows, 3.0, date(2024, 1, 1)).unwrap();
        assert!((rate - (2.0_f64.powf(0.25) - 1.0)).abs() < 1e-12);
    }

    #[test]
    fn decades_have_a_rate_too() {
        let flows = [Flow { date: date(1990, 1, 1), amount: 1.0 }];
        let rate = money_weighted_return(&flows, 364.0, date(2023, 1, 1)).unwrap();
        assert!((rate - (364.0_f64.powf(365.25 / 12_053.0) - 1.0)).abs() < 1e-12, "{rate}");
    }

    #[test]
    fn payments_that_no_rate_explains_have_none() {
        let flows = [Flow { date: date(1990, 1, 1), amount: -1.0 }, Flow { date: date(1991, 1, 1), amount: 1.0 }];
        assert!(money_weighted_return(&flows, 364.0, date(2023, 1, 1)).is_err());
    }
}
