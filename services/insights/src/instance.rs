//! The instance that `insights up` runs in a folder, as other commands in the same folder find it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::settings::Settings;

/// The folder that an instance keeps its data in, below the current one.
pub const FOLDER: &str = ".insights";
const FILE: &str = "instance.json";

/// Where a running instance is to be found. Holds passwords: readable by its owner alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Instance {
    /// Its process.
    pub process_id: u32,
    /// Where its web API listens.
    pub url: String,
    /// Its nats servers.
    pub nats_url: String,
    /// Its nats servers, as a user who may create streams.
    pub nats_operator_url: String,
    /// The monitoring addresses of its nats servers.
    pub nats_monitor_url: String,
    /// Its database.
    pub database_url: String,
    /// Where its letters go.
    pub outbox: PathBuf,
    /// Its key-encryption key.
    pub key_file: PathBuf,
}

impl Instance {
    /// Writes it down in the folder.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        let path = folder.join(FILE);
        let text = serde_json::to_vec_pretty(self)?;
        let unfinished = folder.join(format!("{FILE}.new"));
        let mut file = fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&unfinished)?;
        file.write_all(&text)?;
        fs::rename(unfinished, path)
    }

    /// The instance that runs in the folder, if one does.
    #[must_use]
    pub fn running(folder: &Path) -> Option<Self> {
        let text = fs::read(folder.join(FILE)).ok()?;
        let instance: Self = serde_json::from_slice(&text).ok()?;
        let process = rustix::process::Pid::from_raw(i32::try_from(instance.process_id).ok()?)?;
        rustix::process::test_kill_process(process).is_ok().then_some(instance)
    }

    /// Takes the note away.
    ///
    /// # Errors
    /// Where the file is there and cannot be removed.
    pub fn forget(folder: &Path) -> std::io::Result<()> {
        match fs::remove_file(folder.join(FILE)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The settings with this instance's servers wherever nothing else is said.
    #[must_use]
    pub fn complete(&self, mut settings: Settings) -> Settings {
        let fill = |field: &mut String, value: &str| {
            if field.is_empty() {
                value.clone_into(field);
            }
        };
        if settings.nats_url.is_empty() {
            fill(&mut settings.nats_operator_url, &self.nats_operator_url);
            fill(&mut settings.nats_monitor_url, &self.nats_monitor_url);
        }
        fill(&mut settings.nats_url, &self.nats_url);
        fill(&mut settings.database_url, &self.database_url);
        settings.outbox.clone_from(&self.outbox);
        settings.key_file.clone_from(&self.key_file);
        settings
    }
}
