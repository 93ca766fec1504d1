//! The binary as people run it: in a folder, with its own servers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod admin;
mod instance;
mod killed_api;
mod killed_letter;
mod killed_sweep;
mod loading;
mod main_job;
mod offline;
mod trace;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

/// How long a command may take before its test fails.
const COMMAND_WITHIN: Duration = Duration::from_secs(180);

/// The binary in this folder, with an environment that sets nothing.
fn insights(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_insights"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    for (name, _) in std::env::vars() {
        if name.starts_with("OTEL_") || (name.starts_with("INSIGHTS_") && name != "INSIGHTS_TOOLS") {
            command.env_remove(name);
        }
    }
    command
}

/// What the command printed, once it has ended: whether well, standard output, standard error.
async fn ended(command: &mut Command) -> (bool, String, String) {
    let output = tokio::time::timeout(COMMAND_WITHIN, command.output()).await.expect("the command ends").unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

/// Asks a process to end as Ctrl-C does, and gives what it ended with.
async fn interrupt(mut child: Child) -> std::process::ExitStatus {
    let id = rustix::process::Pid::from_raw(i32::try_from(child.id().expect("it runs")).unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    tokio::time::timeout(COMMAND_WITHIN, child.wait()).await.expect("it ends").unwrap()
}
