//! What each figure is called, how it is computed and in what unit: no number is shown without it.

/// How a figure is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A fraction: `0.25` is 25 %.
    Fraction,
    /// A fraction a year.
    FractionPerYear,
    /// A number without a unit.
    Ratio,
}

impl Unit {
    /// The unit in words.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Fraction => "fraction",
            Unit::FractionPerYear => "fraction a year",
            Unit::Ratio => "ratio",
        }
    }
}

/// A figure's name, formula and unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    /// Stable identifier, as in JSON.
    pub id: &'static str,
    /// Name for people.
    pub name: &'static str,
    /// The convention in one line. `r` are simple returns, `n` their number, `periods` 252 a year for sessions.
    pub formula: &'static str,
    /// How to read the number.
    pub unit: Unit,
}

macro_rules! figures {
    ($($figure:ident $id:literal $name:literal $unit:ident $formula:literal;)*) => {
        /// The figures of a window, in the order in which they are shown.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Figure {
            $(#[doc = $name] #[doc = concat!(": ", $formula, ".")] $figure,)*
        }

        impl Figure {
            /// All figures.
            pub const ALL: &'static [Figure] = &[$(Figure::$figure),*];

            /// Whether it holds the series against a benchmark, and so rests on the dates that both have.
            pub fn is_beside_a_benchmark(self) -> bool {
                // They stand last.
                self >= Figure::Beta
            }

            /// Name, formula and unit.
            pub const fn definition(self) -> Definition {
                match self {
                    $(Figure::$figure => Definition { id: $id, name: $name, formula: $formula, unit: Unit::$unit },)*
                }
            }
        }
    };
}

figures! {
    Cumulative "cumulative" "Cumulative return" Fraction "P_T / P_0 - 1";
    Cagr "cagr" "Annual growth (CAGR)" FractionPerYear "(1 + cumulative)^(periods / n) - 1; not shown under one year";
    CagrCalendar "cagr_calendar" "Annual growth, calendar" FractionPerYear "(1 + cumulative)^(365.25 / days) - 1; not shown under one year";
    MeanDaily "mean_daily" "Mean return of a period" Fraction "arithmetic mean of r";
    Volatility "volatility" "Volatility" FractionPerYear "std(r, ddof 1) * sqrt(periods)";
    Sharpe "sharpe" "Sharpe ratio" Ratio "e = r - ((1 + rf)^(1/periods) - 1); mean(e) / std(e, ddof 1) * sqrt(periods)";
    Sortino "sortino" "Sortino ratio" Ratio "mean(e) / sqrt(mean(min(e, 0)^2)) * sqrt(periods), the denominator over all n";
    MaxDrawdown "max_drawdown" "Maximum drawdown" Fraction "min(value / running maximum - 1), the first value counts as a maximum";
    Calmar "calmar" "Calmar ratio" Ratio "cagr / |max_drawdown|; not shown under one year";
    Omega "omega" "Omega ratio" Ratio "sum(max(r - q, 0)) / sum(max(q - r, 0)) with q = (1 + required)^(1/periods) - 1";
    VarHist95 "var_hist_95" "Value at risk, historical, 95 %" Fraction "5 % quantile of r, linear interpolation (type 7); negative is a loss";
    CvarHist95 "cvar_hist_95" "Expected shortfall, historical, 95 %" Fraction "mean of the returns at or below var_hist_95; negative is a loss";
    VarGauss95 "var_gauss_95" "Value at risk, Gaussian, 95 %" Fraction "mean(r) + z(5 %) * std(r, ddof 1); negative is a loss";
    CvarGauss95 "cvar_gauss_95" "Expected shortfall, Gaussian, 95 %" Fraction "mean(r) - std(r, ddof 1) * phi(z) / 5 %; negative is a loss";
    CvarRu95 "cvar_ru_95" "Expected shortfall, Rockafellar-Uryasev, 95 %" Fraction "mean of exactly the worst 5 % of r, as a positive loss";
    VarHist99 "var_hist_99" "Value at risk, historical, 99 %" Fraction "1 % quantile of r, linear interpolation (type 7); negative is a loss";
    CvarHist99 "cvar_hist_99" "Expected shortfall, historical, 99 %" Fraction "mean of the returns at or below var_hist_99; negative is a loss";
    VarGauss99 "var_gauss_99" "Value at risk, Gaussian, 99 %" Fraction "mean(r) + z(1 %) * std(r, ddof 1); negative is a loss";
    CvarGauss99 "cvar_gauss_99" "Expected shortfall, Gaussian, 99 %" Fraction "mean(r) - std(r, ddof 1) * phi(z) / 1 %; negative is a loss";
    CvarRu99 "cvar_ru_99" "Expected shortfall, Rockafellar-Uryasev, 99 %" Fraction "mean of exactly the worst 1 % of r, as a positive loss";
    Skew "skew" "Skewness" Ratio "bias-corrected G1";
    KurtosisExcess "kurtosis_excess" "Excess kurtosis" Ratio "bias-corrected G2";
    UlcerIndex "ulcer_index" "Ulcer index" Fraction "sqrt(sum(drawdown^2) / (n - 1))";
    BestDay "best_day" "Best period" Fraction "max(r)";
    WorstDay "worst_day" "Worst period" Fraction "min(r)";
    WinRate "win_rate" "Win rate" Fraction "positive returns / returns that are not zero";
    TailRatio "tail_ratio" "Tail ratio" Ratio "|95 % quantile of r| / |5 % quantile of r|, type 7";
    Beta "beta" "Beta" Ratio "cov(r, b) / var(b) on common dates";
    AlphaArithmetic "alpha_arith" "Alpha, arithmetic" FractionPerYear "periods * (mean(r - rf) - beta * mean(b - rf))";
    AlphaGeometric "alpha_geom" "Alpha, geometric" FractionPerYear "(1 + mean(r - rf - beta * (b - rf)))^periods - 1";
    Correlation "correlation" "Correlation with the benchmark" Ratio "Pearson correlation of r and b";
    RSquared "r_squared" "R squared" Ratio "correlation^2";
    TrackingError "tracking_error" "Tracking error" FractionPerYear "std(r - b, ddof 1) * sqrt(periods)";
    InformationRatioDaily "information_ratio_daily" "Information ratio of a period" Ratio "mean(r - b) / std(r - b, ddof 1)";
    InformationRatio "information_ratio_annual" "Information ratio" Ratio "mean(r - b) / std(r - b, ddof 1) * sqrt(periods)";
    ActiveReturn "active_return_arith" "Active return" FractionPerYear "periods * mean(r - b)";
    TreynorTotal "treynor_qs" "Treynor ratio of the total return" Ratio "cumulative / beta, both on common dates (QuantStats: not annual)";
    UpCapture "up_capture" "Up capture" Ratio "cagr of r over cagr of b on days with b > 0, each over those days";
    DownCapture "down_capture" "Down capture" Ratio "cagr of r over cagr of b on days with b < 0, each over those days";
}

#[cfg(test)]
mod tests {
    use super::Figure;

    #[test]
    fn every_figure_has_an_id_of_its_own() {
        let mut ids: Vec<_> = Figure::ALL.iter().map(|figure| figure.definition().id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), Figure::ALL.len());
    }
}
