//! Which passages fit a question best.
//!
//! A database's word index knows quickly which passages have a word, and how many; in what order it would put them is its
//! own affair, and another in each. So it is asked for candidates and for counts, and what comes first is decided here: on
//! every database alike.
//!
//! The measure is BM25 over three fields. A word says more the fewer passages have it; having it again says less each
//! time; in a heading it says more than in the text, and in a listing less. Words that stand near each other, as in the
//! question they do, say a little more. Of the best, no lesson fills all places: what the second passage of a lesson adds
//! is mostly less than what another lesson can.

mod reading;
mod sought;
mod stem;

use std::collections::HashMap;

pub use sought::{Sought, SoughtWord};

use self::reading::Reading;
use crate::{
    courses::{Passage, PassageScope},
    ids::LessonId,
};

/// How soon having a word again says no more.
const SATURATION: f64 = 1.2;
/// How much a long text is held against its words: 0 not at all, 1 in full.
const LENGTH: f64 = 0.5;
/// Words of a passage of usual length.
const USUAL_LENGTH: f64 = 100.0;
/// What a word in the lesson's title counts beside one in the text.
const TITLE: f64 = 1.0;
/// What a word in the heading counts.
const HEADING: f64 = 2.0;
/// What it counts that two words are next to each other, as a share of what the commoner one says.
const NEARNESS: f64 = 0.3;
/// Words farther from each other than this have nothing to do with each other.
const NEAR: usize = 8;
/// What is left of a passage's worth if its lesson has one among the chosen.
const SECOND: f64 = 0.85;
/// What a part of a name says beside a word that stands for itself.
const PART: f64 = 0.5;
/// How many passages of one lesson are chosen while others have any.
const OF_ONE_LESSON: usize = 2;

/// How common the words are in the scope of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WordCounts {
    /// How many passages there are.
    pub passages: u64,
    /// How many of them have each word of [`Sought::words`]. `None` where there are too many to be counted: the candidates
    /// tell then.
    pub having: Vec<Option<u64>>,
}

impl WordCounts {
    /// The counts of a scope that has these passages.
    pub fn of(sought: &Sought, passages: &[Passage]) -> Self {
        let mut having = vec![0; sought.words().len()];
        for passage in passages {
            let reading = Reading::of(passage, sought);
            for (word, count) in having.iter_mut().enumerate() {
                *count += u64::from(reading.has(word));
            }
        }
        let number = passages.len().try_into().unwrap_or(u64::MAX);
        Self { passages: number, having: having.into_iter().map(Some).collect() }
    }
}

impl Sought {
    /// Whether a passage has any of the words in its lesson's title, its heading or its text.
    pub fn is_in(&self, passage: &Passage) -> bool {
        let reading = Reading::of(passage, self);
        (0..self.words().len()).any(|word| reading.has(word))
    }
}

/// The best of the candidates, best first, at most `limit`.
///
/// The order is the same whatever the order of the candidates. But in a search of one lesson, two passages of a lesson are
/// chosen at most, unless nothing else is left to fill the places with. A candidate is never passed over for having none
/// of the words: the index that named it may know other forms of them.
pub fn best_passages(
    sought: &Sought,
    counts: &WordCounts,
    candidates: Vec<Passage>,
    scope: PassageScope,
    limit: u8,
) -> Vec<Passage> {
    let readings: Vec<Reading> = candidates.iter().map(|passage| Reading::of(passage, sought)).collect();
    let worths = Worths::new(sought, counts, &readings);
    let mut rated: Vec<(f64, Passage)> = readings.iter().map(|reading| worths.of(reading)).zip(candidates).collect();
    rated.sort_by(|(a, one), (b, other)| b.total_cmp(a).then_with(|| one.id.cmp(&other.id)));
    let is_spread = !matches!(scope, PassageScope::Lesson(_));
    chosen(rated, is_spread, usize::from(limit))
}

/// What the words and signs of a question are worth.
struct Worths {
    words: Vec<f64>,
    signs: Vec<f64>,
}

