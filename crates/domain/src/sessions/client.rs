//! What is known about where a request comes from.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use crate::text;

/// Where a request comes from: for lists of sessions, for counting failures, for the audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Client {
    /// What it calls itself.
    pub user_agent: Option<String>,
    /// Where it connects from.
    pub address: Option<IpAddr>,
    /// What the request is called in the log.
    pub request_id: Option<String>,
}

impl Client {
    /// The longest user agent that is kept, in characters.
    const USER_AGENT_MAX: usize = 200;

    /// The user agent as it is kept: on one line, shortened.
    pub fn shown_agent(&self) -> Option<String> {
        self.user_agent.as_deref().map(|name| text::shortened(&text::cleaned(name), Self::USER_AGENT_MAX))
    }

    /// The network that it is counted under.
    pub fn network(&self) -> Network {
        Network::of(self.address)
    }
}

/// What one customer of an access provider has: an IPv4 address, or the first 64 bits of an IPv6 address (RFC 6177),
/// within which a client takes whichever it likes. Clients without an address are one network.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network(String);

impl Network {
    /// The network of an address.
    pub fn of(address: Option<IpAddr>) -> Self {
        // An IPv4 client of a socket that takes both.
        Self(match address.map(|address| address.to_canonical()) {
            None => "unknown".to_owned(),
            Some(IpAddr::V4(v4)) => v4.to_string(),
            Some(IpAddr::V6(v6)) => {
                let [a, b, c, d, ..] = v6.segments();
                format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        })
    }

    /// From a row.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// The text, as `203.0.113.7` or `2001:db8:0:1::/64`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_what_one_customer_has() {
        let of = |text: &str| Network::of(Some(text.parse().expect("an address"))).to_string();
        assert_eq!(of("203.0.113.7"), "203.0.113.7");
        assert_eq!(of("::ffff:203.0.113.7"), "203.0.113.7");
        assert_eq!(of("2001:db8:0:1:aaaa::1"), "2001:db8:0:1::/64");
        assert_eq!(of("2001:db8:0:1:bbbb::2"), of("2001:db8:0:1:aaaa::1"));
        assert_ne!(of("2001:db8:0:2::1"), of("2001:db8:0:1::1"));
        assert_eq!(Network::of(None).as_str(), "unknown");
    }
}
