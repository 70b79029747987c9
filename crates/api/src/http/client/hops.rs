//! The stations of a request as proxies write them down, read from the right: what stands there was written last, by the
//! nearest of them. Nothing that stands further left changes how it is read.
//!
//! A station that cannot be read is `None`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest text that can be a station: an IPv6 address in brackets with a port, and some room for hidden names.
const LONGEST: usize = 80;

/// One line of `X-Forwarded-For`: addresses with commas between them.
pub(super) fn of_list(line: &[u8]) -> impl Iterator<Item = Option<IpAddr>> {
    line.rsplit(|byte| *byte == b',').map(address)
}

/// One line of `Forwarded` (RFC 7239): elements with commas between them, each of pairs such as `for="[2001:db8::1]"`.
pub(super) fn of_elements(line: &[u8]) -> impl Iterator<Item = Option<IpAddr>> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let (before, element) = split_last(rest.take()?);
        rest = before;
        Some(element.and_then(element_address))
    })
}

/// Takes the last element from a line; a comma between quotes parts nothing. There is nothing before the first, and no
/// element where a quote has no other.
fn split_last(line: &[u8]) -> (Option<&[u8]>, Option<&[u8]>) {
    let mut is_quoted = false;
    let mut at = line.len();
    while at > 0 {
        at -= 1;
        match line[at] {
            b'"' => {
                let before = line[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
                if before % 2 == 0 {
                    is_quoted = !is_quoted;
                }
                at -= before;
            }
            b',' if !is_quoted => return (Some(&line[..at]), Some(&line[at + 1..])),
            _ => {}
        }
    }
    (None, (!is_quoted).then_some(line))
}

/// The address of an element's one `for`.
fn element_address(element: &[u8]) -> Option<IpAddr> {
    let mut found = None;
    let mut rest = element.trim_ascii();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(b";") {
            rest = after.trim_ascii_start();
            continue;
        }
        let equals = rest.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (rest[..equals].trim_ascii(), rest[equals + 1..].trim_ascii_start());
        if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
            return None;
        }
        let is_for = name.eq_ignore_ascii_case(b"for");
        if is_for && found.is_some() {
            return None;
        }
        let node;
        (node, rest) = value_of(value)?;
        if is_for {
            found = Some(address(&node)?);
        }
    }
    found
}

/// A value without its quotes, and what follows: nothing, or the semicolon before the next pair.
fn value_of(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let end = text.iter().position(|byte| *byte == b';').unwrap_or(text.len());
        let value = text[..end].trim_ascii_end();
        return (!value.contains(&b'"')).then(|| (value.to_vec(), &text[end..]));
    };
    let mut value = Vec::with_capacity(LONGEST);
    let mut bytes = quoted.iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => {
                let rest = quoted[at + 1..].trim_ascii_start();
                return (rest.is_empty() || rest.starts_with(b";")).then_some((value, rest));
            }
            b'\\' => value.push(*bytes.next()?.1),
            byte => value.push(*byte),
        }
    }
    None
}

const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}

/// An address with or without a port, an IPv6 one with or without brackets. `unknown` and hidden names are none.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = text.trim_ascii();
    if text.len() > LONGEST {
        return None;
    }
    let text = str::from_utf8(text).ok()?;
    let address = if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let has_end = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        address.parse::<Ipv6Addr>().ok().filter(|_| has_end)?.into()
    } else if let Ok(address) = text.parse::<IpAddr>() {
        address
    } else {
        let (address, port) = text.split_once(':')?;
        address.parse::<Ipv4Addr>().ok().filter(|_| is_port(port))?.into()
    };
    Some(address.to_canonical())
}

/// A number, or a name that hides one.
fn is_port(text: &str) -> bool {
    let is_number = (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_hidden = text.strip_prefix('_').is_some_and(|name| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    });
    is_number || is_hidden
}
