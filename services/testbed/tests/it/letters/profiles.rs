//! What letters say of the client's profile: what the record held when the advice was given, and no more.

use events::advisor::{AdvisorCommand, AdvisorDetails};
use events::client::ClientCommand;
use events::suitability::{Answers, Horizon, Knowledge, LiquidityNeed, LossCapacity, Objective};
use events::values::{Regime, Terms};
use events::{Advisor, Client};
use jiff::civil::date;
use journal::Verdict;
use notifier::handle;
use testbed::SmtpSink;

use super::office::{Office, name};

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

#[tokio::test]
async fn a_letter_tells_of_the_profile_that_there_was_when_the_advice_was_given() {
    const ASSESSED: &str = "Suitability is assessed under CVM Resolution 30";
    const BY_HAND: &str = "Your suitability profile was set by hand";
    let (office, sink) = (Office::open().await, SmtpSink::start().await);
    let details = AdvisorDetails::new(name("Ana Souza"), name("Casa Verde"));
    let details = AdvisorDetails { regime: Regime::Cvm19, registration: Some(name("77")), ..details };
    office.execute::<Advisor>(&office.advisor, &AdvisorCommand::Edit(details)).await;
    // Their class is set by hand.
    let client = office.client("José da Silva", "jose@example.com").await;
    let (_, before) = office.recommendation_on(client, Terms::default()).await;
    let answers = ClientCommand::AssessSuitability { answers: bold(), on: date(2026, 3, 4) };
    office.execute::<Client>(&client, &answers).await;
    let (_, after) = office.recommendation_on(client, Terms::default()).await;

    // Whenever the letters leave.
    let notifier = office.notifier(&sink).await;
    for made in [after, before] {
        assert_eq!(handle(&notifier, made).await, Verdict::Done);
    }
    let said = |n: usize| sink.letters()[n].text().split_whitespace().collect::<Vec<_>>().join(" ");
    let (after, before) = (said(0), said(1));
    assert!(after.contains(ASSESSED) && !after.contains(BY_HAND), "{after}");
    assert!(before.contains(BY_HAND) && !before.contains(ASSESSED), "{before}");
}
