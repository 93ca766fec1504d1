//! What tests of the journal give: portfolios, commands, settings.

use std::collections::BTreeSet;

use events::portfolio::{Composition, PortfolioCommand};
use events::values::AggregateId;
use events::values::{Actor, AdvisorId, Allocation, AssetId, CommandId, Currency, Name, PortfolioId};
use events::{Decider, Portfolio, Subject};
use journal::{CommandContext, Expect, Journal, Recorded};

/// The id of a portfolio with this name.
pub fn portfolio(name: &str) -> PortfolioId {
    PortfolioId::created_by(CommandId::of(&["a portfolio", name]))
}

/// Where a portfolio's events stand.
pub fn subject(portfolio: PortfolioId) -> Subject {
    Subject::new(Portfolio::KIND, &portfolio.token())
}

/// Compose a portfolio of this name.
pub fn create(name: &str) -> PortfolioCommand {
    let asset = AssetId::parse("AAPL").unwrap();
    let advisor = AdvisorId::created_by(CommandId::of(&["an advisor"]));
    let (name, currency) = (Name::parse(name).unwrap(), Currency::parse("USD").unwrap());
    let allocation = Allocation::try_new([(asset, "1".parse().unwrap())]).unwrap();
    PortfolioCommand::Create(Box::new(Composition::new(advisor, name, currency, allocation)))
}

/// Call a portfolio this.
pub fn rename(name: &str) -> PortfolioCommand {
    PortfolioCommand::Rename { name: Name::parse(name).unwrap(), reason: None }
}

/// A command with an id that these words name; the aggregate may stand anyhow.
pub fn context(words: &[&str]) -> CommandContext {
    CommandContext {
        command_id: CommandId::of(words),
        time: "2026-01-02T03:04:05Z".parse().unwrap(),
        actor: Actor::parse("role:test").unwrap(),
        expect: Expect::Any,
        request_digest: Some(words.join(" ")),
        causation_id: None,
    }
}

/// The same, for an aggregate that has to stand at this version.
pub fn context_at(version: u64, words: &[&str]) -> CommandContext {
    CommandContext { expect: Expect::Version(version), ..context(words) }
}

/// A portfolio that exists, under its name.
pub async fn created(journal: &Journal, name: &str) -> PortfolioId {
    let id = portfolio(name);
    journal.execute::<Portfolio>(&id, &create(name), &context(&["create", name])).await.unwrap();
    id
}

/// The portfolio's name, as this state tells it.
pub fn name_of(portfolio: &Portfolio) -> &str {
    portfolio.composition().expect("the portfolio is known").name.as_str()
}

/// The portfolio's state as its history tells it, folded here.
pub fn folded(history: &[Recorded]) -> Portfolio {
    use events::Stored;
    history.iter().fold(Portfolio::default(), |state, recorded| {
        state.evolve(&Stored::decode(recorded.event_type(), recorded.payload()).unwrap())
    })
}

/// The ids of the commands that led to these events.
pub fn commands(history: &[Recorded]) -> BTreeSet<CommandId> {
    history.iter().map(|recorded| recorded.metadata().unwrap().command_id).collect()
}
