//! Why a figure does not exist. Never a zero, a NaN or a huge number in its place.

/// The reason that there is no figure. Its `Display` is for people, [`NoFigure::code`] for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoFigure {
    /// The window holds fewer returns than the formula needs.
    #[error("needs {needed} returns, the window has {got}")]
    TooFewReturns {
        /// Returns that the formula needs.
        needed: usize,
        /// Returns in the window.
        got: usize,
    },
    /// An annual rate of a shorter window would be an extrapolation.
    #[error("the window of {returns} returns is shorter than a year")]
    ShorterThanOneYear {
        /// Returns in the window.
        returns: usize,
    },
    /// Nothing moved, or only by rounding: a ratio to the variation has no meaning.
    #[error("the returns do not vary")]
    NoVariation,
    /// No return fell below the required one.
    #[error("no return falls below the required return")]
    NoLosses,
    /// The value never fell below an earlier one.
    #[error("there is no drawdown")]
    NoDrawdown,
    /// The benchmark did not move in the window.
    #[error("the benchmark's returns do not vary")]
    BenchmarkDoesNotVary,
    /// No benchmark was named.
    #[error("there is no benchmark")]
    NoBenchmark,
    /// Two series that are compared row by row have different lengths.
    #[error("{left} returns against {right} of the other series")]
    LengthsDiffer {
        /// Length of the first series.
        left: usize,
        /// Length of the second series.
        right: usize,
    },
    /// Everything was lost: no rate of growth leads there.
    #[error("the value fell to zero")]
    WipedOut,
    /// The result, or an input, is outside the range of numbers.
    #[error("the result is outside the range of numbers")]
    OutOfRange,
}

impl NoFigure {
    /// A stable word for the reason, as it stands in JSON.
    pub fn code(&self) -> &'static str {
        match self {
            NoFigure::TooFewReturns { .. } => "too-few-returns",
            NoFigure::ShorterThanOneYear { .. } => "shorter-than-one-year",
            NoFigure::NoVariation => "no-variation",
            NoFigure::NoLosses => "no-losses",
            NoFigure::NoDrawdown => "no-drawdown",
            NoFigure::BenchmarkDoesNotVary => "benchmark-does-not-vary",
            NoFigure::NoBenchmark => "no-benchmark",
            NoFigure::LengthsDiffer { .. } => "lengths-differ",
            NoFigure::WipedOut => "wiped-out",
            NoFigure::OutOfRange => "out-of-range",
        }
    }
}

/// The value itself when it is a number, else [`NoFigure::OutOfRange`].
pub(crate) fn finite(value: f64) -> Result<f64, NoFigure> {
    if value.is_finite() { Ok(value) } else { Err(NoFigure::OutOfRange) }
}

/// Nothing when there are at least `needed` returns.
pub(crate) fn at_least(needed: usize, got: usize) -> Result<(), NoFigure> {
    if got < needed { Err(NoFigure::TooFewReturns { needed, got }) } else { Ok(()) }
}
