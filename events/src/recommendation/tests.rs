use jiff::civil::{Date, date};

use super::{
    Advice, Care, Circumstances, Recipient, Recommendation, RecommendationCommand as C, RecommendationEvent as E,
    RecommendationRejection as R,
};
use crate::advisor;
use crate::scenario::given;
use crate::stored::samples::advice;
use crate::suitability::{Answers, GateShut, Horizon, Knowledge, LiquidityNeed, LossCapacity, Objective, Profile};
use crate::values::{Actor, AssetId, Delisted, Name, Note, RecommendationId, Regime, RiskClass, Terms};

const TODAY: Date = date(2026, 3, 4);

/// A client who may be advised to take this much risk.
fn client(class: RiskClass) -> Recipient {
    let profile = Some(Profile::by_hand(class, why(), TODAY));
    Recipient { in_care: true, profile, regime: Regime::Cvm19, delisted: Delisted::default(), on: TODAY }
}

fn bold() -> Recipient {
    client(RiskClass::Aggressive)
}

fn make(advice: Advice, recipient: Recipient) -> C {
    C::Make { advice: Box::new(advice), recipient }
}

/// Advice in which everything is rated as moderate.
fn moderate() -> Advice {
    let product_classes = advice().allocation.iter().map(|(asset, _)| (asset.clone(), RiskClass::Moderate)).collect();
    let terms = Terms { risk_class: Some(RiskClass::Moderate), product_classes, ..Terms::default() };
    Advice { terms, ..advice() }
}

fn refused(advice: Advice, shut: Vec<GateShut>, regime: Regime) -> E {
    E::Refused { advice: Box::new(advice), shut, regime }
}

fn no_profile() -> Recipient {
    Recipient { profile: None, ..bold() }
}

fn compliance() -> Actor {
    Actor::parse("compliance:1").unwrap()
}

/// Nothing has changed since the advice was refused.
fn as_it_was() -> Circumstances {
    Circumstances {
        care: Care::Theirs,
        advisor: advisor::Standing::Active,
        regime: Regime::Cvm19,
        portfolio_archived: false,
        delisted: Delisted::default(),
        later: None,
        on: TODAY,
    }
}

fn apple_is_delisted() -> Delisted {
    [(AssetId::parse("AAPL").unwrap(), date(2026, 3, 3))].into_iter().collect()
}

fn let_out() -> C {
    let_out_now(as_it_was())
}

fn let_out_now(now: Circumstances) -> C {
    C::Override { by: compliance(), reason: why(), now }
}

fn overridden() -> E {
    E::Overridden { reason: why() }
}

fn withdraw() -> C {
    C::Withdraw { reason: why() }
}

fn withdrawn() -> E {
    E::Withdrawn { reason: why() }
}

fn other() -> RecommendationId {
    RecommendationId::new(uuid::Uuid::from_u128(7))
}

fn made() -> E {
    E::Made(Box::new(advice()))
}

fn why() -> Note {
    Note::parse("the server said so").unwrap()
}

#[test]
fn making_the_same_recommendation_twice_is_making_it_once() {
    given::<Recommendation>([]).when(&make(advice(), bold())).then(&made());
    given::<Recommendation>([made()]).when(&make(advice(), bold())).then_nothing_happened();
}

#[test]
fn another_recommendation_under_the_same_id_is_refused() {
    let mut other = advice();
    other.portfolio_name = Name::parse("Another").unwrap();
    given::<Recommendation>([made()]).when(&make(other, bold())).then_refused(&R::AlreadyMade);
}

#[test]
fn advice_that_fits_is_made() {
    let fits = E::Made(Box::new(moderate()));
    given::<Recommendation>([]).when(&make(moderate(), client(RiskClass::Moderate))).then(&fits);
}

#[test]
fn without_a_profile_the_client_counts_as_conservative_and_every_gate_that_stays_shut_is_named() {
    let nothing = given::<Recommendation>([]);
    let too_risky = |asset: &str| GateShut::ProductTooRisky {
        asset: AssetId::parse(asset).unwrap(),
        product: RiskClass::Moderate,
        client: RiskClass::Conservative,
    };
    let whole = GateShut::PortfolioTooRisky { portfolio: RiskClass::Moderate, client: RiskClass::Conservative };
    let shut = vec![GateShut::NoProfile, whole, too_risky("AAPL"), too_risky("OCDO.L"), too_risky("^GSPC")];
    nothing.when(&make(moderate(), no_profile())).then(&refused(moderate(), shut, Regime::Cvm19));
}

