//! How many returns make a year.

/// Returns in a year: 252 for sessions, 52 for weeks, 12 for months.
///
/// Invariant: finite and at least one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PeriodsPerYear(f64);

impl PeriodsPerYear {
    /// Trading sessions of a year, by convention 252.
    pub const SESSIONS: PeriodsPerYear = PeriodsPerYear(252.0);
    /// Weeks of a year, by convention 52.
    pub const WEEKS: PeriodsPerYear = PeriodsPerYear(52.0);
    /// Months of a year.
    pub const MONTHS: PeriodsPerYear = PeriodsPerYear(12.0);

    /// The number of periods, or nothing when it is not finite or below one.
    pub fn new(periods: f64) -> Option<PeriodsPerYear> {
        (periods.is_finite() && periods >= 1.0).then_some(PeriodsPerYear(periods))
    }

    /// The number itself.
    pub fn get(self) -> f64 {
        self.0
    }

    /// The rate of one period that compounds to the annual `rate` (a fraction): `(1 + rate)^(1/periods) - 1`.
    pub fn rate_per_period(self, rate: f64) -> f64 {
        // ln_1p and exp_m1 keep the digits that (1 + rate) loses for small rates.
        (rate.ln_1p() / self.0).exp_m1()
    }
}
