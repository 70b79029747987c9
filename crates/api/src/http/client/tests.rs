//! Who the client is: by example, and whatever it writes.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

const LIST: HeaderName = header::X_FORWARDED_FOR;
const ELEMENTS: HeaderName = header::FORWARDED;

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn proxies() -> Proxies {
    let trusted = ["10.0.0.0/8", "fd00::/8", "::ffff:192.168.7.0/120"];
    Proxies::new(&trusted.map(|network| network.parse().expect("a network")), false)
}

fn headers(lines: &[(HeaderName, &str)]) -> HeaderMap {
    let lines = lines.iter().map(|(name, line)| (name.clone(), HeaderValue::from_str(line).expect("a line")));
    lines.collect()
}

fn client_of(peer: &str, lines: &[(HeaderName, &str)]) -> String {
    proxies().client(ip(peer), &headers(lines)).to_string()
}

#[test]
fn who_is_no_proxy_of_ours_is_the_client_whatever_it_says() {
    for peer in ["203.0.113.9", "192.168.8.1", "2001:db8::9", "::1"] {
        assert_eq!(client_of(peer, &[(LIST, "198.51.100.1"), (ELEMENTS, "for=198.51.100.1")]), peer);
    }
    assert_eq!(client_of("::ffff:203.0.113.9", &[]), "203.0.113.9");
}

#[test]
fn what_proxies_of_ours_write_is_walked_from_the_right() {
    for (line, client) in [
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9:4711", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("198.51.100.1,203.0.113.9 ,\t10.0.0.2", "203.0.113.9"),
        ("203.0.113.9, fd00::2, 192.168.7.3, ::ffff:10.0.0.2", "203.0.113.9"),
        ("2001:db8::9", "2001:db8::9"),
        ("[2001:DB8::9]", "2001:db8::9"),
        ("[2001:db8::9]:4711", "2001:db8::9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        // Somebody in our own network.
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        // What cannot be read ends the walk.
        ("198.51.100.1, unknown, 10.0.0.2", "10.0.0.2"),
        ("198.51.100.1, _hidden", "10.0.0.1"),
        ("198.51.100.1, ", "10.0.0.1"),
        ("", "10.0.0.1"),
        ("198.51.100.1, 203.0.113.9:", "10.0.0.1"),
        ("198.51.100.1, 203.0.113.9:port", "10.0.0.1"),
        ("198.51.100.1, 203.0.113.09", "10.0.0.1"),
        ("198.51.100.1, [2001:db8::9", "10.0.0.1"),
        ("198.51.100.1, [203.0.113.9]", "10.0.0.1"),
        ("198.51.100.1, fe80::1%eth0", "10.0.0.1"),
        ("198.51.100.1, unix:", "10.0.0.1"),
    ] {
        assert_eq!(client_of("10.0.0.1", &[(LIST, line)]), client, "{line:?}");
    }
}

#[test]
fn the_standard_header_is_read_to_the_letter_and_a_little_beyond() {
    for (line, client) in [
        ("for=203.0.113.9", "203.0.113.9"),
        ("For=\"203.0.113.9:4711\"", "203.0.113.9"),
        ("for=\"203.0.113.9:_port\";proto=https", "203.0.113.9"),
        ("for=\"[2001:db8::9]:4711\"", "2001:db8::9"),
        ("for=\"[2001:db8::9]\"; by=\"_a\\\"b,c;for=\";host=\"x.example:80\"", "2001:db8::9"),
        ("proto=http;by=10.0.0.2;FOR=203.0.113.9", "203.0.113.9"),
        ("for=198.51.100.1, for=203.0.113.9;;by=10.0.0.1;", "203.0.113.9"),
        ("for=203.0.113.9, for=\"[fd00::2]\" ,for=10.0.0.2", "203.0.113.9"),
        ("for=198.51.100.1;x=\", for=\"203.0.113.9", "10.0.0.1"),
        // A quote that is open further left swallows nothing.
        ("for=198.51.100.1;x=\", for=\"[2001:db8::9]\"", "2001:db8::9"),
        ("for=198.51.100.1;x=\"\\, for=203.0.113.9", "203.0.113.9"),
        // Written as no standard has it, but plain.
        ("for=[2001:db8::9]:80", "2001:db8::9"),
        ("for=2001:db8::9", "2001:db8::9"),
        // What cannot be read ends the walk.
        ("for=198.51.100.1, for=unknown, for=10.0.0.2", "10.0.0.2"),
        ("for=198.51.100.1, for=_hidden", "10.0.0.1"),
        ("for=198.51.100.1, for=\"_SEVKISEK\"", "10.0.0.1"),
        ("for=198.51.100.1, proto=https", "10.0.0.1"),
        ("for=198.51.100.1, for=203.0.113.9;for=203.0.113.8", "10.0.0.1"),
        ("for=198.51.100.1, for=\"203.0.113.9\"x", "10.0.0.1"),
        ("for=198.51.100.1, for=203.0.113.9\"", "10.0.0.1"),
        ("for=198.51.100.1, 203.0.113.9", "10.0.0.1"),
        ("for=198.51.100.1, ", "10.0.0.1"),
        ("for=", "10.0.0.1"),
    ] {
        assert_eq!(client_of("10.0.0.1", &[(ELEMENTS, line)]), client, "{line:?}");
    }
}

#[test]
fn lines_of_one_name_are_one_list() {
    assert_eq!(client_of("10.0.0.1", &[(LIST, "198.51.100.1"), (LIST, "203.0.113.9, 10.0.0.2")]), "203.0.113.9");
    assert_eq!(client_of("10.0.0.1", &[(LIST, "198.51.100.1, 203.0.113.9"), (LIST, "10.0.0.2")]), "203.0.113.9");
    assert_eq!(client_of("10.0.0.1", &[(ELEMENTS, "for=\""), (ELEMENTS, "for=203.0.113.9")]), "203.0.113.9");
}

#[test]
fn of_two_headers_that_differ_neither_is_believed() {
    let both = |list, elements| client_of("10.0.0.1", &[(LIST, list), (ELEMENTS, elements)]);
    assert_eq!(both("203.0.113.9", "for=203.0.113.9"), "203.0.113.9");
    assert_eq!(both("1.1.1.1, 203.0.113.9", "for=2.2.2.2, for=\"203.0.113.9:80\""), "203.0.113.9");
    assert_eq!(both("203.0.113.9", "for=198.51.100.1"), "10.0.0.1");
    assert_eq!(both("203.0.113.9", "for=unknown"), "10.0.0.1");
}

#[test]
fn a_proxy_that_nobody_named_is_told_of_once_in_production() {
    let forwarded = headers(&[(LIST, "203.0.113.9")]);
    let strangers = |is_production| Proxies::new(&["10.0.0.0/8".parse().expect("a network")], is_production);
    let told = |proxies: &Proxies, peer: &str, headers: &HeaderMap| proxies.is_unnamed_proxy(ip(peer), headers);
    for peer in ["172.18.0.1", "127.0.0.1", "100.64.3.2", "fd12::1", "fe80::1", "::1"] {
        let production = strangers(true);
        assert!(!told(&production, peer, &HeaderMap::new()), "{peer}: nothing was forwarded");
        assert!(!told(&production, "203.0.113.9", &forwarded), "a client that pretends");
        assert!(told(&production, peer, &forwarded), "{peer}");
        assert!(!told(&production, peer, &forwarded), "{peer}: it was told before");
        assert!(!told(&strangers(false), peer, &forwarded), "{peer}: a developer's own proxy");
    }
}

/// How a proxy writes down who connected to it. The other header it passes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Habit {
    List,
    Elements,
}

