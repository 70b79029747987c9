//! `traceparent` and `tracestate` (W3C Trace Context, version 00).

use std::sync::Arc;

use actix_web::http::header::HeaderMap;
use lyceum_domain::ids::IdGenerator as _;

use crate::ambient::UuidV7Ids;

/// The longest `tracestate` that is passed on; at least 512 characters have to be.
const MAX_STATE: usize = 1024;

/// A place in a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    pub(super) trace: u128,
    pub(super) span: u64,
    pub(super) is_sampled: bool,
    pub(super) state: Option<Arc<str>>,
}

impl TraceContext {
    /// What a request says. What cannot be read counts as not said, and a trace's state as nothing without the trace.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut parents = headers.get_all("traceparent");
        let parent = parents.next()?.to_str().ok()?;
        if parents.next().is_some() {
            return None;
        }
        let states: Vec<_> = headers.get_all("tracestate").filter_map(|value| value.to_str().ok()).collect();
        let state = states.join(",");
        let has_state = !state.is_empty() && state.len() <= MAX_STATE;
        Some(Self { state: has_state.then(|| state.into()), ..Self::parse(parent)? })
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        // Later versions may say more; the first one says no more than this.
        if version == "ff" || (version == "00" && parts.next().is_some()) || !is_hex(version, 2) {
            return None;
        }
        if !(is_hex(trace, 32) && is_hex(span, 16) && is_hex(flags, 2)) {
            return None;
        }
        let (trace, span) = (u128::from_str_radix(trace, 16).ok()?, u64::from_str_radix(span, 16).ok()?);
        let flags = u8::from_str_radix(flags, 16).ok()?;
        (trace != 0 && span != 0).then_some(Self { trace, span, is_sampled: flags & 1 == 1, state: None })
    }

    /// A new trace, which nobody records.
    pub fn fresh() -> Self {
        // The second half of these ids is the random one, and never zero.
        let (_, span) = UuidV7Ids.next().as_u64_pair();
        Self { trace: UuidV7Ids.next().as_u128(), span, is_sampled: false, state: None }
    }

    /// The id of the trace: 32 hexadecimal digits.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace)
    }

    /// The headers that say so.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let flags = u8::from(self.is_sampled);
        let parent = format!("00-{:032x}-{:016x}-{flags:02x}", self.trace, self.span);
        let state = self.state.as_deref().map(|state| ("tracestate", state.to_owned()));
        [("traceparent", parent)].into_iter().chain(state).collect()
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    #[test]
    fn what_is_read_is_written_again() {
        for flags in ["00", "01"] {
            let text = format!("00-{TRACE}-{SPAN}-{flags}");
            let read = TraceContext::parse(&text).expect("a trace");
            assert_eq!(read.headers(), [("traceparent", text)]);
            assert_eq!(read.trace_id(), TRACE);
        }
        let later = TraceContext::parse(&format!("cc-{TRACE}-{SPAN}-03-what-comes")).expect("a trace");
        assert_eq!(later.headers()[0].1, format!("00-{TRACE}-{SPAN}-01"), "what only later versions know is dropped");
    }

    #[test]
    fn what_is_no_trace_is_none() {
        let zeros = "0".repeat(32);
        for bad in [
            String::new(),
            "00".to_owned(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("0-{TRACE}-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{zeros}-{SPAN}-01"),
            format!("00-{TRACE}-{}-01", &zeros[..16]),
            format!("00-{TRACE}-{SPAN}-+1"),
            format!("00-{TRACE} -{SPAN}-01"),
        ] {
            assert_eq!(TraceContext::parse(&bad), None, "{bad:?}");
        }
    }
}