impl Worths {
    fn new(sought: &Sought, counts: &WordCounts, readings: &[Reading]) -> Self {
        let candidates = number(readings.len());
        let all = float(counts.passages).max(candidates);
        let share = |having: usize| number(having) / candidates.max(1.0);
        let words = sought.words().iter().enumerate().map(|(word, sought)| {
            let counted = counts.having.get(word).copied().flatten().map(float);
            let having = counted.unwrap_or_else(|| all * share(readings.iter().filter(|r| r.has(word)).count()));
            rarity(having.min(all), all) * if sought.is_part { PART } else { 1.0 }
        });
        // No index knows them.
        let signs = (0..sought.signs.len())
            .map(|sign| rarity(number(readings.iter().filter(|r| r.signs[sign] > 0.0).count()), candidates));
        Self { words: words.collect(), signs: signs.collect() }
    }

    fn of(&self, reading: &Reading) -> f64 {
        let long = 1.0 - LENGTH + LENGTH * reading.length / USUAL_LENGTH;
        let words = self.words.iter().enumerate().map(|(word, worth)| {
            let often =
                reading.in_text[word] / long + TITLE * reading.in_title[word] + HEADING * reading.in_heading[word];
            worth * saturated(often)
        });
        let signs = self.signs.iter().zip(&reading.signs).map(|(worth, often)| worth * saturated(often / long));
        words.sum::<f64>() + signs.sum::<f64>() + NEARNESS * self.nearness(reading)
    }

    /// Each two words that stand near each other, by the worth of the commoner one.
    fn nearness(&self, reading: &Reading) -> f64 {
        let there: Vec<usize> = (0..self.words.len()).filter(|word| !reading.places[*word].is_empty()).collect();
        let mut sum = 0.0;
        for (n, one) in there.iter().enumerate() {
            for other in &there[n + 1..] {
                if let Some(distance) = distance(&reading.places[*one], &reading.places[*other]) {
                    sum += self.words[*one].min(self.words[*other]) / number(distance);
                }
            }
        }
        sum
    }
}

/// How much it says of a passage to have what so many of all have.
fn rarity(having: f64, all: f64) -> f64 {
    (1.0 + (all - having + 0.5) / (having + 0.5)).ln()
}

fn saturated(often: f64) -> f64 {
    often * (SATURATION + 1.0) / (often + SATURATION)
}

/// The smallest distance of two words, of which each stands at one or more places in ascending order; `None` if they are
/// not near.
fn distance(one: &[usize], other: &[usize]) -> Option<usize> {
    let (mut a, mut b) = (0, 0);
    let mut least = usize::MAX;
    while let (Some(x), Some(y)) = (one.get(a), other.get(b)) {
        least = least.min(x.abs_diff(*y));
        if x < y { a += 1 } else { b += 1 }
    }
    (least <= NEAR).then_some(least)
}

/// The first of the rated ones, so that lessons take turns if `is_spread`. One after the other, always the best of those
/// that are left.
fn chosen(mut rated: Vec<(f64, Passage)>, is_spread: bool, limit: usize) -> Vec<Passage> {
    let mut chosen = Vec::with_capacity(limit.min(rated.len()));
    let mut taken: HashMap<LessonId, usize> = HashMap::new();
    while chosen.len() < limit && !rated.is_empty() {
        let mut best: Option<(f64, usize)> = None;
        for (at, (worth, passage)) in rated.iter().enumerate() {
            // They are in order: nothing behind can be worth more.
            if best.is_some_and(|(best, _)| *worth <= best) {
                break;
            }
            let before = taken.get(&passage.lesson).copied().unwrap_or_default();
            if is_spread && before >= OF_ONE_LESSON {
                continue;
            }
            let worth = if is_spread && before > 0 { worth * SECOND } else { *worth };
            if best.is_none_or(|(best, _)| worth > best) {
                best = Some((worth, at));
            }
        }
        // Nothing but third passages: better they than none.
        let (_, passage) = rated.remove(best.map_or(0, |(_, at)| at));
        *taken.entry(passage.lesson).or_default() += 1;
        chosen.push(passage);
    }
    chosen
}

fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

fn float(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

#[cfg(test)]
mod tests;
