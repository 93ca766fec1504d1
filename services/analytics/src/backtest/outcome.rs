//! What a backtest answers.

use jiff::civil::Date;

use super::money_weighted::{Flow, money_weighted_return};
use crate::figures::{Common, FigureParams, Figures};
use crate::no_figure::NoFigure;
use crate::prices::Series;

/// What every backtest assumes; part of each answer, not a footnote.
pub const ASSUMPTIONS: &[&str] = &[
    "hypothetical performance: nobody held this portfolio",
    "fractional units are bought and sold at the close that decides, without moving the price",
    "costs are proportional to the traded value and paid by the portfolio; taxes and fees are left out",
    "the first purchase is charged; total return is measured after it, final value per 1.0 before it",
    "a price may be carried for five sessions; the return over a gap lands on the next price",
];

/// One rebalancing.
#[derive(Debug, Clone, PartialEq)]
pub struct Rebalance {
    /// The session at whose close it traded.
    pub date: Date,
    /// Money that changed hands, both ways, over the value before.
    pub turnover: f64,
    /// Cost per 1.0 put in at first.
    pub cost: f64,
    /// Assets that had no price that session and were held.
    pub held: Vec<String>,
}

/// A payment that was traded outside a rebalancing.
#[derive(Debug, Clone, PartialEq)]
pub struct Payment {
    /// The session at whose close it traded.
    pub date: Date,
    /// Money paid in (positive) or taken out (negative), per 1.0 put in at first.
    pub amount: f64,
    /// Money that changed hands over the value before, what is paid in included.
    pub turnover: f64,
    /// Cost per 1.0 put in at first.
    pub cost: f64,
}

/// An asset whose price was carried on some sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// The asset's label.
    pub asset: String,
    /// Sessions valued at an older price.
    pub sessions: usize,
}

/// The whole answer of a backtest.
#[derive(Debug, Clone, PartialEq)]
pub struct BacktestOutcome {
    /// Sessions of the window.
    pub dates: Vec<Date>,
    /// Value at each close per 1.0 put in at first, after costs and contributions.
    pub equity: Vec<f64>,
    /// Time-weighted returns between the sessions, contributions left out; one fewer than the sessions.
    pub returns: Vec<f64>,
    /// All rebalancings, the first purchase included.
    pub rebalances: Vec<Rebalance>,
    /// Weights at the last close.
    pub final_weights: Vec<f64>,
    /// Payments that were traded outside a rebalancing; one on the day of a rebalancing is traded with it.
    pub payments: Vec<Payment>,
    /// Payments as they were made, the first 1.0 included.
    pub flows: Vec<Flow>,
    /// Assets that were valued at an older price, and how often.
    pub carried: Vec<Carried>,
}

impl BacktestOutcome {
    /// Sum of all costs per 1.0 put in at first, those of payments included.
    pub fn total_cost(&self) -> f64 {
        let of_payments = self.payments.iter().map(|payment| payment.cost);
        self.rebalances.iter().map(|rebalance| rebalance.cost).chain(of_payments).sum()
    }

    /// Sum of all turnovers, both ways, those of payments included; the first purchase counts about one.
    pub fn turnover(&self) -> f64 {
        let of_payments = self.payments.iter().map(|payment| payment.turnover);
        self.rebalances.iter().map(|rebalance| rebalance.turnover).chain(of_payments).sum()
    }

    /// Value at the last close per 1.0 put in before the first cost.
    pub fn final_value(&self) -> f64 {
        self.equity[self.equity.len() - 1]
    }

    /// Growth of 1.0 at the first close (after the first purchase's cost), contributions left out.
    pub fn index(&self) -> Vec<f64> {
        if self.flows.len() == 1 {
            return self.equity.iter().map(|value| value / self.equity[0]).collect();
        }
        let mut index = Vec::with_capacity(self.returns.len() + 1);
        index.push(1.0);
        for (row, r) in self.returns.iter().enumerate() {
            index.push(index[row] * (1.0 + r));
        }
        index
    }

    /// All figures of the time-weighted index.
    pub fn figures(&self, params: &FigureParams) -> Figures {
        Figures::of_returns(&self.dates, &self.index(), &self.returns, None, params)
    }

    /// All figures, those beside a benchmark over the sessions that both have.
    pub fn figures_against(&self, benchmark: &Series, params: &FigureParams) -> Figures {
        self.figures(params).beside(&Common::of(&self.dates, &self.index(), benchmark), params)
    }

    /// Money-weighted return a year.
    ///
    /// # Errors
    /// As [`money_weighted_return`].
    pub fn money_weighted_return(&self) -> Result<f64, NoFigure> {
        money_weighted_return(&self.flows, self.final_value(), self.dates[self.dates.len() - 1])
    }
}
