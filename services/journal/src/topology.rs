//! The streams, as data: `deploy/nats/topology.json` says what there is, here it is brought about and checked.

use async_nats::jetstream::stream::{Compression, Config, DiscardPolicy, RetentionPolicy, StorageType};
use async_nats::jetstream::{self, context::GetStreamErrorKind};
use serde::Deserialize;

use crate::recorded::Source;

const TOPOLOGY: &str = include_str!("../../../deploy/nats/topology.json");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Topology {
    /// What the file is, for its readers.
    #[serde(rename = "about")]
    _about: String,
    streams: Vec<StreamSpec>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StreamSpec {
    name: String,
    description: String,
    subjects: Vec<String>,
    /// Events may be neither deleted nor purged.
    append_only: bool,
    /// Messages kept for each subject; 0 keeps all.
    messages_per_subject: u32,
    duplicate_window_seconds: u64,
}

/// Why the streams are not as they should be.
#[derive(Debug, thiserror::Error)]
pub enum TopologyError {
    /// The file that says what there is cannot be read.
    #[error("deploy/nats/topology.json cannot be read")]
    Data(#[source] serde_json::Error),
    /// The server cannot make or show a stream.
    #[error("the stream {stream} cannot be {what}")]
    Server {
        /// Which stream.
        stream: String,
        /// What was tried.
        what: &'static str,
        /// What the client says.
        #[source]
        source: Source,
    },
    /// A stream is there, and is not what it should be.
    #[error("the stream {stream} has {}", differences.join(", "))]
    Differs {
        /// Which stream.
        stream: String,
        /// What is different, each as `field is that, not this`.
        differences: Vec<String>,
    },
}

/// Makes the streams that are not there, and checks those that are. Never changes a stream: a change of limits can
/// throw history away, so it is an operator's own decision.
///
/// # Errors
/// Where a stream cannot be made, or is there and differs.
pub async fn provision(context: &jetstream::Context, replicas: usize) -> Result<(), TopologyError> {
    for wanted in wanted(replicas)? {
        let stream = wanted.name.clone();
        match context.get_stream(&stream).await {
            Ok(found) => compare(&wanted, &found.cached_info().config)?,
            Err(error) if is_absent(&error.kind()) => {
                let made = context.create_stream(wanted).await;
                made.map_err(|error| TopologyError::Server { stream, what: "made", source: error.into() })?;
            }
            Err(error) => return Err(TopologyError::Server { stream, what: "shown", source: error.into() }),
        }
    }
    Ok(())
}

/// Checks that every stream is there and is what it should be.
///
/// # Errors
/// For the first one that is not.
pub async fn verify(context: &jetstream::Context, replicas: Option<usize>) -> Result<(), TopologyError> {
    for mut wanted in wanted(replicas.unwrap_or(1))? {
        let stream = wanted.name.clone();
        let found = context.get_stream(&stream).await;
        let found = found.map_err(|error| TopologyError::Server { stream, what: "shown", source: error.into() })?;
        let found = &found.cached_info().config;
        if replicas.is_none() {
            wanted.num_replicas = found.num_replicas;
        }
        compare(&wanted, found)?;
    }
    Ok(())
}

fn is_absent(kind: &GetStreamErrorKind) -> bool {
    matches!(kind, GetStreamErrorKind::JetStream(error) if error.error_code() == jetstream::ErrorCode::STREAM_NOT_FOUND)
}

fn wanted(replicas: usize) -> Result<Vec<Config>, TopologyError> {
    let topology: Topology = serde_json::from_str(TOPOLOGY).map_err(TopologyError::Data)?;
    let config = |spec: StreamSpec| Config {
        name: spec.name,
        description: Some(spec.description),
        subjects: spec.subjects,
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        compression: Some(Compression::S2),
        discard: if spec.messages_per_subject == 0 { DiscardPolicy::New } else { DiscardPolicy::Old },
        max_messages: -1,
        max_bytes: -1,
        max_messages_per_subject: if spec.messages_per_subject == 0 {
            -1
        } else {
            i64::from(spec.messages_per_subject)
        },
        max_message_size: -1,
        max_consumers: -1,
        num_replicas: replicas,
        duplicate_window: std::time::Duration::from_secs(spec.duplicate_window_seconds),
        deny_delete: spec.append_only,
        deny_purge: spec.append_only,
        ..Default::default()
    };
    Ok(topology.streams.into_iter().map(config).collect())
}

fn compare(wanted: &Config, found: &Config) -> Result<(), TopologyError> {
    let mut differences = Vec::new();
    let mut check = |field: &str, wanted: String, found: String| {
        if wanted != found {
            differences.push(format!("{field} {found}, not {wanted}"));
        }
    };
    macro_rules! check {
        ($($field:ident),* $(,)?) => {
            $(check(stringify!($field), format!("{:?}", wanted.$field), format!("{:?}", found.$field));)*
        };
    }
    check!(
        subjects,
        retention,
        storage,
        compression,
        discard,
        max_messages,
        max_bytes,
        max_messages_per_subject,
        max_age,
        max_message_size,
        num_replicas,
        duplicate_window,
        deny_delete,
        deny_purge,
        allow_rollup,
        sealed,
        no_ack,
        mirror,
        sources,
        subject_transform,
    );
    if differences.is_empty() {
        Ok(())
    } else {
        Err(TopologyError::Differs { stream: wanted.name.clone(), differences })
    }
}
