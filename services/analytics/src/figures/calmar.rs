//! Calmar ratio: growth a year for each unit of the deepest fall (Young 1991).

use crate::no_figure::{NoFigure, finite};

/// `cagr / |max drawdown|`.
///
/// # Errors
/// [`NoFigure::NoDrawdown`] when the value never fell.
pub fn calmar(cagr: f64, max_drawdown: f64) -> Result<f64, NoFigure> {
    if max_drawdown >= 0.0 { Err(NoFigure::NoDrawdown) } else { finite(cagr / max_drawdown.abs()) }
}

#[cfg(test)]
mod tests {
    use super::calmar;
    use crate::no_figure::NoFigure;

    #[test]
    fn a_fifth_a_year_at_half_lost_is_two_fifths() {
        assert!((calmar(0.2, -0.5).unwrap() - 0.4).abs() < 1e-15);
        assert_eq!(calmar(0.2, 0.0), Err(NoFigure::NoDrawdown));
    }
}
