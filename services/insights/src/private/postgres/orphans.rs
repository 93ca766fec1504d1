//! The processes that a killed PostgreSQL leaves behind: one per client and a few helpers, each in a
//! session of its own, so that no signal to a group reaches them.

use std::fs;
use std::io;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::private::POLL;

/// The children of process `parent`, right now.
pub(super) fn children_of(parent: u32) -> io::Result<Vec<Pid>> {
    let table = if fs::exists("/proc/self/stat")? { from_proc()? } else { from_ps()? };
    Ok(table
        .into_iter()
        .filter(|&(_, of)| i64::from(of) == i64::from(parent))
        .filter_map(|(child, _)| Pid::from_raw(child))
        .collect())
}

/// Kills them and waits until they are gone.
pub(super) fn kill_9(processes: &[Pid], within: Duration) -> io::Result<()> {
    for &process in processes {
        match kill_process(process, Signal::KILL) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    let deadline = Instant::now() + within;
    while processes.iter().any(|&process| is_alive(process)) {
        if Instant::now() > deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        std::thread::sleep(POLL);
    }
    Ok(())
}

/// Whether it still runs. A dead process that nobody has waited for is not alive: on a machine whose
/// first process does not reap orphans it stays listed for ever.
fn is_alive(process: Pid) -> bool {
    let dead = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_pid()))
        .ok()
        .and_then(|stat| Some(stat.rsplit_once(')')?.1.trim_start().starts_with(['Z', 'X'])))
        .unwrap_or(false);
    !dead && test_kill_process(process).is_ok()
}

/// (process, parent) of every process, as Linux lists them.
fn from_proc() -> io::Result<Vec<(i32, i32)>> {
    let mut table = Vec::new();
    for entry in fs::read_dir("/proc")? {
        // A process may end while we look.
        let Ok(stat) = fs::read_to_string(entry?.path().join("stat")) else {
            continue;
        };
        // "12 (name, which may hold spaces) S 1 ..."
        let ids = stat.split_once(" (").and_then(|(process, rest)| {
            let parent = rest.rsplit_once(')')?.1.split_whitespace().nth(1)?;
            Some((process.parse().ok()?, parent.parse().ok()?))
        });
        table.extend(ids);
    }
    Ok(table)
}

/// (process, parent) of every process, as any other Unix lists them.
fn from_ps() -> io::Result<Vec<(i32, i32)>> {
    let output = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output()?;
    Ok(String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
        })
        .collect())
}
