use std::collections::BTreeSet;

use super::{Portfolio, PortfolioCommand, PortfolioEvent, PortfolioRejection, RECIPIENTS_MAX};
use crate::scenario::given;
use crate::stored::samples;
use crate::values::{AdvisorId, Allocation, AssetId, ClientId, CommandId, Currency, Name, Note};

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn reason() -> Note {
    Note::parse("rates fell").unwrap()
}

fn advisor() -> AdvisorId {
    AdvisorId::created_by(CommandId::of(&["an advisor"]))
}

fn usd() -> Currency {
    Currency::parse("USD").unwrap()
}

fn allocation(apple: &str, coca_cola: &str) -> Allocation {
    let target = |asset: &str, weight: &str| (AssetId::parse(asset).unwrap(), weight.parse().unwrap());
    Allocation::try_new([target("AAPL", apple), target("KO", coca_cola)]).unwrap()
}

fn clients(n: usize) -> BTreeSet<ClientId> {
    (0..n).map(|i| ClientId::created_by(CommandId::of(&["a client", &i.to_string()]))).collect()
}

fn create() -> PortfolioCommand {
    PortfolioCommand::Create {
        advisor: advisor(),
        name: name("Growth"),
        currency: usd(),
        allocation: allocation("0.6", "0.4"),
    }
}

fn created() -> PortfolioEvent {
    PortfolioEvent::Created {
        advisor: advisor(),
        name: name("Growth"),
        currency: usd(),
        allocation: allocation("0.6", "0.4"),
    }
}

fn recommend(to: BTreeSet<ClientId>) -> PortfolioCommand {
    PortfolioCommand::Recommend { clients: to, rationale: reason(), figures: samples::figures() }
}

#[test]
fn a_portfolio_is_created_with_its_allocation() {
    given::<Portfolio>([]).when(&create()).then(&created());
}

#[test]
fn creating_the_same_portfolio_again_changes_nothing() {
    given::<Portfolio>([created()]).when(&create()).then_nothing_happened();
}

#[test]
fn creating_another_portfolio_under_the_same_id_is_refused() {
    let other = PortfolioCommand::Create {
        advisor: advisor(),
        name: name("Income"),
        currency: usd(),
        allocation: allocation("0.6", "0.4"),
    };
    given::<Portfolio>([created()]).when(&other).then_refused(&PortfolioRejection::AlreadyCreated);
}

#[test]
fn an_unknown_portfolio_is_neither_renamed_nor_reallocated_nor_recommended() {
    let nothing = given::<Portfolio>([]);
    for command in [
        PortfolioCommand::Rename { name: name("Income") },
        PortfolioCommand::Reallocate { allocation: allocation("0.5", "0.5"), reason: reason() },
        recommend(clients(1)),
    ] {
        nothing.when(&command).then_refused(&PortfolioRejection::Unknown);
    }
}

#[test]
fn reallocating_keeps_the_reason() {
    given::<Portfolio>([created()])
        .when(&PortfolioCommand::Reallocate { allocation: allocation("0.5", "0.5"), reason: reason() })
        .then(&PortfolioEvent::Reallocated { allocation: allocation("0.5", "0.5"), reason: reason() });
}

#[test]
fn reallocating_to_the_same_weights_changes_nothing_however_they_are_written() {
    given::<Portfolio>([created()])
        .when(&PortfolioCommand::Reallocate { allocation: allocation("0.60", "0.400"), reason: reason() })
        .then_nothing_happened();
}

#[test]
fn renaming_to_the_same_name_changes_nothing() {
    given::<Portfolio>([created()]).when(&PortfolioCommand::Rename { name: name("Growth") }).then_nothing_happened();
    given::<Portfolio>([created()])
        .when(&PortfolioCommand::Rename { name: name("Income") })
        .then(&PortfolioEvent::Renamed { name: name("Income") });
}

#[test]
fn a_recommendation_carries_the_portfolio_as_it_is_now() {
    let renamed = PortfolioEvent::Renamed { name: name("Income") };
    let reallocated = PortfolioEvent::Reallocated { allocation: allocation("0.1", "0.9"), reason: reason() };
    given::<Portfolio>([created(), renamed, reallocated]).when(&recommend(clients(2))).then(
        &PortfolioEvent::Recommended {
            advisor: advisor(),
            clients: clients(2),
            name: name("Income"),
            currency: usd(),
            allocation: allocation("0.1", "0.9"),
            rationale: reason(),
            figures: samples::figures(),
        },
    );
}

#[test]
fn a_recommendation_needs_clients_and_not_too_many() {
    let portfolio = given::<Portfolio>([created()]);
    portfolio.when(&recommend(clients(0))).then_refused(&PortfolioRejection::NoClients);
    let too_many = RECIPIENTS_MAX + 1;
    portfolio.when(&recommend(clients(too_many))).then_refused(&PortfolioRejection::TooManyClients(too_many));
}
