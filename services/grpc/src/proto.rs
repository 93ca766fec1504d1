//! What `proto/` compiles to.

#![allow(missing_docs, reason = "generated; the words stand in the proto files")]

/// `insights.prices.v1`.
pub mod prices {
    tonic::include_proto!("insights.prices.v1");
}

/// `insights.metrics.v1`.
pub mod metrics {
    tonic::include_proto!("insights.metrics.v1");
}

/// All of it as a set of file descriptors, encoded.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
