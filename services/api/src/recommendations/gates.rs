//! The gates that stayed shut, each with its type of problem: a gate refuses one client, not the request.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::problem::ProblemType;

/// A gate that stayed shut, and what it found.
#[derive(Debug, Serialize, ToSchema)]
pub struct GateView {
    /// Which: `no_profile`, `profile_expired`, `portfolio_too_risky`, `product_too_risky`, `product_delisted` or `not_in_care`.
    #[schema(example = "product_too_risky")]
    gate: String,
    /// The type of problem that it is, as `/problems` lists them.
    #[serde(rename = "type")]
    #[schema(example = "/problems/product-too-risky")]
    kind: String,
    /// The type in a few words.
    #[schema(example = "A product carries more risk than the client may be advised to take")]
    title: String,
    /// What else it found.
    #[serde(flatten)]
    #[schema(inline)]
    found: FoundView,
}

/// What a gate found; each names what it is about.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundView {
    /// Of `profile_expired`: the last day on which the profile was good.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = Date)]
    until: Option<String>,
    /// Of `portfolio_too_risky`: the portfolio's class.
    #[serde(skip_serializing_if = "Option::is_none")]
    portfolio: Option<String>,
    /// Of `portfolio_too_risky` and `product_too_risky`: the client's class.
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<String>,
    /// Of `product_too_risky` and `product_delisted`: which product.
    #[serde(skip_serializing_if = "Option::is_none")]
    asset: Option<String>,
    /// Of `product_too_risky`: its class.
    #[serde(skip_serializing_if = "Option::is_none")]
    product: Option<String>,
    /// Of `product_delisted`: the first day without trading.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = Date)]
    since: Option<String>,
}

/// What RFC 9457 says of a problem of which there is no more to say.
const OF_NO_TYPE: &str = "about:blank";

/// The gates as the read model keeps them, in order. None is ever left out: one that this build does not know, because a later one
/// wrote it, is shown by its word alone.
pub fn gates(kept: Value) -> Vec<GateView> {
    match kept {
        Value::Array(gates) => gates.into_iter().map(view).collect(),
        other => vec![view(other)],
    }
}

/// What the gate's word is as the name of a type of problem.
fn code(gate: &str) -> String {
    gate.replace('_', "-")
}

fn view(mut kept: Value) -> GateView {
    let whole = kept.to_string();
    let mut text = |name: &str| match kept.get_mut(name).map(Value::take) {
        Some(Value::String(text)) => Some(text),
        Some(_) | None => None,
    };
    let gate = text("gate").unwrap_or(whole);
    let kind = ProblemType::by_code(&code(&gate));
    let found = FoundView {
        until: text("until"),
        portfolio: text("portfolio"),
        client: text("client"),
        asset: text("asset"),
        product: text("product"),
        since: text("since"),
    };
    let title = kind.map_or_else(|| gate.clone(), |kind| kind.title().to_owned());
    GateView { gate, kind: kind.map_or_else(|| OF_NO_TYPE.to_owned(), ProblemType::uri), title, found }
}

#[cfg(test)]
mod tests {
    use events::suitability::GateShut;
    use events::values::{AssetId, RiskClass};
    use jiff::civil::date;
    use serde_json::{Value, json};

    use super::gates;
    use crate::problem::ProblemType;

    /// One of each gate.
    fn each() -> Vec<GateShut> {
        let (portfolio, product, client) = (RiskClass::Moderate, RiskClass::Aggressive, RiskClass::Conservative);
        let (asset, day) = (AssetId::parse("AAPL").unwrap(), date(2026, 3, 4));
        vec![
            GateShut::NotInCare,
            GateShut::NoProfile,
            GateShut::ProfileExpired { until: day },
            GateShut::PortfolioTooRisky { portfolio, client },
            GateShut::ProductTooRisky { asset: asset.clone(), product, client },
            GateShut::ProductDelisted { asset, since: day },
        ]
    }

    #[test]
    fn every_gate_is_shown_with_all_that_it_found_and_its_type_of_problem() {
        let kept = serde_json::to_value(each()).unwrap();
        let shown = serde_json::to_value(gates(kept.clone())).unwrap();
        for ((kept, shown), gate) in kept.as_array().unwrap().iter().zip(shown.as_array().unwrap()).zip(each()) {
            let kind = ProblemType::from(&gate);
            assert_eq!(shown["type"], Value::String(kind.uri()));
            assert_eq!(shown["title"], kind.title());
            let (kept, shown) = (kept.as_object().unwrap(), shown.as_object().unwrap());
            assert!(kept.iter().all(|(name, value)| shown.get(name) == Some(value)), "{kept:?} {shown:?}");
            assert_eq!(shown.len(), kept.len() + 2, "{shown:?}");
        }
        assert_eq!(shown.as_array().unwrap().len(), each().len());
    }

    #[test]
    fn a_gate_of_a_later_build_is_not_left_out() {
        let shown =
            serde_json::to_value(gates(json!([{"gate": "too_new", "asset": "AAPL"}, {"gate": "no_profile"}]))).unwrap();
        let later = json!({"gate": "too_new", "type": "about:blank", "title": "too_new", "asset": "AAPL"});
        assert_eq!((&shown[0], &shown[1]["type"]), (&later, &json!("/problems/no-profile")));
        assert_eq!(gates(json!("rubbish")).len(), 1);
    }
}