#[test]
fn under_mifid_only_the_clients_own_answers_open_the_gates() {
    let by_hand = Recipient { regime: Regime::MifidIi, ..bold() };
    let answers = Answers {
        objective: Objective::Speculation,
        horizon: Horizon::OverTenYears,
        loss_capacity: LossCapacity::More,
        knowledge: Knowledge::Professional,
        liquidity_need: LiquidityNeed::None,
    };
    let answered = Recipient { profile: Some(Profile::from_answers(answers, TODAY)), ..by_hand.clone() };
    let advice =
        Advice { terms: Terms { risk_class: Some(RiskClass::Conservative), ..moderate().terms }, ..moderate() };
    let too_risky = |asset: &str| GateShut::ProductTooRisky {
        asset: AssetId::parse(asset).unwrap(),
        product: RiskClass::Moderate,
        client: RiskClass::Conservative,
    };
    let shut = vec![GateShut::NoProfile, too_risky("AAPL"), too_risky("OCDO.L"), too_risky("^GSPC")];
    let refusal = refused(advice.clone(), shut, Regime::MifidIi);
    given::<Recommendation>([]).when(&make(advice.clone(), by_hand)).then(&refusal);
    given::<Recommendation>([]).when(&make(advice.clone(), answered)).then(&E::Made(Box::new(advice)));
}

#[test]
fn one_product_above_the_clients_class_is_enough() {
    let mut advice = moderate();
    let apple = AssetId::parse("AAPL").unwrap();
    advice.terms.product_classes.insert(apple.clone(), RiskClass::Aggressive);
    let (product, client_is) = (RiskClass::Aggressive, RiskClass::ModeratelyAggressive);
    let shut = vec![GateShut::ProductTooRisky { asset: apple, product, client: client_is }];
    given::<Recommendation>([]).when(&make(advice.clone(), client(RiskClass::ModeratelyAggressive))).then(&refused(
        advice,
        shut,
        Regime::Cvm19,
    ));
}

#[test]
fn an_expired_profile_is_none() {
    let late = date(2027, 3, 5);
    let recipient = Recipient { on: late, ..bold() };
    let nothing = given::<Recommendation>([]);
    let E::Refused { shut, .. } = super::make(&advice(), &recipient) else { panic!("it is refused") };
    assert_eq!(shut[0], GateShut::ProfileExpired { until: date(2027, 3, 4) });
    nothing.when(&make(advice(), recipient)).then(&refused(advice(), shut, Regime::Cvm19));
}

#[test]
fn what_is_traded_no_more_when_advice_is_made_is_refused_to_everybody() {
    let recipient = Recipient { delisted: apple_is_delisted(), ..bold() };
    let shut = vec![GateShut::ProductDelisted { asset: AssetId::parse("AAPL").unwrap(), since: date(2026, 3, 3) }];
    let refusal = refused(moderate(), shut, Regime::Cvm19);
    given::<Recommendation>([]).when(&make(moderate(), recipient)).then(&refusal);
    // Who decides otherwise decides on the day: it may have been a mistake.
    let refused = given::<Recommendation>([refusal]);
    let still = Circumstances { delisted: apple_is_delisted(), ..as_it_was() };
    refused.when(&let_out_now(still)).then_refused(&R::AssetsDelisted(apple_is_delisted()));
    refused.when(&let_out()).then(&overridden());
}

#[test]
fn a_client_who_changed_hands_is_not_advised_by_their_former_advisor_and_nobody_may_decide_otherwise() {
    let shut = vec![GateShut::NotInCare];
    let left = Recipient { in_care: false, ..bold() };
    let refusal = refused(advice(), shut, Regime::Cvm19);
    given::<Recommendation>([]).when(&make(advice(), left)).then(&refusal);
    let reason = "the client is not in the advisor's care".to_owned();
    given::<Recommendation>([refusal]).when(&let_out()).then_refused(&R::OverrideNotAllowed { reason });
}

#[test]
fn compliance_may_let_refused_advice_go_out_with_a_reason() {
    let refusal = refused(advice(), vec![GateShut::NoProfile], Regime::Cvm178);
    let history = || given::<Recommendation>([refusal.clone()]);
    history().when(&let_out()).then(&overridden());
    for other in ["advisor:1", "admin:1", "role:recommend"] {
        let by = Actor::parse(other).unwrap();
        history().when(&C::Override { by, reason: why(), now: as_it_was() }).then_refused(&R::OverrideNeedsCompliance);
    }
    // From then on it is like any other.
    let out = given::<Recommendation>([refusal.clone(), overridden()]);
    out.when(&C::ClaimEmail { attempt: 1 }).then(&E::EmailClaimed { attempt: 1 });
    out.when(&let_out()).then_refused(&R::NotRefused);
    given::<Recommendation>([made()]).when(&let_out()).then_refused(&R::NotRefused);
}