#[derive(Debug, Clone)]
struct Proxy {
    address: IpAddr,
    habit: Habit,
    has_port: bool,
    on_own_line: bool,
    more: &'static str,
}

impl Proxy {
    /// What is sent on, to whoever sees this proxy as the other end of the connection.
    fn pass_on(&self, from: IpAddr, lines: &mut Vec<(Habit, Vec<u8>)>) {
        let node = match (from, self.has_port) {
            (IpAddr::V4(v4), false) => v4.to_string(),
            (IpAddr::V4(v4), true) => format!("{v4}:4711"),
            (IpAddr::V6(v6), false) if self.habit == Habit::List => v6.to_string(),
            (IpAddr::V6(v6), false) => format!("[{v6}]"),
            (IpAddr::V6(v6), true) => format!("[{v6}]:4711"),
        };
        let written = match self.habit {
            Habit::List => node,
            Habit::Elements if node.contains(':') => format!("for=\"{node}\"{}", self.more),
            Habit::Elements => format!("for={node}{}", self.more),
        };
        match lines.iter_mut().rev().find(|(habit, _)| *habit == self.habit) {
            Some((_, line)) if !self.on_own_line => {
                line.extend_from_slice(b", ");
                line.extend_from_slice(written.as_bytes());
            }
            _ => lines.push((self.habit, written.into_bytes())),
        }
    }
}

fn outside() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        (0..=255_u8).prop_map(|last| IpAddr::from([203, 0, 113, last])),
        (0..=255_u16).prop_map(|last| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last])),
    ]
}

