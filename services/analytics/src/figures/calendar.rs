//! Returns of calendar months and years.

use std::collections::BTreeMap;

use jiff::civil::Date;

/// Compounded returns of one calendar year.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct YearOfReturns {
    /// The calendar year.
    pub year: i16,
    /// January to December as fractions; nothing where the window has no return.
    pub months: [Option<f64>; 12],
    /// The whole year's part of the window, as a fraction.
    pub total: f64,
}

/// The month x year table of the returns dated `dates` (the day at whose close each return ends), earliest year first.
pub fn monthly_returns(dates: &[Date], returns: &[f64]) -> Vec<YearOfReturns> {
    let mut years: BTreeMap<i16, [Option<f64>; 12]> = BTreeMap::new();
    for (date, r) in dates.iter().zip(returns) {
        let months = years.entry(date.year()).or_default();
        let month = usize::from(date.month().unsigned_abs()) - 1;
        months[month] = Some(months[month].unwrap_or(1.0) * (1.0 + r));
    }
    let row = |(year, growth): (i16, [Option<f64>; 12])| YearOfReturns {
        year,
        months: growth.map(|growth| growth.map(|growth| growth - 1.0)),
        total: growth.iter().flatten().product::<f64>() - 1.0,
    };
    years.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::monthly_returns;
    use jiff::civil::date;

    #[test]
    fn two_days_of_one_month_compound() {
        let table = monthly_returns(&[date(2024, 1, 30), date(2024, 1, 31), date(2024, 3, 1)], &[0.1, 0.1, -0.5]);
        assert_eq!(table.len(), 1);
        assert!((table[0].months[0].unwrap() - 0.21).abs() < 1e-12);
        assert_eq!(table[0].months[1], None);
        assert!((table[0].total - (1.21 * 0.5 - 1.0)).abs() < 1e-12);
    }
}
