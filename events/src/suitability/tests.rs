use jiff::civil::{Date, date};

use super::{Answers, GateShut, Horizon, Knowledge, LiquidityNeed, LossCapacity, Objective, Profile, gates_shut};
use crate::values::{AssetId, Note, Regime, RiskClass};

const TODAY: Date = date(2026, 1, 31);

/// Somebody who wants the most and can bear the most.
fn bold() -> Answers {
    Answers {
        objective: Objective::Speculation,
        horizon: Horizon::OverTenYears,
        loss_capacity: LossCapacity::More,
        knowledge: Knowledge::Professional,
        liquidity_need: LiquidityNeed::None,
    }
}

fn class(answers: Answers) -> RiskClass {
    Profile::from_answers(answers, TODAY).class
}

fn apple() -> AssetId {
    AssetId::parse("AAPL").unwrap()
}

#[test]
fn who_wants_and_can_bear_the_most_is_aggressive() {
    assert_eq!(class(bold()), RiskClass::Aggressive);
}

#[test]
fn nobody_is_advised_to_bear_more_than_they_can() {
    assert_eq!(class(Answers { loss_capacity: LossCapacity::None, ..bold() }), RiskClass::Conservative);
    assert_eq!(class(Answers { loss_capacity: LossCapacity::UpToTwentyPercent, ..bold() }), RiskClass::Moderate);
}

#[test]
fn nobody_is_advised_to_take_more_than_they_want() {
    let careful = Answers {
        objective: Objective::Preservation,
        horizon: Horizon::UnderOneYear,
        knowledge: Knowledge::None,
        liquidity_need: LiquidityNeed::All,
        ..bold()
    };
    assert_eq!(class(careful), RiskClass::Conservative);
}

#[test]
fn the_average_is_rounded_down() {
    // 4 + 4 + 4 + 3 points make 3.75.
    assert_eq!(class(Answers { knowledge: Knowledge::Experienced, ..bold() }), RiskClass::ModeratelyAggressive);
}

#[test]
fn the_riskier_a_profile_the_sooner_it_ends_and_never_after_more_than_five_years() {
    let note = || Note::parse("as agreed on the phone").unwrap();
    let ends = RiskClass::ALL.map(|class| Profile::by_hand(class, note(), TODAY).until);
    assert_eq!(ends[0], date(2031, 1, 31));
    assert_eq!(ends[4], date(2027, 1, 31));
    assert!(ends.windows(2).all(|pair| pair[0] > pair[1]));
}

#[test]
fn a_profile_is_good_on_its_first_and_last_day_and_on_no_other_side_of_them() {
    let profile = Profile::from_answers(bold(), TODAY);
    assert!(profile.is_valid_on(TODAY) && profile.is_valid_on(date(2027, 1, 31)));
    assert!(!profile.is_valid_on(date(2026, 1, 30)) && !profile.is_valid_on(date(2027, 2, 1)));
}

#[test]
fn advice_that_fits_passes_every_gate() {
    let profile = Profile::from_answers(bold(), TODAY);
    let products = [(&apple(), Some(RiskClass::Aggressive))];
    assert_eq!(gates_shut(Some(&profile), Regime::Cvm19, Some(RiskClass::Moderate), products, TODAY), []);
}

#[test]
fn without_a_profile_the_client_counts_as_conservative() {
    let shut =
        gates_shut(None, Regime::Cvm19, Some(RiskClass::Conservative), [(&apple(), Some(RiskClass::Moderate))], TODAY);
    let (product, client) = (RiskClass::Moderate, RiskClass::Conservative);
    assert_eq!(shut, [GateShut::NoProfile, GateShut::ProductTooRisky { asset: apple(), product, client }]);
}

#[test]
fn an_expired_profile_counts_as_conservative_too() {
    let profile = Profile::from_answers(bold(), TODAY);
    let late = date(2027, 2, 1);
    let shut = gates_shut(Some(&profile), Regime::Cvm19, Some(RiskClass::Aggressive), [], late);
    let (portfolio, client) = (RiskClass::Aggressive, RiskClass::Conservative);
    let expired = GateShut::ProfileExpired { until: date(2027, 1, 31) };
    assert_eq!(shut, [expired, GateShut::PortfolioTooRisky { portfolio, client }]);
}

#[test]
fn what_nobody_has_rated_is_not_sold_as_safe() {
    let note = Note::parse("as agreed on the phone").unwrap();
    let profile = Profile::by_hand(RiskClass::ModeratelyAggressive, note, TODAY);
    let shut = gates_shut(Some(&profile), Regime::Cvm19, None, [(&apple(), None)], TODAY);
    assert_eq!(shut.len(), 2, "{shut:?}");
}

#[test]
fn a_class_set_by_hand_is_no_profile_where_the_client_has_to_answer() {
    let note = Note::parse("as agreed on the phone").unwrap();
    let (by_hand, answered) =
        (Profile::by_hand(RiskClass::Aggressive, note, TODAY), Profile::from_answers(bold(), TODAY));
    let late = by_hand.until.tomorrow().unwrap();
    for regime in Regime::ALL {
        let shut = |profile, day| gates_shut(Some(profile), regime, Some(RiskClass::Moderate), [], day);
        assert_eq!(shut(&answered, TODAY), []);
        assert!(matches!(shut(&answered, late)[0], GateShut::ProfileExpired { .. }));
        if regime == Regime::MifidIi {
            let (portfolio, client) = (RiskClass::Moderate, RiskClass::Conservative);
            let as_if_there_were_none = [GateShut::NoProfile, GateShut::PortfolioTooRisky { portfolio, client }];
            assert_eq!(
                [TODAY, late].map(|day| shut(&by_hand, day)),
                [as_if_there_were_none.clone(), as_if_there_were_none]
            );
        } else {
            assert_eq!(shut(&by_hand, TODAY), []);
        }
    }
}