fn proxy(habit: impl Strategy<Value = Habit>) -> impl Strategy<Value = Proxy> {
    let address = prop_oneof![
        (0..=255_u8).prop_map(|last| IpAddr::from([10, 0, 0, last])),
        (0..=255_u16).prop_map(|last| IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, last])),
    ];
    let more = select(vec!["", ";proto=https", ";by=\"_a,b\\\"c\";host=\"x.example\""]);
    (address, habit, any::<bool>(), any::<bool>(), more)
        .prop_map(|(address, habit, has_port, on_own_line, more)| Proxy { address, habit, has_port, on_own_line, more })
}

/// What somebody writes who wants to be taken for somebody else.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let known = select(vec![
        "198.51.100.1",
        "10.0.0.7",
        "[fd00::7]:1",
        "[",
        "]",
        "\"",
        "\\",
        "\\\"",
        ",",
        ", ",
        ";",
        "=",
        "for=",
        "For=\"",
        "for",
        ";by=\"",
        "unknown",
        "_hidden",
        "x=\"",
        " ",
        ":",
        "::",
    ]);
    let piece = prop_oneof![
        8 => known.prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(prop_oneof![32..127_u8, 128..=255_u8], 0..6),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn hostile_lines(habit: impl Strategy<Value = Habit>) -> impl Strategy<Value = Vec<(Habit, Vec<u8>)>> {
    vec((habit, hostile()), 0..4)
}

/// Who the client is after all proxies, the nearest to it first.
fn seen(client: IpAddr, wrote: Vec<(Habit, Vec<u8>)>, chain: &[Proxy]) -> IpAddr {
    let mut lines = wrote;
    let mut from = client;
    for proxy in chain {
        proxy.pass_on(from, &mut lines);
        from = proxy.address;
    }
    let lines = lines.into_iter().map(|(habit, line)| {
        let name = if habit == Habit::List { LIST } else { ELEMENTS };
        (name, HeaderValue::from_bytes(&line).expect("a line"))
    });
    proxies().client(from, &lines.collect())
}

fn either() -> impl Strategy<Value = Habit> + Clone {
    select(vec![Habit::List, Habit::Elements])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn proxies_of_one_habit_lead_to_the_client(
        (wrote, chain) in either().prop_flat_map(|habit| {
            (hostile_lines(Just(habit)), vec(proxy(Just(habit)), 1..4))
        }),
        client in outside(),
    ) {
        prop_assert_eq!(seen(client, wrote, &chain), client);
    }

    #[test]
    fn whatever_a_client_writes_it_is_itself_or_a_proxy_of_ours(
        wrote in hostile_lines(either()),
        chain in either().prop_flat_map(|habit| vec(proxy(Just(habit)), 1..4)),
        client in outside(),
    ) {
        let seen = seen(client, wrote, &chain);
        prop_assert!(seen == client || seen == chain[chain.len() - 1].address, "{} is seen as {}", client, seen);
    }

    #[test]
    fn proxies_of_different_habits_lead_to_nobody_else(
        wrote in hostile_lines(either()),
        chain in vec(proxy(either()), 1..5),
        client in outside(),
    ) {
        let seen = seen(client, wrote, &chain);
        let is_ours = chain.iter().any(|proxy| proxy.address == seen);
        prop_assert!(seen == client || is_ours, "{} is seen as {}", client, seen);
    }

    #[test]
    fn whoever_comes_past_the_proxies_is_themselves(wrote in hostile_lines(either()), client in outside()) {
        prop_assert_eq!(seen(client, wrote, &[]), client);
    }
}

#[test]
fn much_is_read_in_little_time() {
    let long = |piece: &str| piece.repeat(200_000 / piece.len());
    let lines = [
        (LIST, long("10.0.0.2,")),
        (LIST, long(",")),
        (LIST, long("1")),
        (ELEMENTS, long("for=10.0.0.2,")),
        (ELEMENTS, long("\\")),
        (ELEMENTS, long("\"")),
        (ELEMENTS, long("\\\"")),
        (ELEMENTS, format!("for=\"{}\"", long("\\\\"))),
        (ELEMENTS, long("x=1;")),
        (ELEMENTS, long(";")),
    ];
    let started = std::time::Instant::now();
    for (name, line) in &lines {
        let client = client_of("10.0.0.1", &[(name.clone(), line)]);
        assert!(client == "10.0.0.1" || client == "10.0.0.2", "{client}");
    }
    // Were the time that of the square of their length, it would be minutes.
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
}
