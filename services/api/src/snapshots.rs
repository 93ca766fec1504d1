//! How that is described which a read model keeps as JSON, just as it stood in an event. Nothing here is ever built: the JSON is
//! passed on as it is, and the tests hold that it is what is described.

use std::collections::BTreeMap;

use utoipa::ToSchema;
use utoipa::openapi::schema::{AdditionalProperties, Schema};
use utoipa::openapi::{ObjectBuilder, OneOfBuilder, Ref, RefOr, Type};

use crate::clients::AnswersBody;

macro_rules! described {
    ($($(#[$about:meta])* $name:ident { $($(#[$field_about:meta])* $field:ident: $type:ty,)* })*) => {
        $(
            $(#[$about])*
            #[derive(ToSchema)]
            #[cfg_attr(test, derive(serde::Deserialize), serde(deny_unknown_fields))]
            #[expect(dead_code, reason = "describes JSON; nobody builds it")]
            pub struct $name {
                $($(#[$field_about])* $field: $type,)*
            }
        )*
    };
}

/// An interest or `null` for each asset.
fn interest_by_asset() -> Schema {
    let interest = RefOr::Ref(Ref::from_schema_name("AdvisedInterest"));
    let or_null = OneOfBuilder::new().item(ObjectBuilder::new().schema_type(Type::Null)).item(interest);
    let by_asset = AdditionalProperties::RefOr(RefOr::T(Schema::OneOf(or_null.build())));
    let about = "Those of the assets that are cash, each with the last interest of the window; `null` where it earned nothing. \
                 Not there where none are cash.";
    Schema::Object(ObjectBuilder::new().additional_properties(Some(by_asset)).description(Some(about)).build())
}

described! {
    /// The figures that advice was made on, as they were shown.
    AdvisedFigures {
        /// The set of definitions that the numbers follow.
        #[schema(example = "figures-1")]
        definitions: String,
        /// First day of the window, whose close is the base. The day of the advice where there is no window: all is `missing` then.
        #[schema(format = Date)]
        start: String,
        /// Last day of the window.
        #[schema(format = Date)]
        end: String,
        /// Daily returns in the window.
        returns: u32,
        /// The annual risk-free rate in the Sharpe ratio, as a fraction.
        risk_free_rate: f64,
        /// Cumulative return over the window, as a fraction.
        #[schema(required)]
        cumulative: Option<f64>,
        /// Compound annual growth rate, as a fraction.
        #[schema(required)]
        cagr: Option<f64>,
        /// Annualised volatility, as a fraction.
        #[schema(required)]
        volatility: Option<f64>,
        /// Annualised Sharpe ratio.
        #[schema(required)]
        sharpe: Option<f64>,
        /// Maximum drawdown, as a negative fraction.
        #[schema(required)]
        max_drawdown: Option<f64>,
        /// Last day at the peak before the maximum drawdown.
        #[schema(required, format = Date)]
        drawdown_peak: Option<String>,
        /// Lowest day of the maximum drawdown.
        #[schema(required, format = Date)]
        drawdown_valley: Option<String>,
        /// The last event whose prices are in it.
        #[schema(example = "market-40")]
        prices_position: String,
        /// Those of the assets that are cash, each with the last interest of the window; `null` where it earned nothing. Not
        /// there where none are cash.
        #[schema(schema_with = interest_by_asset)]
        cash: Option<BTreeMap<String, Option<AdvisedInterest>>>,
        /// Why there is no figure, by the name of each that is `null`. Not there where all are, and in advice from before
        /// this was recorded.
        missing: Option<BTreeMap<String, MissingFigure>>,
    }

    /// Why there is no figure.
    MissingFigure {
        /// A stable name, as with the figures of a portfolio.
        #[schema(example = "shorter-than-one-year")]
        code: String,
        /// For people.
        detail: String,
    }

    /// What cash earned.
    AdvisedInterest {
        /// The day from whose end on it is earned.
        #[schema(format = Date)]
        from: String,
        /// How much in a year, as a fraction.
        #[schema(example = "0.045")]
        rate: String,
    }

    /// What advice comes with besides its allocation and figures.
    AdvisedTerms {
        /// How much risk the portfolio carries; `null` where nobody has rated it.
        #[schema(required)]
        risk_class: Option<String>,
        /// How much risk its products carry, by asset; those that nobody has rated are not there.
        product_classes: BTreeMap<String, String>,
        /// What following it costs, where it was said.
        #[schema(required)]
        costs: Option<AdvisedCosts>,
        /// The last day on which it holds, where it was said.
        #[schema(required, format = Date)]
        valid_until: Option<String>,
    }

    /// What following advice costs, as fractions of the money invested.
    AdvisedCosts {
        /// What is paid once.
        #[schema(example = "0.01")]
        one_off: String,
        /// What is paid each year.
        #[schema(example = "0.005")]
        yearly: String,
    }

    /// A client's risk profile.
    ProfileKept {
        /// The class: `conservative`, `moderately_conservative`, `moderate`, `moderately_aggressive` or `aggressive`.
        #[schema(example = "moderate")]
        class: String,
        /// How it came about.
        basis: ProfileBasis,
        /// The day on which it was taken.
        #[schema(format = Date)]
        since: String,
        /// The last day on which it is good.
        #[schema(format = Date)]
        until: String,
    }

    /// How a profile came about: one of the two.
    ProfileBasis {
        /// By the written rules.
        answers: Option<ProfileAnswers>,
        /// By hand.
        by_hand: Option<ProfileByHand>,
    }

    /// A profile by the written rules.
    ProfileAnswers {
        /// What the client answered.
        answers: AnswersBody,
        /// The version of the rules.
        rules: u16,
    }

    /// A profile by hand.
    ProfileByHand {
        /// Why.
        reason: String,
    }

    /// All that a recorded backtest follows from, and what was shown.
    BacktestRunKept {
        /// Of which portfolio.
        #[schema(format = Uuid)]
        portfolio: String,
        /// Of which version of it.
        portfolio_version: u64,
        /// Whose portfolio it was.
        #[schema(format = Uuid)]
        advisor: String,
        /// In which currency it was kept.
        #[schema(example = "USD")]
        currency: String,
        /// The target weights of that version, by asset.
        allocation: BTreeMap<String, String>,
        /// How it was run.
        terms: BacktestTermsKept,
        /// The last event whose prices were used.
        #[schema(example = "market-40")]
        prices_position: String,
        /// The set of definitions that the numbers follow.
        #[schema(example = "figures-1")]
        definitions: String,
        /// The numbers that were shown.
        shown: Vec<NumberShown>,
        /// The digest of the whole result: SHA-256 in hexadecimal.
        digest: String,
        /// What it was made for, where it was said.
        #[schema(required)]
        note: Option<String>,
    }

    /// A number that was shown.
    NumberShown {
        /// Its stable name.
        #[schema(example = "sharpe")]
        name: String,
        /// The number; `null` where there was none.
        #[schema(required)]
        value: Option<f64>,
    }

    /// How a recorded backtest was run.
    BacktestTermsKept {
        /// The first day of the window; open where there is none.
        #[schema(required, format = Date)]
        from: Option<String>,
        /// The last day of the window; open where there is none.
        #[schema(required, format = Date)]
        to: Option<String>,
        /// When weights were restored by the calendar: `never`, `monthly`, `quarterly` or `yearly`.
        #[schema(example = "monthly")]
        rebalancing: String,
        /// When they were restored because they had drifted.
        #[schema(required)]
        drift: Option<DriftKept>,
        /// Sessions between a decision and its trade.
        lag_sessions: u32,
        /// Costs in basis points of the traded value.
        #[schema(example = "10")]
        cost_bps: String,
        /// Money that was paid in, or taken out, over time.
        #[schema(required)]
        contributions: Option<ContributionsKept>,
        /// What it was held against.
        #[schema(required)]
        benchmark: Option<String>,
        /// The annual risk-free rate, as a fraction.
        #[schema(example = "0.02")]
        risk_free_rate: String,
    }

    /// When weights were restored because they had drifted.
    DriftKept {
        /// How far a weight might be from its target, as a fraction.
        #[schema(example = "0.05")]
        limit: String,
        /// Whether the limit is relative to the target weight.
        relative: bool,
        /// Sessions after a rebalancing in which drift was not looked at.
        cooldown_sessions: u32,
    }

    /// Money that was paid in over time.
    ContributionsKept {
        /// How much each time per 1.0 put in at first; negative was taken out.
        #[schema(example = "0.01")]
        amount: String,
        /// On the first session of each `month`, `quarter` or `year`.
        #[schema(example = "month")]
        every: String,
    }
}

#[cfg(test)]
mod tests {
    use events::suitability::{Answers, Horizon, Knowledge, LiquidityNeed, LossCapacity, Objective, Profile};
    use events::values::{
        AdvisedFigure, AssetId, BacktestTerms, Contributions, Costs, DriftRule, Every, FiguresSnapshot, Interest,
        InterestRate, NoFigureReason, Note, RiskClass, Terms,
    };
    use jiff::civil::date;
    use serde::de::DeserializeOwned;

    use super::{AdvisedFigures, AdvisedTerms, BacktestTermsKept, ProfileKept};

    /// What is kept of the value is what is described.
    fn is<T: DeserializeOwned>(value: &impl serde::Serialize) {
        let kept = serde_json::to_value(value).unwrap();
        assert!(serde_json::from_value::<T>(kept.clone()).is_ok(), "{:?}", serde_json::from_value::<T>(kept).err());
    }

    #[test]
    fn what_is_kept_of_advice_is_what_is_described() {
        let day = date(2026, 3, 4);
        let asset = AssetId::parse("USD.CASH").unwrap();
        let rate = InterestRate::try_new("0.045".parse().unwrap()).unwrap();
        let figures = FiguresSnapshot {
            definitions: "figures-1".to_owned(),
            start: day,
            end: day,
            returns: 1,
            risk_free_rate: 0.02,
            cumulative: Some(0.1),
            cagr: None,
            volatility: Some(0.1),
            sharpe: Some(0.1),
            max_drawdown: Some(-0.1),
            drawdown_peak: Some(day),
            drawdown_valley: Some(day),
            prices_position: "market-40".parse().unwrap(),
            cash: [(asset.clone(), Some(Interest { from: day, rate })), (AssetId::parse("EUR.CASH").unwrap(), None)]
                .into(),
            missing: [(
                AdvisedFigure::Cagr,
                NoFigureReason::parse("shorter-than-one-year", "the window is short").unwrap(),
            )]
            .into(),
        };
        is::<AdvisedFigures>(&figures);
        let bare = FiguresSnapshot { cash: [].into(), missing: [].into(), drawdown_peak: None, ..figures };
        is::<AdvisedFigures>(&bare);
        let costs = Costs::try_new("0.01".parse().unwrap(), "0.005".parse().unwrap()).unwrap();
        let terms = Terms {
            risk_class: Some(RiskClass::Moderate),
            product_classes: [(asset, RiskClass::Aggressive)].into(),
            costs: Some(costs),
            valid_until: Some(day),
        };
        is::<AdvisedTerms>(&terms);
        is::<AdvisedTerms>(&Terms::default());
    }

    #[test]
    fn what_is_kept_of_a_profile_is_what_is_described() {
        let day = date(2026, 3, 4);
        let answers = Answers {
            objective: Objective::ALL[0],
            horizon: Horizon::ALL[0],
            loss_capacity: LossCapacity::ALL[0],
            knowledge: Knowledge::ALL[0],
            liquidity_need: LiquidityNeed::ALL[0],
        };
        is::<ProfileKept>(&Profile::from_answers(answers, day));
        is::<ProfileKept>(&Profile::by_hand(RiskClass::Moderate, Note::parse("as agreed").unwrap(), day));
    }

    #[test]
    fn what_is_kept_of_a_backtest_is_what_is_described() {
        is::<BacktestTermsKept>(&BacktestTerms::default());
        let terms = BacktestTerms {
            from: Some(date(2024, 1, 2)),
            drift: Some(DriftRule { limit: "0.05".parse().unwrap(), relative: true, cooldown_sessions: 5 }),
            contributions: Some(Contributions { amount: "0.01".parse().unwrap(), every: Every::Month }),
            benchmark: Some(AssetId::parse("AAPL").unwrap()),
            ..BacktestTerms::default()
        };
        is::<BacktestTermsKept>(&terms);
    }
}
