//! Bounds on what strangers and friends may ask of one process. Bounds of single fields stand with their types.

use std::time::Duration;

/// The bounds of one process; [`Limits::default`] is what a small machine bears.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long a request may take. Longer than the journal's own deadline for a command, so that the journal's more
    /// precise answer comes first. Default: 15 s.
    pub request_time: Duration,
    /// Requests that are worked on at once; more are refused at once. Default: 2,048.
    pub requests_in_flight_max: usize,
    /// Connections that are open at once; more wait to be taken. Default: 8,192.
    pub connections_max: usize,
    /// How long a connection may take to send a request's headers, or be idle between requests. Default: 60 s.
    pub headers_time: Duration,
    /// Bytes of a request's line and headers. Default: 32 KiB.
    pub headers_bytes_max: usize,
    /// How long open requests, and imports whose callers are gone, may go on when the server stops. Default: 20 s.
    pub drain_time: Duration,
    /// Computations of figures that run at once; more wait. Default: one for each core.
    pub figures_at_once: usize,
    /// Computations that wait for their turn; more are refused at once. Default: 256.
    pub computations_waiting_max: usize,
    /// Requests of one caller a minute, all at once or evenly; more are refused until there is room. Default: 60,000.
    pub requests_per_minute: u32,
    /// Tries a minute to log in or to choose a password from one network address. Default: 30.
    pub logins_per_minute: u32,
    /// Bytes of prices that are kept in memory; those that were asked for least recently leave. Default: 256 MiB.
    pub price_cache_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_time: Duration::from_secs(15),
            requests_in_flight_max: 2_048,
            connections_max: 8_192,
            headers_time: Duration::from_secs(60),
            headers_bytes_max: 32 * 1024,
            drain_time: Duration::from_secs(20),
            figures_at_once: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            computations_waiting_max: 256,
            requests_per_minute: 60_000,
            logins_per_minute: 30,
            price_cache_bytes_max: projections::price_cache::PRICE_CACHE_BYTES_MAX,
        }
    }
}
