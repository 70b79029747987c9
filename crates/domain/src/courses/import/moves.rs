//! Which lessons moved, and which only made room.

use std::collections::{HashMap, HashSet};

use crate::{
    courses::{Lesson, LessonDraft},
    ids::LessonId,
};

/// Where the lessons of a course stood.
pub(super) struct Places<'a>(HashMap<LessonId, Place<'a>>);

struct Place<'a> {
    /// Its rank in reading order, from 0.
    rank: usize,
    number: Option<&'a str>,
    part: Option<&'a str>,
    parent: Option<LessonId>,
}

impl<'a> Places<'a> {
    pub(super) fn of(lessons: &'a [Lesson]) -> Self {
        let mut live: Vec<&Lesson> = lessons.iter().filter(|l| l.deleted_at.is_none()).collect();
        live.sort_by_key(|l| (l.position, l.id));
        let parents = parents(live.iter().map(|l| (l.depth, Some(l.id))));
        let places = live.iter().zip(parents).enumerate().map(|(rank, (lesson, parent))| {
            let number = lesson.number.as_ref().map(crate::courses::LessonNumber::as_str);
            (lesson.id, Place { rank, number, part: lesson.part.as_deref(), parent: parent.flatten() })
        });
        Self(places.collect())
    }

    /// For each chapter that moved, where it stood: it is out of the order that the others kept, under another chapter,
    /// or in another part.
    pub(super) fn moved(&self, chapters: &[LessonDraft], matches: &[Option<LessonId>]) -> Vec<Option<String>> {
        let before: Vec<Option<&Place<'_>>> = matches.iter().map(|id| self.0.get(&(*id)?)).collect();
        let kept: Vec<(usize, usize)> =
            before.iter().enumerate().filter_map(|(at, place)| Some((at, (*place)?.rank))).collect();
        let in_order: HashSet<usize> = longest_increasing(&kept).into_iter().collect();
        let renamed = renamed_parts(&before, chapters);
        let parents = parents(chapters.iter().zip(matches).map(|(chapter, id)| (chapter.depth, *id)));
        let now = chapters.iter().zip(parents).enumerate();
        before
            .iter()
            .zip(now)
            .map(|(place, (at, (chapter, parent)))| {
                let place = (*place)?;
                let part = chapter.part.as_deref();
                let is_in_part = place.part == part || renamed.contains(&(place.part, part));
                // A new chapter above it is another one than whatever was there.
                let is_under_parent = parent.map_or(place.parent.is_none(), |now| now.is_some() && now == place.parent);
                let stays = in_order.contains(&at) && is_in_part && is_under_parent;
                (!stays).then(|| place.number.map_or_else(|| format!("place {}", place.rank + 1), str::to_owned))
            })
            .collect()
    }
}

/// For each of a sequence of depths what is the nearest before it that is less deep; the outer option is none at the top.
fn parents<T: Copy>(depths: impl Iterator<Item = (u8, T)>) -> impl Iterator<Item = Option<T>> {
    let mut above: Vec<(u8, T)> = Vec::new();
    depths.map(move |(depth, own)| {
        while above.pop_if(|(other, _)| *other >= depth).is_some() {}
        let parent = above.last().map(|(_, parent)| *parent);
        above.push((depth, own));
        parent
    })
}

/// The parts, with their old names and their new, that only have another name: their lessons are the same but for those
/// that came or went.
fn renamed_parts<'a>(
    before: &[Option<&Place<'a>>],
    chapters: &'a [LessonDraft],
) -> HashSet<(Option<&'a str>, Option<&'a str>)> {
    let pairs: HashSet<_> = before
        .iter()
        .zip(chapters)
        .filter_map(|(place, chapter)| Some(((*place)?.part, chapter.part.as_deref())))
        .collect();
    let mut from: HashMap<Option<&str>, usize> = HashMap::new();
    let mut to: HashMap<Option<&str>, usize> = HashMap::new();
    for (old, new) in &pairs {
        *from.entry(*old).or_default() += 1;
        *to.entry(*new).or_default() += 1;
    }
    let is_renamed = |(old, new): &(Option<&str>, Option<&str>)| {
        old.is_some() && new.is_some() && from.get(old) == Some(&1) && to.get(new) == Some(&1)
    };
    pairs.into_iter().filter(is_renamed).collect()
}

/// Of pairs (place now, place before) those places now whose places before increase, as many as can be.
fn longest_increasing(pairs: &[(usize, usize)]) -> Vec<usize> {
    // For each length the pair that ends the sequence of this length with the smallest end, and for each pair the one
    // before it in its sequence.
    let mut ends: Vec<usize> = Vec::new();
    let mut earlier: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (at, (_, before)) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| pairs[*end].1 < *before);
        earlier.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        if length == ends.len() {
            ends.push(at);
        } else {
            ends[length] = at;
        }
    }
    let last = ends.last().copied();
    std::iter::successors(last, |at| earlier[*at]).map(|at| pairs[at].0).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_nearest_above() {
        let found: Vec<_> = parents([(0, 'a'), (1, 'b'), (1, 'c'), (3, 'd'), (2, 'e'), (0, 'f')].into_iter()).collect();
        assert_eq!(found, [None, Some('a'), Some('a'), Some('c'), Some('c'), None]);
    }

    proptest! {
        #[test]
        fn the_longest_sequence(order in Just((0_usize..9).collect::<Vec<_>>()).prop_shuffle()) {
            let pairs: Vec<_> = order.iter().copied().enumerate().collect();
            let found = longest_increasing(&pairs);
            prop_assert!(found.windows(2).all(|two| two[0] > two[1] && order[two[0]] > order[two[1]]));
            // None of all the others is longer.
            let longest = (0_u32..1 << order.len()).filter(|chosen| {
                let sequence: Vec<_> = (0..order.len()).filter(|at| chosen >> at & 1 == 1).map(|at| order[at]).collect();
                sequence.is_sorted()
            });
            prop_assert_eq!(longest.map(u32::count_ones).max(), u32::try_from(found.len()).ok());
        }
    }
}
