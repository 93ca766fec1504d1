//! Answers kept on disk, so that the same question is not asked twice and a source that is away leaves something to read.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// A folder of answers.
#[derive(Debug)]
pub struct Cache {
    folder: PathBuf,
    valid_for: Duration,
}

/// An answer that was kept.
#[derive(Debug)]
pub struct Kept {
    pub body: Vec<u8>,
    /// When the source gave it.
    pub since: Timestamp,
    /// Whether it may be taken for a new one.
    pub is_valid: bool,
}

impl Cache {
    pub fn new(folder: PathBuf, valid_for: Duration) -> Self {
        Self { folder, valid_for }
    }

    /// The answer to this question, if it was kept. What cannot be read was not kept.
    pub async fn get(&self, question: &str, now: Timestamp) -> Option<Kept> {
        let path = self.path(question);
        let bytes = tokio::fs::read(&path).await.ok()?;
        let end_of_line = bytes.iter().position(|&byte| byte == b'\n')?;
        let since: Timestamp = std::str::from_utf8(&bytes[..end_of_line]).ok()?.parse().ok()?;
        let age = now.duration_since(since);
        let is_valid = age >= jiff::SignedDuration::ZERO && age.unsigned_abs() < self.valid_for;
        Some(Kept { body: bytes[end_of_line + 1..].to_vec(), since, is_valid })
    }

    /// Keeps an answer. A disk that will not have it only costs another question some day.
    pub async fn put(&self, question: &str, body: &[u8], now: Timestamp) {
        let path = self.path(question);
        if let Err(error) = self.write(&path, body, now).await {
            tracing::warn!(path = %path.display(), %error, "an answer could not be kept");
        }
    }

    async fn write(&self, path: &Path, body: &[u8], now: Timestamp) -> std::io::Result<()> {
        tokio::fs::create_dir_all(&self.folder).await?;
        let mut bytes = format!("{now}\n").into_bytes();
        bytes.extend_from_slice(body);
        // Written aside and put in place, so that nobody reads half an answer.
        let aside = path.with_extension(format!("{}.new", uuid::Uuid::new_v4()));
        tokio::fs::write(&aside, bytes).await?;
        tokio::fs::rename(&aside, path).await
    }

    fn path(&self, question: &str) -> PathBuf {
        self.folder.join(format!("{}.answer", utf8_percent_encode(question, NON_ALPHANUMERIC)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::Cache;

    #[tokio::test]
    async fn an_answer_is_valid_for_a_while_and_kept_for_longer() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().join("answers"), Duration::from_secs(60));
        let now: Timestamp = "2024-01-02T03:04:05Z".parse().unwrap();
        assert!(cache.get("^GSPC 1d", now).await.is_none());
        cache.put("^GSPC 1d", b"two\nlines", now).await;
        let kept = cache.get("^GSPC 1d", now + Duration::from_secs(59)).await.unwrap();
        assert_eq!((kept.body.as_slice(), kept.since, kept.is_valid), (b"two\nlines".as_slice(), now, true));
        assert!(!cache.get("^GSPC 1d", now + Duration::from_secs(61)).await.unwrap().is_valid);
        assert!(!cache.get("^GSPC 1d", now - Duration::from_secs(1)).await.unwrap().is_valid, "from the future");
    }
}
