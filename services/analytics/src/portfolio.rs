//! A portfolio's figures in one call: what a page or an answer shows.

use jiff::civil::Date;

use crate::backtest::{Allocation, BacktestError, BacktestParams, Policy, backtest};
use crate::figures::{CorrelationMatrix, Episode, Figure, FigureParams, Figures, top_drawdowns};
use crate::prices::PriceTable;

/// Figures of a portfolio over the whole of its price table, with what they rest on.
#[derive(Debug, Clone, PartialEq)]
pub struct PortfolioFigures {
    /// First session.
    pub start: Date,
    /// Last session.
    pub end: Date,
    /// Sessions in the window.
    pub n_prices: usize,
    /// Returns in the window: one fewer.
    pub n_returns: usize,
    /// How the portfolio was rebalanced.
    pub policy: Policy,
    /// Risk-free rate and the like.
    pub params: FigureParams,
    /// Every figure, or why there is none.
    pub figures: Figures,
    /// The deepest fall, if there was any.
    pub deepest_drawdown: Option<Episode>,
    /// Correlations of the assets' returns.
    pub correlation: CorrelationMatrix,
    /// The portfolio's value on each session, 1.0 at first.
    pub values: Vec<f64>,
}

impl PortfolioFigures {
    /// The value of one figure, or why there is none.
    ///
    /// # Errors
    /// The reason that the window has no such figure.
    pub fn get(&self, figure: Figure) -> Result<f64, crate::NoFigure> {
        self.figures.get(figure)
    }
}

/// The figures of a portfolio with these weights (one for each column, adding up to one), rebalanced by `policy`, bought
/// at the first close without cost.
///
/// # Errors
/// [`BacktestError`] when the weights do not fit the table or everything was lost.
pub fn portfolio_figures(
    prices: &PriceTable,
    weights: &[f64],
    policy: Policy,
    params: &FigureParams,
) -> Result<PortfolioFigures, BacktestError> {
    let backtest_params = BacktestParams { policy, ..BacktestParams::default() };
    let outcome = backtest(prices, &Allocation::Weights(weights.to_vec()), &backtest_params)?;
    let dates = prices.dates();
    Ok(PortfolioFigures {
        start: dates[0],
        end: dates[dates.len() - 1],
        n_prices: dates.len(),
        n_returns: outcome.returns.len(),
        policy,
        params: *params,
        figures: outcome.figures(params),
        deepest_drawdown: top_drawdowns(dates, &outcome.equity, 1).first().copied(),
        correlation: CorrelationMatrix::new(prices.assets(), &prices.returns()),
        values: outcome.index(),
    })
}

#[cfg(test)]
mod tests {
    use super::portfolio_figures;
    use crate::backtest::Policy;
    use crate::figures::{Figure, FigureParams};
    use crate::prices::PriceTable;
    use jiff::civil::date;

    #[test]
    fn half_doubling_and_half_standing_still_gains_a_half() {
        let dates = vec![date(2024, 1, 2), date(2024, 1, 3), date(2024, 1, 4)];
        let columns = vec![vec![1.0, 1.5, 2.0], vec![5.0, 4.0, 5.0]];
        let table = PriceTable::new(vec!["UP".into(), "FLAT".into()], dates, columns).unwrap();
        let figures = portfolio_figures(&table, &[0.5, 0.5], Policy::NONE, &FigureParams::default()).unwrap();
        assert!((figures.get(Figure::Cumulative).unwrap() - 0.5).abs() < 1e-12);
        assert_eq!(figures.n_returns, 2);
        assert!(figures.correlation.get(0, 1).is_ok());
        assert!(figures.deepest_drawdown.is_none());
    }
}
