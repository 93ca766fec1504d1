//! The key-encryption key: wraps clients' data keys. Comes from a file, never from the database.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

/// Bytes of a key: AES-256.
const KEY_BYTES: usize = 32;
/// Bytes of a fingerprint: enough to tell an installation's few keys apart.
const FINGERPRINT_BYTES: usize = 8;
/// Bytes that a key file may have: base64 of a key with white space around it.
const FILE_BYTES_MAX: u64 = 256;

/// The key that wraps clients' data keys. Its `Debug` shows a fingerprint only.
pub struct KeyEncryptionKey {
    key: LessSafeKey,
    fingerprint: String,
}

impl KeyEncryptionKey {
    /// The key with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, &bytes).expect("32 bytes are a key of AES-256");
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &bytes), b"insights key-encryption key fingerprint");
        Self { key: LessSafeKey::new(key), fingerprint: hex(&tag.as_ref()[..FINGERPRINT_BYTES]) }
    }

    /// The key in the file: base64 of 32 bytes. Where there is no file, a new key is made and written to it first,
    /// for its owner alone.
    ///
    /// Whoever loses the file loses every client's identity: it is backed up apart from the database.
    ///
    /// # Errors
    /// Where the file cannot be read or written, or holds no key.
    pub fn read_or_create(path: &Path) -> Result<Self, KekError> {
        match fs::metadata(path) {
            Ok(_) => Self::read(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create(path)?;
                Self::read(path)
            }
            Err(source) => Err(KekError::File { path: path.to_owned(), source }),
        }
    }

    fn read(path: &Path) -> Result<Self, KekError> {
        let fail = |source| KekError::File { path: path.to_owned(), source };
        let not_a_key = || KekError::NotAKey(path.to_owned());
        if fs::metadata(path).map_err(fail)?.len() > FILE_BYTES_MAX {
            return Err(not_a_key());
        }
        let text = fs::read(path).map_err(fail)?;
        let bytes = STANDARD.decode(text.trim_ascii()).map_err(|_| not_a_key())?;
        bytes.try_into().map(Self::from_bytes).map_err(|_| not_a_key())
    }

    /// A short name for the key that tells nothing about it.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    pub(crate) const fn cipher(&self) -> &LessSafeKey {
        &self.key
    }
}

impl fmt::Debug for KeyEncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyEncryptionKey({})", self.fingerprint)
    }
}

/// Writes a new key under another name and then links it, which fails where the file is there: of two processes that
/// start at once one key wins, and nobody reads half a key.
fn create(path: &Path) -> Result<(), KekError> {
    let fail = |source| KekError::File { path: path.to_owned(), source };
    let mut bytes = [0; KEY_BYTES];
    SystemRandom::new().fill(&mut bytes).map_err(|_| KekError::NoRandomness)?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let draft = folder.join(format!(".kek-{}", uuid::Uuid::new_v4()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).map_err(fail)?;
    let written = writeln!(file, "{}", STANDARD.encode(bytes)).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    });
    fs::remove_file(&draft).map_err(fail)?;
    linked.and_then(|()| File::open(folder)?.sync_all()).map_err(fail)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Why there is no key-encryption key.
#[derive(Debug, thiserror::Error)]
pub enum KekError {
    /// The file could not be read or written.
    #[error("the key file {path} cannot be read or written")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("the key file {0} does not hold base64 of {KEY_BYTES} bytes")]
    NotAKey(PathBuf),
    /// The system gave no random bytes.
    #[error("the system gave no random bytes for a new key")]
    NoRandomness,
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::{KekError, KeyEncryptionKey};

    #[test]
    fn a_key_that_was_created_reads_back_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kek");
        let created = KeyEncryptionKey::read_or_create(&path).unwrap();
        let read = KeyEncryptionKey::read_or_create(&path).unwrap();
        assert_eq!(created.fingerprint(), read.fingerprint());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn two_that_create_at_once_end_with_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kek");
        let keys: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| KeyEncryptionKey::read_or_create(&path).unwrap().fingerprint().to_owned()))
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    }

    #[test]
    fn a_file_that_holds_no_key_is_refused_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kek");
        for rubbish in ["", "c2hvcnQ=", "not base64", &"A".repeat(10_000)] {
            std::fs::write(&path, rubbish).unwrap();
            assert!(matches!(KeyEncryptionKey::read_or_create(&path), Err(KekError::NotAKey(_))), "{rubbish:.20}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), rubbish);
        }
    }

    #[test]
    fn debugging_does_not_show_the_key() {
        let shown = format!("{:?}", KeyEncryptionKey::from_bytes([7; 32]));
        assert!(!shown.contains("0707") && !shown.contains("7, 7"), "{shown}");
    }
}
