//! Folders that one process owns.
//!
//! The owner holds a lock on the file `owner` inside. The system frees the lock when the owner ends, however
//! it ends; so a folder whose lock can be had belongs to nobody, and a temporary one can be swept.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the names of temporary folders begin with.
const PREFIX: &str = "insights-";
/// What they begin with until their lock is held.
const STARTING: &str = ".insights-";
/// How long that may take. What is older belongs to a process that was killed in between.
const STARTING_MAX: Duration = Duration::from_secs(60);
/// Name of the lock file in a folder.
const OWNER: &str = "owner";
/// Others may search our folders but not list them: PostgreSQL runs as another user when we are root.
const SEARCHABLE: u32 = 0o711;

/// A folder that this process owns until the value is dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    temporary: bool,
    _lock: File,
}

/// Why a folder could not be had.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another process is at work in it.
    #[error("{path} is in use by process {owner}")]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The owner's process id, as far as it has written it.
        owner: String,
    },
    /// The system refused.
    #[error("cannot use the folder {path}")]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Folder {
    /// A new, empty folder below the system's temporary folder. It goes when the value is dropped; if we
    /// are killed before that, the next process to call this function removes it.
    ///
    /// # Errors
    /// [`FolderError::Io`] if the temporary folder cannot be written.
    pub fn temporary() -> Result<Self, FolderError> {
        let parent = std::env::temp_dir();
        sweep(&parent);
        let name = uuid::Uuid::new_v4().simple().to_string();
        let path = parent.join(format!("{PREFIX}{}", &name[..12]));
        // It gets its name with the lock held: one who sweeps between the two would take it for a dead one's.
        let starting = parent.join(format!("{STARTING}{}", &name[..12]));
        let mut folder = Self::own(starting, true)?;
        fs::rename(&folder.path, &path).map_err(|source| FolderError::Io { path: path.clone(), source })?;
        folder.path = path;
        Ok(folder)
    }

    /// The folder at `path`, made if missing, now ours. It stays when the value is dropped.
    ///
    /// # Errors
    /// [`FolderError::InUse`] with the process id of the owner if there is one.
    pub fn claim(path: &Path) -> Result<Self, FolderError> {
        Self::own(path.to_path_buf(), false)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn own(path: PathBuf, temporary: bool) -> Result<Self, FolderError> {
        match lock(&path) {
            Ok(Ok(file)) => Ok(Self { path, temporary, _lock: file }),
            Ok(Err(owner)) => Err(FolderError::InUse { path, owner }),
            Err(source) => Err(FolderError::Io { path, source }),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "a temporary folder stays behind");
        }
    }
}

/// The lock of the folder at `path`, or else what its owner wrote into it.
fn lock(path: &Path) -> io::Result<Result<File, String>> {
    fs::create_dir_all(path)?;
    let mut file = File::options().read(true).write(true).create(true).truncate(false).open(path.join(OWNER))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut owner = String::new();
            file.read_to_string(&mut owner)?;
            return Ok(Err(owner.trim().to_owned()));
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())?;
    fs::set_permissions(path, fs::Permissions::from_mode(SEARCHABLE))?;
    Ok(Ok(file))
}

/// Removes the temporary folders below `parent` whose owner is dead. A folder without a lock file is left
/// alone, and so is one that may be about to be locked.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let ours = name.starts_with(PREFIX) || (name.starts_with(STARTING) && is_old(&path));
        if !ours {
            continue;
        }
        let Ok(file) = File::open(path.join(OWNER)) else {
            continue;
        };
        if file.try_lock().is_ok()
            && let Err(error) = fs::remove_dir_all(&path)
        {
            // A server of the dead owner may still be writing its last; the next sweep comes.
            tracing::debug!(path = %path.display(), %error, "could not sweep a left-over folder");
        }
    }
}

fn is_old(path: &Path) -> bool {
    let modified = fs::metadata(path).and_then(|of| of.modified()).ok();
    modified.and_then(|at| at.elapsed().ok()).is_some_and(|age| age > STARTING_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_in_use_names_its_owner() {
        let outer = Folder::temporary().unwrap();
        let path = outer.path().join("claimed");
        let first = Folder::claim(&path).unwrap();
        let error = Folder::claim(&path).unwrap_err();
        assert!(
            matches!(&error, FolderError::InUse { owner, .. } if *owner == std::process::id().to_string()),
            "{error}"
        );
        drop(first);
        Folder::claim(&path).unwrap();
    }

    #[test]
    fn folders_that_are_made_while_others_sweep_are_not_swept() {
        const EACH: usize = 200;
        let makers: Vec<_> =
            (0..4).map(|_| std::thread::spawn(|| (0..EACH).try_for_each(|_| Folder::temporary().map(drop)))).collect();
        for maker in makers {
            maker.join().unwrap().unwrap();
        }
    }

    #[test]
    fn a_temporary_folder_goes_with_its_owner_and_a_dead_ones_is_swept() {
        let living = Folder::temporary().unwrap();
        let parent = living.path().join("tmp");
        let dead = parent.join("insights-dead");
        fs::create_dir_all(&dead).unwrap();
        fs::write(dead.join(OWNER), "1").unwrap();
        let starting = parent.join("insights-starting");
        fs::create_dir_all(&starting).unwrap();
        let held = Folder::claim(&parent.join("insights-held")).unwrap();

        sweep(&parent);

        assert!(!dead.exists(), "its lock was free");
        assert!(starting.exists(), "it has no lock file yet");
        assert!(held.path().exists(), "its lock is held");
        let path = living.path().to_path_buf();
        drop(living);
        assert!(!path.exists());
    }
}
