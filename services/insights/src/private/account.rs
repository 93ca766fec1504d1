//! The user that PostgreSQL runs as when we are root, which it refuses to be.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Users we would run PostgreSQL as, best first. The first exists where a package made it, the second everywhere.
const CANDIDATES: [&str; 2] = ["postgres", "nobody"];
/// Lets a process pass through folders that are closed to its user, and read; not write.
const MAY_SEARCH: &str = "-all,+dac_read_search";

/// An unprivileged user of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    uid: u32,
    gid: u32,
}

/// Why we have no user to run as.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Neither of the candidates exists.
    #[error("running as root, and neither of the users postgres and nobody exists to run PostgreSQL")]
    NoneThere,
    /// The list of users cannot be read.
    #[error("cannot read the list of users")]
    Unreadable(#[source] io::Error),
}

impl Account {
    /// The user to run as, or none if we are not root and simply stay who we are.
    ///
    /// # Errors
    /// [`AccountError`] if we are root and there is nobody else to be.
    pub fn if_root() -> Result<Option<Self>, AccountError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let users = fs::read_to_string("/etc/passwd").map_err(AccountError::Unreadable)?;
        CANDIDATES.iter().find_map(|name| entry(&users, name)).map(Some).ok_or(AccountError::NoneThere)
    }

    /// Gives it a file or folder.
    ///
    /// # Errors
    /// What the system says.
    pub fn give(self, path: &Path) -> io::Result<()> {
        std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid))
    }

    /// The command line that becomes this user and then runs a program: what stands before the program.
    /// If the way to one of `places` is closed to the user (a project below root's home), it may search
    /// folders as root does, and nothing more.
    pub fn prefix(self, places: &[&Path]) -> Vec<OsString> {
        let mut words = vec![
            OsString::from("setpriv"),
            format!("--reuid={}", self.uid).into(),
            format!("--regid={}", self.gid).into(),
            "--clear-groups".into(),
            "--no-new-privs".into(),
        ];
        if places.iter().any(|place| !self.reaches(place)) {
            words.push(format!("--inh-caps={MAY_SEARCH}").into());
            words.push(format!("--ambient-caps={MAY_SEARCH}").into());
        }
        words.push(OsStr::new("--").to_owned());
        words
    }

    /// Whether this user may search every folder on the way to `place`.
    fn reaches(self, place: &Path) -> bool {
        let place = fs::canonicalize(place).unwrap_or_else(|_| PathBuf::from(place));
        place.ancestors().skip(1).all(|folder| {
            fs::metadata(folder).is_ok_and(|found| {
                let search = if found.uid() == self.uid {
                    0o100
                } else if found.gid() == self.gid {
                    0o010
                } else {
                    0o001
                };
                found.mode() & search != 0
            })
        })
    }
}

/// The user `name` in the text of a passwd file.
fn entry(users: &str, name: &str) -> Option<Account> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == name).then_some(())?;
        let _password = fields.next()?;
        Some(Account { uid: fields.next()?.parse().ok()?, gid: fields.next()?.parse().ok()? })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let users = "root:x:0:0::/root:/bin/sh\nnobody2:x:7:8::/:/bin/false\nnobody:x:65534:65533::/:/bin/false\n";
        assert_eq!(entry(users, "nobody"), Some(Account { uid: 65_534, gid: 65_533 }));
        assert_eq!(entry(users, "postgres"), None);
    }

    #[test]
    fn only_a_closed_way_asks_for_the_right_to_search() {
        let nobody = Account { uid: 65_534, gid: 65_533 };
        let open = std::env::temp_dir();
        assert_eq!(nobody.prefix(&[&open]).len(), 6);
        let closed = tempfile_closed();
        assert_eq!(nobody.prefix(&[&open, &closed.path().join("in/data")]).len(), 8);
    }

    fn tempfile_closed() -> crate::private::Folder {
        use std::os::unix::fs::PermissionsExt;
        let folder = crate::private::Folder::temporary().unwrap();
        let closed = folder.path().join("in");
        fs::create_dir(&closed).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(closed.join("data"), "").unwrap();
        folder
    }
}
