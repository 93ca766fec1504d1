//! The server: HTTP/1.1 on one listener, with bounds, until it is told to stop.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::access::Peer;
use crate::edge::Edge;
use crate::limits::Limits;

/// Headers that a request may have.
const HEADERS_MAX: usize = 100;
/// How long accepting rests when the system has nothing left to accept with.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until it is told to stop, then lets open requests end, and what outlives them, within their bound.
///
/// # Errors
/// Where the listener itself is broken.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    edge: &Edge,
    rest: impl Future<Output = ()>,
    stop: CancellationToken,
) -> io::Result<()> {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.headers_time)
        .max_buf_size(limits.headers_bytes_max.max(8_192))
        .max_headers(HEADERS_MAX);
    let service = TowerToHyperService::new(router);
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let proxies: Arc<[_]> = edge.proxies().into();
    let open = TaskTracker::new();
    loop {
        let place = Arc::clone(&places).acquire_owned();
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = async { (place.await, listener.accept().await) } => accepted,
        };
        let (Ok(place), accepted) = accepted else { break };
        let Some((stream, address)) = taken(accepted).await? else { continue };
        let (address, proxies) = (address.ip(), Arc::clone(&proxies));
        let service = service.clone();
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            let peer = Peer::of(address, request.headers(), &proxies);
            request.extensions_mut().insert(peer);
            service.call(request)
        });
        // A WebSocket leaves here when it is upgraded: it has bounds of its own.
        let connection = http.serve_connection(TokioIo::new(stream), service).with_upgrades();
        // Of its own, so that connections do not wait for each other to ask it.
        let stop = stop.child_token();
        open.spawn(async move {
            let _place = place;
            let mut connection = pin!(connection);
            let ended = tokio::select! {
                biased;
                ended = connection.as_mut() => ended,
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            // A caller who hangs up or speaks no HTTP is their own affair, not ours.
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    drop(listener);
    let drained = async {
        open.close();
        open.wait().await;
        rest.await;
    };
    if tokio::time::timeout(limits.drain_time, drained).await.is_err() {
        tracing::warn!("requests or imports that were still open were cut off");
    }
    Ok(())
}

/// The connection; nothing where this one failed and the next may not.
async fn taken(accepted: io::Result<(TcpStream, SocketAddr)>) -> io::Result<Option<(TcpStream, SocketAddr)>> {
    match accepted {
        Ok((stream, address)) => {
            // Answers are written whole; waiting for more to send would only delay them.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "a connection takes no options");
            }
            Ok(Some((stream, address)))
        }
        Err(error) if is_the_caller_s(&error) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Err(error),
        // Out of file descriptors or memory: others end and give them back, so rest and go on.
        Err(error) => {
            tracing::error!(%error, "a connection could not be accepted");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            Ok(None)
        }
    }
}

fn is_the_caller_s(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
