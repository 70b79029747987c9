//! What of the sought words a passage has, and where.

use super::sought::{Sought, code_spans, words};
use crate::courses::{
    Passage,
    passage::{Fence, fence},
};

/// What a word in a listing counts: listings repeat names more often than they tell of them.
const IN_LISTING: f64 = 0.5;

/// A passage, read with a question in mind. Each list has one entry for each word that is sought.
pub(super) struct Reading {
    /// How often each stands in the text.
    pub(super) in_text: Vec<f64>,
    /// How often in the title of the lesson.
    pub(super) in_title: Vec<f64>,
    /// How often in the heading, if that is not the title.
    pub(super) in_heading: Vec<f64>,
    /// At which words of the text it stands, counted from its beginning.
    pub(super) places: Vec<Vec<usize>>,
    /// How often each sign that is sought stands by itself in backticks.
    pub(super) signs: Vec<f64>,
    /// How many words the text has.
    pub(super) length: f64,
}

impl Reading {
    pub(super) fn of(passage: &Passage, sought: &Sought) -> Self {
        let none = vec![0.0; sought.words().len()];
        let mut reading = Self {
            in_text: none.clone(),
            in_title: none.clone(),
            in_heading: none,
            places: vec![Vec::new(); sought.words().len()],
            signs: vec![0.0; sought.signs.len()],
            length: 0.0,
        };
        reading.take_text(&passage.text, sought);
        count(&passage.lesson_title, sought, &mut reading.in_title);
        reading.take_signs(&passage.lesson_title, sought);
        if passage.heading != passage.lesson_title {
            count(&passage.heading, sought, &mut reading.in_heading);
            reading.take_signs(&passage.heading, sought);
        }
        reading
    }

    /// Whether it has a word, wherever.
    pub(super) fn has(&self, word: usize) -> bool {
        self.in_text[word] > 0.0 || self.in_title[word] > 0.0 || self.in_heading[word] > 0.0
    }

    fn take_text(&mut self, text: &str, sought: &Sought) {
        let mut listing: Option<Fence> = None;
        let mut prose = String::new();
        let mut at = 0;
        for line in text.lines() {
            // A listing may stand in a quotation.
            let is_fence = match (listing, fence(line.trim_start_matches(['>', ' ']))) {
                (Some(open), Some((close, is_bare))) if is_bare && open.is_closed_by(close) => {
                    listing = None;
                    true
                }
                (None, Some((open, _))) => {
                    listing = Some(open);
                    true
                }
                _ => false,
            };
            if is_fence {
                continue;
            }
            let weight = if listing.is_some() { IN_LISTING } else { 1.0 };
            let lowered = line.to_lowercase();
            for word in words(&lowered) {
                self.length += weight;
                at += 1;
                if let Some(place) = sought.place(word) {
                    self.in_text[place] += weight;
                    self.places[place].push(at);
                }
            }
            if listing.is_none() {
                prose.push_str(line);
                prose.push('\n');
            }
        }
        self.take_signs(&prose, sought);
    }

    fn take_signs(&mut self, text: &str, sought: &Sought) {
        if sought.signs.is_empty() {
            return;
        }
        for span in code_spans(text) {
            if let Some(place) = sought.signs.iter().position(|sign| sign == span) {
                self.signs[place] += 1.0;
            }
        }
    }
}

fn count(text: &str, sought: &Sought, counts: &mut [f64]) {
    for word in words(&text.to_lowercase()) {
        if let Some(place) = sought.place(word) {
            counts[place] += 1.0;
        }
    }
}
