//! Whoever waits for a long computation: hears how far it has come, and may break it off.

use std::ops::ControlFlow;

/// Hears the share that is done, about, and says whether to go on. It is asked often: every some microseconds.
pub type Watch<'a> = &'a dyn Fn(f64) -> ControlFlow<()>;

/// Goes on to the end: for computations that nobody watches.
pub fn go_on(_share: f64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}
