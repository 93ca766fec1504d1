//! The outbox: letters as files, for those who have no mail server.
//!
//! Unlike a mail server it can be asked whether it has a letter, so nothing about it stays unknown: the file is there or
//! it is not. A letter is written under another name first, so a file that is there is complete.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::{Delivery, note};
use crate::message::{Message, MessageId};

/// A folder of letters.
#[derive(Debug, Clone)]
pub struct Outbox {
    folder: PathBuf,
}

impl Outbox {
    /// The outbox in this folder, which is made where it is not there, for its owner alone: letters name people.
    ///
    /// # Errors
    /// Where the folder cannot be made.
    pub fn open(folder: &Path) -> Result<Self, OutboxError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|source| OutboxError { folder: folder.to_owned(), source })?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Where a letter is, or will be: `<message id>.eml`.
    #[must_use]
    pub fn path(&self, id: &MessageId) -> PathBuf {
        self.folder.join(format!("{id}.eml"))
    }

    pub(super) async fn send(&self, message: &Message) -> Delivery {
        let (path, bytes) = (self.path(&message.id), message.bytes.clone());
        let written = tokio::task::spawn_blocking(move || write(&path, &bytes)).await;
        match written.map_err(io::Error::other).and_then(|written| written) {
            Ok(()) => Delivery::Taken,
            Err(error) => Delivery::Deferred(note(&format!("the outbox could not be written: {error}"))),
        }
    }

    pub(super) async fn holds(&self, id: &MessageId) -> Result<bool, OutboxError> {
        let found = tokio::fs::try_exists(self.path(id)).await;
        found.map_err(|source| OutboxError { folder: self.folder.clone(), source })
    }
}

/// Writes the letter so that it is there whole or not at all, even after a power cut. Written twice it is one file.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension(format!("{}.draft", uuid::Uuid::new_v4()));
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    });
    if written.is_err() {
        // The draft may not have come about at all; the error that matters is the first.
        drop(fs::remove_file(&draft));
    }
    written?;
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    File::open(folder)?.sync_all()
}

/// The outbox's folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the outbox {folder} cannot be used")]
pub struct OutboxError {
    folder: PathBuf,
    source: io::Error,
}
