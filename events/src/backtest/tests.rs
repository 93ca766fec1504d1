//! The rules of recorded backtests.

use super::{Backtest, BacktestCommand, BacktestEvent, BacktestRejection, BacktestRun};
use crate::scenario::given;
use crate::stored::samples;
use crate::values::Note;

fn run() -> Box<BacktestRun> {
    Box::new(samples::backtest())
}

#[test]
fn a_backtest_is_kept_with_all_that_it_follows_from() {
    given::<Backtest>([]).when(&BacktestCommand::Record(run())).then(&BacktestEvent::Recorded(run()));
}

#[test]
fn recording_it_again_changes_nothing() {
    given::<Backtest>([BacktestEvent::Recorded(run())]).when(&BacktestCommand::Record(run())).then_nothing_happened();
}

#[test]
fn what_was_shown_is_never_exchanged_for_something_else() {
    let other = Box::new(BacktestRun { note: Some(Note::parse("another talk").unwrap()), ..*run() });
    given::<Backtest>([BacktestEvent::Recorded(run())])
        .when(&BacktestCommand::Record(other))
        .then_refused(&BacktestRejection::AlreadyRecorded);
}