#[test]
fn under_mifid_nobody_may_let_unsuitable_advice_go_out() {
    let refusal = refused(advice(), vec![GateShut::NoProfile], Regime::MifidIi);
    let reason = "MiFID II forbids what does not suit the client".to_owned();
    given::<Recommendation>([refusal]).when(&let_out()).then_refused(&R::OverrideNotAllowed { reason });
}

#[test]
fn refused_advice_is_let_out_only_into_a_world_in_which_it_could_be_given() {
    let mut limited = moderate();
    limited.terms.valid_until = Some(TODAY);
    let refusal = given::<Recommendation>([refused(limited, vec![GateShut::NoProfile], Regime::Cvm19)]);
    let not_allowed = |reason: &str| R::OverrideNotAllowed { reason: reason.to_owned() };
    let now = as_it_was;
    for (changed, rejection) in [
        (Circumstances { care: Care::Ended, ..now() }, R::ClientRemoved),
        (Circumstances { care: Care::Elsewhere, ..now() }, not_allowed("the client is not in the advisor's care")),
        (Circumstances { advisor: advisor::Standing::Suspended, ..now() }, R::AdvisorNotActive { is: "suspended" }),
        (Circumstances { advisor: advisor::Standing::Removed, ..now() }, R::AdvisorNotActive { is: "removed" }),
        (
            Circumstances { regime: Regime::MifidIi, ..now() },
            not_allowed("MiFID II forbids what does not suit the client"),
        ),
        (Circumstances { portfolio_archived: true, ..now() }, R::PortfolioArchived),
        (Circumstances { delisted: apple_is_delisted(), ..now() }, R::AssetsDelisted(apple_is_delisted())),
        (Circumstances { on: date(2026, 3, 5), ..now() }, R::LastDayOver { last: TODAY }),
        (Circumstances { later: Some(other()), ..now() }, R::Overtaken { by: other() }),
    ] {
        refusal.when(&let_out_now(changed)).then_refused(&rejection);
    }
    // On its last day it holds.
    refusal.when(&let_out()).then(&overridden());
}

#[test]
fn refused_advice_that_later_advice_has_overtaken_is_not_let_out_any_more() {
    let refusal = || refused(advice(), vec![GateShut::NoProfile], Regime::Cvm19);
    let superseded = || E::Superseded { by: other() };
    given::<Recommendation>([refusal()]).when(&C::Supersede { by: other() }).then(&superseded());
    let overtaken = given::<Recommendation>([refusal(), superseded()]);
    overtaken.when(&let_out()).then_refused(&R::Overtaken { by: other() });
    overtaken.when(&C::Supersede { by: other() }).then_nothing_happened();
    overtaken.when(&C::Expire { on: TODAY }).then_nothing_happened();
    overtaken.when(&make(advice(), bold())).then_nothing_happened();
    overtaken.when(&withdraw()).then_refused(&R::NotOpen { is: "superseded" });
    overtaken.when(&C::ClaimEmail { attempt: 1 }).then_refused(&R::NotOpen { is: "superseded" });
    // What was let out before the later advice came ceases to stand, like any other.
    let out = given::<Recommendation>([refusal(), overridden()]);
    out.when(&C::Supersede { by: other() }).then(&superseded());
}

#[test]
fn refused_advice_is_never_written_about() {
    let refusal = given::<Recommendation>([refused(advice(), vec![GateShut::NoProfile], Regime::Other)]);
    refusal.when(&C::ClaimEmail { attempt: 1 }).then_refused(&R::NotOpen { is: "refused" });
    refusal.when(&withdraw()).then_refused(&R::NotOpen { is: "refused" });
    refusal.when(&make(advice(), bold())).then_nothing_happened();
}

#[test]
fn withdrawn_advice_is_not_written_about_any_more() {
    given::<Recommendation>([made()]).when(&withdraw()).then(&withdrawn());
    let gone = given::<Recommendation>([made(), withdrawn()]);
    gone.when(&withdraw()).then_nothing_happened();
    gone.when(&C::ClaimEmail { attempt: 1 }).then_refused(&R::NotOpen { is: "withdrawn" });
    gone.when(&C::Supersede { by: other() }).then_nothing_happened();
    // What was under way is settled all the same.
    let under_way = given::<Recommendation>([made(), E::EmailClaimed { attempt: 1 }, withdrawn()]);
    under_way.when(&C::RecordEmailed { attempt: 1 }).then(&E::Emailed { attempt: 1 });
}

#[test]
fn newer_advice_takes_the_place_of_older() {
    let superseded = E::Superseded { by: other() };
    given::<Recommendation>([made()]).when(&C::Supersede { by: other() }).then(&superseded);
    let old = given::<Recommendation>([made(), superseded]);
    old.when(&C::Supersede { by: other() }).then_nothing_happened();
    old.when(&withdraw()).then_refused(&R::NotOpen { is: "superseded" });
}

