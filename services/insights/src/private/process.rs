//! A child process that does not outlive us.
//!
//! Each child leads its own process group, so that a Ctrl-C at the terminal reaches us and not it: first our
//! roles drain, then the servers stop. A small shell in that group, the leash, waits on a pipe whose
//! other end only we hold. When we let go of it, by design or by a kill -9, the leash kills the group. As long
//! as the leash lives the group's number cannot pass to a stranger, so killing by number is safe.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::POLL;

/// Becomes the program `$2` with the arguments after it, and leaves the leash behind. The signal `$1`, if any,
/// gives the program a moment to clear up what the system keeps for it (PostgreSQL's shared memory).
const LEASH: &str = r#"
exec 3<&0
warn=$1
shift
(
    trap '' TERM INT QUIT HUP
    read -r _ <&3
    if [ -n "$warn" ]; then kill -s "$warn" "$$" && sleep 1; fi
    kill -s KILL -- "-$$"
) >/dev/null 2>&1 &
exec "$@" </dev/null 3<&-
"#;

/// How much of the end of a log goes into an error, in bytes.
const LOG_TAIL_BYTES: u64 = 2_000;

/// A running child on its leash. Dropping it kills it at once; [`Process::stop`] is the gentle way.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    group: Pid,
    log: PathBuf,
    leash: Option<ChildStdin>,
}

/// Why a child could not be started or asked.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The system did not start it.
    #[error("cannot start {name}")]
    Start {
        /// What should have run.
        name: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It ended when it should have run on.
    #[error("{name} ended with {status}; its log ends: {log}")]
    Ended {
        /// What ran.
        name: String,
        /// How it ended.
        status: ExitStatus,
        /// The last lines it wrote.
        log: String,
    },
    /// The system refused a signal or a wait.
    #[error("cannot {what} {name}")]
    Control {
        /// What we wanted to do.
        what: &'static str,
        /// To whom.
        name: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// A command that will run `program` on a leash, for [`Process::spawn`]. Arguments, environment and working
/// folder are set on it as on any other command.
#[must_use]
pub fn leashed(program: impl AsRef<OsStr>) -> Command {
    leashed_with_warning("", program)
}

/// The same, but when we die the program first gets the signal `warning` (`QUIT`) and a second's time.
#[must_use]
pub fn leashed_with_warning(warning: &str, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", LEASH, "leash", warning]).arg(program).process_group(0);
    command
}

impl Process {
    /// The child that `command` (from [`leashed`]) starts; what it prints is added to the file `log`.
    ///
    /// # Errors
    /// [`ProcessError::Start`] if the log cannot be opened or the shell not started. A program that is
    /// missing shows as [`ProcessError::Ended`] later.
    pub fn spawn(name: &str, command: &mut Command, log: &Path) -> Result<Self, ProcessError> {
        let failed = |source| ProcessError::Start { name: name.to_owned(), source };
        let out = File::options().create(true).append(true).open(log).map_err(failed)?;
        let err = out.try_clone().map_err(failed)?;
        let mut child = command.stdin(Stdio::piped()).stdout(out).stderr(err).spawn().map_err(failed)?;
        let leash = child.stdin.take();
        let group = Pid::from_child(&child);
        Ok(Self { name: name.to_owned(), child, group, log: log.to_path_buf(), leash })
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Nothing while it runs.
    ///
    /// # Errors
    /// [`ProcessError::Ended`] with the end of its log when it has ended.
    pub fn check_running(&mut self) -> Result<(), ProcessError> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(ProcessError::Ended { name: self.name.clone(), status, log: tail(&self.log) }),
            Err(source) => Err(self.refused("wait for", source)),
        }
    }

    /// Waits up to `within` for it to end by itself, and tells whether it did. It blocks: for `Drop`, which cannot await.
    pub(super) fn ended_within(&mut self, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        while Instant::now() < deadline {
            if self.check_running().is_err() {
                return true;
            }
            std::thread::sleep(POLL);
        }
        false
    }

    /// Sends a signal to the child alone.
    ///
    /// # Errors
    /// [`ProcessError::Control`] if the child is no more.
    pub fn signal(&self, signal: Signal) -> Result<(), ProcessError> {
        kill_process(self.group, signal).map_err(|errno| self.refused("signal", errno.into()))
    }

    /// How it ended, once it has.
    ///
    /// # Errors
    /// [`ProcessError::Control`] if it could not be waited for.
    pub async fn ended(mut self) -> Result<ExitStatus, ProcessError> {
        let name = self.name.clone();
        tokio::task::spawn_blocking(move || {
            let waited = self.child.wait();
            waited.map_err(|source| self.refused("wait for", source))
        })
        .await
        .map_err(|error| ProcessError::Control { what: "wait for", name, source: error.into() })?
    }

    /// Kills it as a power cut would; back when it is gone.
    ///
    /// # Errors
    /// [`ProcessError::Control`] if it could not be waited for.
    pub async fn kill_9(self) -> Result<(), ProcessError> {
        let name = self.name.clone();
        tokio::task::spawn_blocking(move || drop(self)).await.map_err(|error| ProcessError::Control {
            what: "kill",
            name,
            source: error.into(),
        })
    }

    /// Asks it to end with `signal`, and kills it if it has not ended `within` that time; back when it is gone.
    ///
    /// # Errors
    /// [`ProcessError::Control`] if it could not be signalled or waited for.
    pub async fn stop(mut self, signal: Signal, within: Duration) -> Result<(), ProcessError> {
        match self.check_running() {
            Err(ProcessError::Ended { .. }) => return Ok(()),
            running => running?,
        }
        self.signal(signal)?;
        let (name, group) = (self.name.clone(), self.group);
        let mut gone = tokio::task::spawn_blocking(move || {
            let waited = self.child.wait();
            waited.map_err(|source| self.refused("wait for", source))
        });
        let control = |error: tokio::task::JoinError| ProcessError::Control {
            what: "wait for",
            name: name.clone(),
            source: error.into(),
        };
        if let Ok(waited) = tokio::time::timeout(within, &mut gone).await {
            return waited.map_err(control)?.map(drop);
        }
        tracing::warn!(%name, ?within, "a server did not stop when asked and is killed");
        // It may have ended this instant; then there is nothing to kill.
        let _ = kill_process_group(group, Signal::KILL);
        gone.await.map_err(control)?.map(drop)
    }

    fn refused(&self, what: &'static str, source: io::Error) -> ProcessError {
        ProcessError::Control { what, name: self.name.clone(), source }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The whole group, leash included. It fails only if nothing of the group is left.
        let _ = kill_process_group(self.group, Signal::KILL);
        drop(self.leash.take());
        if let Err(error) = self.child.wait() {
            tracing::warn!(name = %self.name, %error, "could not wait for a killed child");
        }
    }
}

/// The last lines of a log, or why they cannot be read.
fn tail(path: &Path) -> String {
    let read = || -> io::Result<String> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    };
    read().unwrap_or_else(|error| format!("({} cannot be read: {error})", path.display()))
}
