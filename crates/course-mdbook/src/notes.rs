//! What was passed over.

use lyceum_domain::courses::PassedOver;

/// A hostile book can make millions of notes; nobody reads more than these.
const MOST: usize = 1_000;

/// The list of what was passed over.
#[derive(Default)]
pub(crate) struct Notes {
    entries: Vec<PassedOver>,
    unlisted: usize,
}

impl Notes {
    pub(crate) fn add(&mut self, place: impl Into<String>, reason: impl Into<String>) {
        if self.entries.len() < MOST {
            self.entries.push(PassedOver { place: place.into(), reason: reason.into() });
        } else {
            self.unlisted += 1;
        }
    }

    pub(crate) fn into_entries(mut self, place: &str) -> Vec<PassedOver> {
        if self.unlisted > 0 {
            let reason = format!("{} more places were passed over; only the first {MOST} are listed.", self.unlisted);
            self.entries.push(PassedOver { place: place.to_owned(), reason });
        }
        self.entries
    }
}

/// A name that somebody else chose, for a message: nothing invisible in it, and not too long.
pub(crate) fn printable(name: &str) -> String {
    const MOST: usize = 80;
    let mut out = String::new();
    for (index, c) in name.chars().enumerate() {
        if index == MOST {
            out.push('…');
            break;
        }
        // Marks that change the direction of writing, or that nobody sees.
        let hidden =
            matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if c.is_control() || hidden {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_messages_are_short_and_visible() {
        assert_eq!(printable("a\u{1b}b\u{202e}ü"), r"a\u{1b}b\u{202e}ü");
        assert_eq!(printable(&"x".repeat(90)), format!("{}…", "x".repeat(80)));
    }
}
