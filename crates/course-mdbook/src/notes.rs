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
