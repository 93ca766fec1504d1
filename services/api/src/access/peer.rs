//! From where a request came.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use ipnet::IpNet;

use crate::problem::Problem;

/// Where proxies note for whom they ask: each adds, at the end, the address that it was asked from.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// From where a request came: through trusted proxies, from where it came to the first of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

impl Peer {
    /// The peer behind this connection. Only what a trusted proxy wrote is believed, from the last hop to the first:
    /// everything before that is the caller's own claim.
    #[must_use]
    pub fn of(connection: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> Self {
        let mut peer = connection.to_canonical();
        let hops = headers.get_all(FORWARDED_FOR).iter().rev();
        // A line that is no text is a hop that names no address, and what stood before it is not looked at.
        let mut hops = hops.flat_map(|line| line.to_str().unwrap_or_default().rsplit(',').map(str::trim));
        while proxies.iter().any(|proxy| proxy.contains(&peer)) {
            // A proxy that says nothing or nonsense asks for itself.
            let Some(before) = hops.next().and_then(address) else { break };
            peer = before;
        }
        Self(peer)
    }

    /// What counts as one neighbour: an address of IPv4, a network of IPv6, of which everybody has 2^64 addresses.
    pub(super) fn neighbour(self) -> IpAddr {
        match self.0 {
            IpAddr::V4(_) => self.0,
            IpAddr::V6(address) => match address.to_ipv4_mapped() {
                Some(address) => IpAddr::V4(address),
                None => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
            },
        }
    }
}

/// The address that a hop names, with or without its port.
fn address(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|hop| hop.split_once(']')).map_or(hop, |(address, _)| address);
    let found = bare.parse().ok().or_else(|| hop.parse().ok().map(|address: std::net::SocketAddr| address.ip()));
    found.map(|address: IpAddr| address.to_canonical())
}

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Without a connection, as in a test of the router alone, all are one neighbour.
        Ok(parts.extensions.get().copied().unwrap_or(Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED))))
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use axum::http::{HeaderMap, HeaderValue};
    use ipnet::IpNet;

    use super::{FORWARDED_FOR, Peer};

    fn peer(connection: &str, forwarded: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(FORWARDED_FOR, HeaderValue::from_static(line));
        }
        let proxies: Vec<IpNet> = ["10.0.0.0/8", "2001:db8:ffff::/48"].map(|net| net.parse().unwrap()).to_vec();
        Peer::of(connection.parse().unwrap(), &headers, &proxies).0.to_string()
    }

    #[test]
    fn a_stranger_s_word_about_where_they_come_from_is_not_believed() {
        assert_eq!(peer("192.0.2.7", &["198.51.100.1"]), "192.0.2.7");
        assert_eq!(peer("192.0.2.7", &[]), "192.0.2.7");
        // Behind a proxy, only the last entry is the proxy's.
        assert_eq!(peer("10.0.0.1", &["198.51.100.1, 192.0.2.7"]), "192.0.2.7");
        assert_eq!(peer("10.0.0.1", &["198.51.100.1", "192.0.2.7"]), "192.0.2.7");
    }

    #[test]
    fn trusted_proxies_in_a_row_are_looked_through() {
        assert_eq!(peer("10.0.0.1", &["198.51.100.1, 192.0.2.7, 10.2.3.4"]), "192.0.2.7");
        assert_eq!(peer("::ffff:10.0.0.1", &["192.0.2.7:4711"]), "192.0.2.7");
        assert_eq!(peer("2001:db8:ffff::1", &["[2001:db8:1::2]:443"]), "2001:db8:1::2");
    }

    #[test]
    fn a_proxy_that_says_nothing_or_nonsense_asks_for_itself() {
        for nonsense in [&[][..], &[""], &["unknown"], &["192.0.2.7, "], &["192.0.2.7.8"]] {
            assert_eq!(peer("10.0.0.1", nonsense), "10.0.0.1", "{nonsense:?}");
        }
        // It was all proxies: the farthest that is known.
        assert_eq!(peer("10.0.0.1", &["10.0.0.2"]), "10.0.0.2");
    }

    #[test]
    fn a_network_of_ipv6_is_one_neighbour_and_an_address_of_ipv4_is_one_too() {
        let neighbour = |text: &str| Peer(text.parse::<IpAddr>().unwrap()).neighbour().to_string();
        assert_eq!(neighbour("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(neighbour("192.0.2.7"), "192.0.2.7");
        assert_eq!(neighbour("::ffff:192.0.2.7"), "192.0.2.7");
    }
}