#[test]
fn advice_ends_after_its_last_day_and_not_on_it() {
    let mut limited = advice();
    limited.terms.valid_until = Some(date(2026, 6, 30));
    let limited = || E::Made(Box::new(limited.clone()));
    let next_day = date(2026, 7, 1);
    given::<Recommendation>([limited()]).when(&C::Expire { on: date(2026, 6, 30) }).then_refused(&R::StillValid);
    given::<Recommendation>([limited()]).when(&C::Expire { on: next_day }).then(&E::Expired { on: next_day });
    given::<Recommendation>([limited(), E::Expired { on: next_day }])
        .when(&C::Expire { on: next_day })
        .then_nothing_happened();
    let endless = given::<Recommendation>([E::Made(Box::new(moderate()))]);
    endless.when(&C::Expire { on: next_day }).then_refused(&R::StillValid);
}

#[test]
fn nothing_can_be_wished_of_a_recommendation_that_is_not_there_but_to_be_made() {
    for wish in [let_out(), withdraw(), C::Supersede { by: other() }, C::Expire { on: TODAY }] {
        given::<Recommendation>([]).when(&wish).then_refused(&R::Unknown);
    }
}

#[test]
fn a_letter_is_claimed_once() {
    let claimed = E::EmailClaimed { attempt: 1 };
    given::<Recommendation>([made()]).when(&C::ClaimEmail { attempt: 1 }).then(&claimed);
    given::<Recommendation>([made(), claimed])
        .when(&C::ClaimEmail { attempt: 1 })
        .then_refused(&R::AttemptClaimed { attempt: 1 });
}

#[test]
fn emailing_twice_changes_nothing() {
    let history = [made(), E::EmailClaimed { attempt: 1 }, E::Emailed { attempt: 1 }];
    given::<Recommendation>(history.clone()).when(&C::RecordEmailed { attempt: 1 }).then_nothing_happened();
    given::<Recommendation>(history).when(&C::ClaimEmail { attempt: 2 }).then_refused(&R::LetterIs { is: "sent" });
}

#[test]
fn a_deferred_letter_may_be_claimed_again_with_the_next_number() {
    let history = [made(), E::EmailClaimed { attempt: 1 }, E::EmailDeferred { attempt: 1, reason: why() }];
    let letter = given::<Recommendation>(history);
    letter.when(&C::ClaimEmail { attempt: 1 }).then_refused(&R::AttemptClaimed { attempt: 1 });
    letter.when(&C::ClaimEmail { attempt: 3 }).then_refused(&R::NotTheNextAttempt { attempt: 3, next: 2 });
    letter.when(&C::ClaimEmail { attempt: 2 }).then(&E::EmailClaimed { attempt: 2 });
}

#[test]
fn a_letter_of_unknown_outcome_waits_for_a_person() {
    let history = [made(), E::EmailClaimed { attempt: 1 }, E::EmailUnknown { attempt: 1, reason: why() }];
    let letter = given::<Recommendation>(history.clone());
    letter.when(&C::ClaimEmail { attempt: 2 }).then_refused(&R::LetterIs { is: "outcome unknown" });
    letter.when(&C::RecordEmailed { attempt: 1 }).then(&E::Emailed { attempt: 1 });
    letter.when(&C::ReleaseEmail { reason: why() }).then(&E::EmailReleased { reason: why() });

    let released = history.into_iter().chain([E::EmailReleased { reason: why() }]);
    given::<Recommendation>(released).when(&C::ClaimEmail { attempt: 2 }).then(&E::EmailClaimed { attempt: 2 });
}

#[test]
fn a_sent_letter_is_never_released() {
    let history = [made(), E::EmailClaimed { attempt: 1 }, E::Emailed { attempt: 1 }];
    given::<Recommendation>(history).when(&C::ReleaseEmail { reason: why() }).then_refused(&R::LetterIs { is: "sent" });
}

#[test]
fn nothing_is_settled_that_was_not_claimed() {
    let letter = given::<Recommendation>([made()]);
    for command in [
        C::RecordEmailed { attempt: 1 },
        C::RecordEmailDeferred { attempt: 1, reason: why() },
        C::RecordEmailFailed { attempt: 1, reason: why() },
        C::RecordEmailUnknown { attempt: 1, reason: why() },
        C::ReleaseEmail { reason: why() },
    ] {
        letter.when(&command).then_refused(&R::LetterIs { is: "due" });
    }
}

#[test]
fn an_unknown_recommendation_has_no_letter() {
    given::<Recommendation>([]).when(&C::ClaimEmail { attempt: 1 }).then_refused(&R::Unknown);
}
