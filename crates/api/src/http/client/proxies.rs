//! Whom to believe about who is behind them.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicBool, Ordering},
};

use actix_web::http::header::{self, HeaderMap, HeaderName};
use ipnet::{IpNet, Ipv4Net};

use super::hops;

/// The most stations that are looked at. Nobody has as many proxies of their own.
const MOST_HOPS: usize = 32;

/// The proxies that stand before this server.
///
/// Each proxy writes down who connected to it, at the right of what it was sent. So the list is walked from the right: the
/// first address that is no proxy of ours is the client's, and whatever stands left of it is only what the client says.
/// What cannot be read ends the walk at the last proxy of ours.
///
/// There are two headers for it, and most proxies write one of them and pass on the other as they got it. Which one the
/// client wrote cannot be known from the request. So if both are there and lead to different addresses, neither is
/// believed: the client is then the proxy that sent the request, which is true of it at least, and less than any client
/// could wish for.
#[derive(Debug, Default)]
pub struct Proxies {
    trusted: Vec<IpNet>,
    is_production: bool,
    told_of_stranger: AtomicBool,
    told_of_difference: AtomicBool,
}

impl Proxies {
    /// From the settings. In production, a proxy that nobody named is told of in the log.
    pub fn new(trusted: &[IpNet], is_production: bool) -> Self {
        Self { trusted: trusted.iter().map(|network| canonical(*network)).collect(), is_production, ..Self::default() }
    }

    /// The client of a request that came from `peer`.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.is_trusted(peer) {
            if self.is_unnamed_proxy(peer, headers) {
                tracing::warn!(
                    %peer,
                    "a proxy seems to stand before this server, so all its clients count as one: set \
                     LYCEUM__SERVER__TRUSTED_PROXIES"
                );
            }
            return peer;
        }
        let listed = self.walk(peer, headers, &header::X_FORWARDED_FOR, hops::of_list);
        let elements = self.walk(peer, headers, &header::FORWARDED, hops::of_elements);
        match (listed, elements) {
            (None, None) => peer,
            (Some(client), None) | (None, Some(client)) => client,
            (Some(one), Some(other)) if one == other => one,
            (Some(_), Some(_)) => {
                if first_time(&self.told_of_difference) {
                    tracing::warn!(
                        %peer,
                        "X-Forwarded-For and Forwarded name different clients, so neither is believed: let the proxy remove \
                         the one that it does not write"
                    );
                }
                peer
            }
        }
    }

    /// Who a header says the client is; `None` if it is not there.
    fn walk<'a, H: Iterator<Item = Option<IpAddr>>>(
        &self,
        peer: IpAddr,
        headers: &'a HeaderMap,
        name: &HeaderName,
        hops: impl Fn(&'a [u8]) -> H,
    ) -> Option<IpAddr> {
        let lines: Vec<_> = headers.get_all(name).collect();
        if lines.is_empty() {
            return None;
        }
        let mut last = peer;
        for hop in lines.into_iter().rev().flat_map(|line| hops(line.as_bytes())).take(MOST_HOPS) {
            match hop {
                Some(address) if self.is_trusted(address) => last = address,
                Some(address) => return Some(address),
                None => break,
            }
        }
        Some(last)
    }

    fn is_trusted(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&address))
    }

    /// Whether a proxy that nobody named seems to have sent this, and this is the first time.
    pub(super) fn is_unnamed_proxy(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        self.is_production
            && is_private(peer)
            && (headers.contains_key(header::X_FORWARDED_FOR) || headers.contains_key(header::FORWARDED))
            && first_time(&self.told_of_stranger)
    }
}

/// Says yes once.
fn first_time(told: &AtomicBool) -> bool {
    // Most often it was told long ago; a write would be for all cores to hear.
    !told.load(Ordering::Relaxed) && !told.swap(true, Ordering::Relaxed)
}

/// Addresses are compared in their shortest form, so networks must have it too.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(v6) = network else { return network };
    match (v6.addr().to_ipv4_mapped(), v6.prefix_len().checked_sub(96)) {
        (Some(v4), Some(length)) => Ipv4Net::new(v4, length).map_or(network, IpNet::V4),
        _ => network,
    }
}

/// Whether an address is of a network of one's own, where no client of the wide world is.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            // What a provider keeps between itself and its customers (RFC 6598).
            let is_shared = a == 100 && (64..128).contains(&b);
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || is_shared
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}
