//! Signals: the first one asks every role to finish what it is at, the second one ends the process.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The exit code of a process that a signal ended, as shells expect it: 128 + SIGINT.
const EXIT_CODE: i32 = 130;

/// Cancels the token at the first SIGINT or SIGTERM.
///
/// # Errors
/// Where the system does not let us listen for signals.
pub fn cancel_on_signal(stop: CancellationToken) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        for first in [true, false] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if first {
                tracing::info!("stopping; once more ends at once");
                stop.cancel();
            } else {
                std::process::exit(EXIT_CODE);
            }
        }
    });
    Ok(())
}
