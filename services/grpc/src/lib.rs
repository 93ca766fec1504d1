//! Prices and figures over gRPC, for programs: `insights.prices.v1.Prices` and `insights.metrics.v1.Metrics`.
//!
//! # Layout
//!
//! * [`proto`]: what `proto/` compiles to. Numbers are `double`; days and positions are text.
//! * `prices.rs`, `metrics.rs`: one file a service. `table.rs`: prices of several assets on common days.
//! * `desk.rs`: room for computations, which end when nobody waits for them any more.
//! * `caller.rs`: the same tokens as the web API's. `fault.rs`: errors as status with details; never an empty answer.
//! * [`serve`] (below): both services with health and reflection, over TLS where there are certificates.

mod asked;
mod caller;
mod desk;
mod fault;
mod metrics;
mod prices;
pub mod proto;
mod table;

use jiff::Timestamp;
use journal::Journal;
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use vault::Vault;

use metrics::MetricsService;
use prices::PricesService;
use proto::metrics::metrics_server::MetricsServer;
use proto::prices::prices_server::PricesServer;

/// Streams of one connection that may be open at once.
const STREAMS_OF_A_CONNECTION_MAX: u32 = 64;
/// Bytes that one question may have.
const REQUEST_BYTES_MAX: usize = 64 * 1024;

/// What the services work with.
#[derive(Clone)]
pub struct Service {
    /// The log, to be told of new prices.
    pub journal: Journal,
    /// The read models.
    pub pool: PgPool,
    /// Callers' tokens.
    pub vault: Vault,
    /// Tells the time.
    pub clock: fn() -> Timestamp,
}

/// Certificates and their key, both in PEM.
pub struct Tls {
    /// The certificates, the server's own first.
    pub certificates: Vec<u8>,
    /// The key of the first.
    pub key: Vec<u8>,
}

/// Why the services ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The certificates cannot be used, or the listener failed.
    #[error("the gRPC services ended")]
    Transport(#[from] tonic::transport::Error),
    /// The description of the services cannot be read.
    #[error("the gRPC services cannot describe themselves")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// Serves until told to stop.
///
/// # Errors
/// Where the certificates cannot be used or the listener fails.
pub async fn serve(
    listener: TcpListener,
    service: Service,
    tls: Option<Tls>,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let (health_reporter, health) = tonic_health::server::health_reporter();
    health_reporter.set_serving::<PricesServer<PricesService>>().await;
    health_reporter.set_serving::<MetricsServer<MetricsService>>().await;
    let descriptors = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let mut server = Server::builder().max_concurrent_streams(Some(STREAMS_OF_A_CONNECTION_MAX));
    if let Some(tls) = tls {
        let identity = Identity::from_pem(tls.certificates, tls.key);
        server = server.tls_config(ServerTlsConfig::new().identity(identity))?;
    }
    let prices = PricesServer::new(PricesService::new(service.clone(), stop.clone()));
    let metrics = MetricsServer::new(MetricsService::new(service));
    server
        .add_service(health)
        // Clients in the field ask for either version.
        .add_service(descriptors().build_v1()?)
        .add_service(descriptors().build_v1alpha()?)
        .add_service(prices.max_decoding_message_size(REQUEST_BYTES_MAX))
        .add_service(metrics.max_decoding_message_size(REQUEST_BYTES_MAX))
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), stop.cancelled_owned())
        .await?;
    Ok(())
}
