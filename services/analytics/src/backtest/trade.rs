//! One rebalancing: holdings before, target, holdings after, with the cost paid by the portfolio itself.

/// Steps to the fixed point. Newton's method on a convex piecewise linear function ends after as many steps as there are
/// kinks on its way, in practice two or three.
const STEPS_MAX: usize = 64;

/// What one rebalancing did, in units of money.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Traded {
    /// Value of the portfolio after the trades.
    pub value: f64,
    /// Money that changed hands, both ways.
    pub notional: f64,
    /// Cost paid.
    pub cost: f64,
}

/// The trade that makes the weights of the `tradable` assets exact after costs: `V+ = V - c * sum|u (V+ - M) - h|`, where
/// `M` is the value of what cannot be traded today and `u` the targets of the rest as shares of the rest.
///
/// `holdings` are values and become those after the trade; `cash` joins the value before it. Without a tradable target, or
/// where what is taken out is more than what can be traded is worth, nothing is traded and `None` comes back.
pub(crate) fn rebalance(
    holdings: &mut [f64],
    targets: &[f64],
    tradable: &[bool],
    cash: f64,
    cost_rate: f64,
) -> Option<Traded> {
    let assets = || holdings.iter().zip(targets).zip(tradable);
    let before: f64 = holdings.iter().sum::<f64>() + cash;
    let held: f64 = assets().filter(|(_, trade)| !**trade).map(|((h, _), _)| h).sum();
    let share: f64 = assets().filter(|(_, trade)| **trade).map(|((_, w), _)| w).sum();
    if share <= 0.0 {
        return None;
    }
    let mut after = before;
    for _ in 0..STEPS_MAX {
        let (mut notional, mut slope) = (0.0, 0.0);
        for ((h, w), _) in assets().filter(|(_, trade)| **trade) {
            let change = w / share * (after - held) - h;
            notional += change.abs();
            slope += w / share * change.signum();
        }
        let next = after - (after - before + cost_rate * notional) / (1.0 + cost_rate * slope);
        let settled = (next - after).abs() <= f64::EPSILON * before.abs();
        after = next;
        if settled {
            break;
        }
    }
    if after - held <= 0.0 {
        return None;
    }
    let mut notional = 0.0;
    for ((h, w), _) in holdings.iter_mut().zip(targets).zip(tradable).filter(|(_, trade)| **trade) {
        let target = w / share * (after - held);
        notional += (target - *h).abs();
        *h = target;
    }
    Some(Traded { value: after, notional, cost: before - after })
}

#[cfg(test)]
mod tests {
    use super::rebalance;

    #[test]
    fn weights_are_exact_after_costs() {
        let mut holdings = [0.7, 0.4, 0.1];
        let traded = rebalance(&mut holdings, &[0.5, 0.3, 0.2], &[true; 3], 0.0, 0.01).unwrap();
        assert!((holdings[0] / traded.value - 0.5).abs() < 1e-15);
        assert!((traded.value + 0.01 * traded.notional - 1.2).abs() < 1e-15);
        assert!((traded.cost - 0.01 * traded.notional).abs() < 1e-15);
    }

    #[test]
    fn the_first_purchase_costs_its_rate() {
        let mut holdings = [0.0];
        let traded = rebalance(&mut holdings, &[1.0], &[true], 1.0, 0.001).unwrap();
        assert!((traded.value - 1.0 / 1.001).abs() < 1e-15);
    }

    #[test]
    fn an_asset_without_a_price_today_is_held() {
        let mut holdings = [0.6, 0.3, 0.1];
        rebalance(&mut holdings, &[0.4, 0.4, 0.2], &[false, true, true], 0.0, 0.0).unwrap();
        assert!((holdings[0] - 0.6).abs() < 1e-15);
        assert!((holdings[1] - 0.4 * 2.0 / 3.0).abs() < 1e-15);
    }
}
