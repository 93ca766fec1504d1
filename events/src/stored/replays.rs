//! What any commands lead to: events that can be kept, and one state by every way.

use std::collections::BTreeSet;
use std::fmt::Debug;

use proptest::prelude::{Strategy, prop, proptest};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::generated::{
    advisor_command, asset_command, backtest_command, client_command, portfolio_command, recommendation_command,
};
use super::{AnyEvent, Stored, models, samples};
use crate::advisor::Advisor;
use crate::asset::Asset;
use crate::backtest::Backtest;
use crate::client::Client;
use crate::decider::Decider;
use crate::portfolio::Portfolio;
use crate::recommendation::{Recommendation, RecommendationEvent};

/// How many runs of commands are looked at for whether they reach every event.
const RUNS: usize = 400;
const COMMANDS_OF_A_RUN: usize = 24;

/// What a command leads to where it has to leave something in the log, as it has under a caller's key: what confirms that
/// all is so already, where nothing has to change.
fn recorded<D: Decider>(state: &D, command: &D::Command) -> Option<D::Event> {
    state.decide(command).ok().and_then(|event| event.or_else(|| D::confirm(command)))
}

/// Decides the commands one after another. Each event is stored and read back before it is folded; the state is then
/// what the model makes of the history, the same command again changes nothing, and at last the fold of the whole
/// history leads to the same.
fn replays<D: Decider + PartialEq + Debug>(commands: &[D::Command], model: impl Fn(&[D::Event]) -> D)
where
    D::Event: PartialEq,
{
    let mut live = D::default();
    let mut history = Vec::new();
    for command in commands {
        if let Some(event) = recorded(&live, command) {
            let back = D::Event::decode(event.event_type(), &event.encode());
            assert_eq!(back.as_ref(), Ok(&event));
            live = live.evolve(&event);
            history.push(event);
            assert_eq!(live, model(&history), "after {history:?}");
            if let Some(again) = recorded(&live, command) {
                assert_eq!(live.clone().evolve(&again), live, "by the same command again");
            }
        }
    }
    let replayed = history.iter().fold(D::default(), |state, event| state.evolve(event));
    assert_eq!(replayed, live);
}

/// The types of all events that such commands lead to.
fn reached<D: Decider>(command: impl Strategy<Value = D::Command>) -> BTreeSet<&'static str>
where
    D::Command: Debug,
{
    let commands = prop::collection::vec(command, COMMANDS_OF_A_RUN);
    let mut runner = TestRunner::deterministic();
    let mut types = BTreeSet::new();
    for _ in 0..RUNS {
        let mut state = D::default();
        for command in commands.new_tree(&mut runner).unwrap().current() {
            if let Some(event) = recorded(&state, &command) {
                types.insert(event.event_type());
                state = state.evolve(&event);
            }
        }
    }
    types
}

#[test]
fn the_commands_that_are_tried_lead_to_every_event() {
    let types = |event: &AnyEvent| match event {
        AnyEvent::Advisor(event) => event.event_type(),
        AnyEvent::Client(event) => event.event_type(),
        AnyEvent::Portfolio(event) => event.event_type(),
        AnyEvent::Recommendation(event) => event.event_type(),
        AnyEvent::Backtest(event) => event.event_type(),
        AnyEvent::Asset(event) => event.event_type(),
    };
    let all: BTreeSet<_> = samples::all().iter().map(types).collect();
    let mut tried = reached::<Advisor>(advisor_command());
    tried.extend(reached::<Client>(client_command()));
    tried.extend(reached::<Portfolio>(portfolio_command()));
    tried.extend(reached::<Recommendation>(recommendation_command()));
    tried.extend(reached::<Backtest>(backtest_command()));
    tried.extend(reached::<Asset>(asset_command()));
    assert_eq!(tried, all);
}

proptest! {
    #[test]
    fn whatever_a_portfolio_decides_is_stored_and_replays(commands in prop::collection::vec(portfolio_command(), 0..12)) {
        replays::<Portfolio>(&commands, models::portfolio);
    }

    #[test]
    fn whatever_a_recommendation_decides_is_stored_and_replays(
        commands in prop::collection::vec(recommendation_command(), 0..24),
    ) {
        replays::<Recommendation>(&commands, models::recommendation);
    }

    #[test]
    fn whatever_a_backtest_decides_is_stored_and_replays(commands in prop::collection::vec(backtest_command(), 0..4)) {
        replays::<Backtest>(&commands, models::backtest);
    }

    #[test]
    fn whatever_an_asset_decides_is_stored_and_replays(commands in prop::collection::vec(asset_command(), 0..16)) {
        replays::<Asset>(&commands, models::asset);
    }

    #[test]
    fn whatever_an_advisor_decides_is_stored_and_replays(commands in prop::collection::vec(advisor_command(), 0..12)) {
        replays::<Advisor>(&commands, models::advisor);
    }

    #[test]
    fn whatever_a_client_decides_is_stored_and_replays(commands in prop::collection::vec(client_command(), 0..12)) {
        replays::<Client>(&commands, models::client);
    }

    #[test]
    fn a_letter_is_taken_at_most_once_between_releases(
        commands in prop::collection::vec(recommendation_command(), 0..40),
    ) {
        let mut state = Recommendation::default();
        let mut claimed_since_settled = 0;
        for command in &commands {
            let Ok(Some(event)) = state.decide(command) else { continue };
            match &event {
                RecommendationEvent::EmailClaimed { .. } => claimed_since_settled += 1,
                RecommendationEvent::EmailDeferred { .. } | RecommendationEvent::EmailReleased { .. } => {
                    claimed_since_settled = 0;
                }
                _ => {}
            }
            assert!(claimed_since_settled <= 1, "two attempts under way at once");
            state = state.evolve(&event);
        }
    }
}
