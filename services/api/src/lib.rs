//! The web API: HTTP requests in, commands to the journal and queries of the read models out.
//!
//! # Layout
//!
//! * [`Api`] (below): what the service is given. `state.rs`: what handlers take from it. `server.rs`: the listener.
//! * One file for each noun: `advisors.rs`, `clients.rs`, `assets.rs`, `portfolios.rs`, `models.rs`, `recommendations.rs`;
//!   below them a folder for what more is done with one. `events.rs`: what happened, in pages and as it happens. Each has what
//!   travels first, handlers after. `health.rs` for operators.
//! * What every request goes through: `edge.rs` (proxies, pages of other sites), `guard.rs`, with `trace.rs`, `access.rs`
//!   (who calls, and what they reach), `operations.rs` (what may be asked, read from the document: `rights.rs` by whom,
//!   `queries.rs` with which parameters, `deprecation.rs` for how much longer) and [`Limits`].
//! * What requests bring: `body.rs`, `objects.rs` and `misfits.rs` (strict JSON), `faults.rs` and `numbers.rs` (its
//!   fields), `imports.rs` (files), `paths.rs`, `as_of.rs`, `parameters.rs`, `paging.rs`, `idempotency.rs`,
//!   `preconditions.rs`, `freshness.rs`.
//! * What becomes of commands: `canonical.rs` (what was asked, in bytes), `commands.rs` (the receipt), `references.rs`
//!   (what must exist before anything is written). `identities.rs`: clients' names, opened on record.
//!   `figures.rs`: a portfolio's numbers. `computations.rs`: what is computed on request and recorded nowhere.
//!   `desk.rs`: where all of them run. `jobs.rs`: those that outlast their requests.
//! * What goes wrong: [`problem`]. What is promised: `contract.rs` with `described.rs`, pinned by `openapi.json`.

#![warn(clippy::large_futures)]

mod access;
mod accounts;
mod advisors;
mod as_of;
mod assets;
mod body;
mod canonical;
mod clients;
mod commands;
mod computations;
mod contract;
mod deprecation;
mod described;
mod desk;
mod edge;
mod events;
mod faults;
mod figures;
mod freshness;
mod guard;
mod health;
mod idempotency;
mod identities;
mod imports;
mod jobs;
mod limits;
mod misfits;
mod models;
mod numbers;
mod objects;
mod operations;
mod paging;
mod parameters;
mod paths;
mod portfolios;
mod preconditions;
pub mod problem;
mod queries;
mod recommendations;
mod references;
mod rights;
mod server;
mod sessions;
mod snapshots;
mod state;
mod tokens;
mod trace;

use std::io;
use std::sync::Arc;

use axum::{Router, middleware};
use jiff::Timestamp;
use journal::Journal;
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use vault::Vault;

pub use contract::openapi;
pub use edge::{Edge, EdgeError};
pub use limits::Limits;

/// What the service works with.
#[derive(Clone)]
pub struct Api {
    /// The log, to write and to replay.
    pub journal: Journal,
    /// Connections that find the read models' tables without naming their schema.
    pub pool: PgPool,
    /// Clients' identities and callers' tokens.
    pub vault: Vault,
    /// Tells the time.
    pub clock: fn() -> Timestamp,
    /// Bounds on what may be asked.
    pub limits: Limits,
    /// What stands between the service and its callers.
    pub edge: Edge,
}

/// The service as a router. Call it inside a runtime: it starts the task that watches checkpoints.
pub fn router(api: &Api) -> Router {
    router_until(api, imports::UnderWay::none(), CancellationToken::new())
}

/// The service as a router, whose endless answers end when it is told to stop, and whose imports go on.
fn router_until(api: &Api, under_way: imports::UnderWay, stop: CancellationToken) -> Router {
    let origins = api.edge.origins();
    let callers = access::Callers::new(api.vault.clone(), api.journal.clone(), api.clock, origins);
    let guard = Arc::new(guard::Guard::new(
        callers.clone(),
        operations::Operations::of(&openapi()),
        api.limits,
        state::Clock(api.clock),
    ));
    let (routes, _) = contract::routes().split_for_parts();
    let router = routes
        .merge(contract::pages())
        .with_state(state::Parts::new(api, callers, under_way, stop))
        .layer(middleware::from_fn_with_state(guard, guard::guard));
    // Outside of the guard: a browser asks whether it may ask before it has any credential to show.
    match api.edge.cors() {
        Some(cors) => router.layer(cors),
        None => router,
    }
}

/// Serves until it is told to stop, then lets open requests end, and imports whose callers are gone.
///
/// # Errors
/// Where the listener itself is broken.
pub async fn serve(listener: TcpListener, api: Api, stop: CancellationToken) -> io::Result<()> {
    let under_way = imports::UnderWay::none();
    let router = router_until(&api, under_way.clone(), stop.clone());
    server::serve(listener, router, api.limits, &api.edge, async move { under_way.ended().await }, stop).await
}
