use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::ids::{CourseId, PassageId};

const SCOPE: PassageScope = PassageScope::Course(CourseId::from_uuid(Uuid::nil()));
const IN_LESSON: PassageScope = PassageScope::Lesson(LessonId::from_uuid(Uuid::nil()));

/// A passage of a lesson of this number, with its title, a heading and a text.
fn passage(id: u128, lesson: u128, [title, heading, text]: [&str; 3]) -> Passage {
    Passage {
        id: PassageId::from_uuid(Uuid::from_u128(id)),
        lesson: LessonId::from_uuid(Uuid::from_u128(lesson)),
        course: CourseId::from_uuid(Uuid::nil()),
        lesson_title: title.to_owned(),
        lesson_number: None,
        heading: if heading.is_empty() { title } else { heading }.to_owned(),
        text: text.to_owned(),
    }
}

/// Passages by these texts, each of a lesson of its own that says nothing by its title.
fn texts(texts: &[&str]) -> Vec<Passage> {
    texts.iter().zip(1..).map(|(text, n)| passage(n, n, ["Untitled", "", text])).collect()
}

/// The ids of the best, if the candidates are all there is.
fn best(question: &str, candidates: &[Passage], scope: PassageScope, limit: u8) -> Vec<u128> {
    let sought = Sought::in_text(question);
    let counts = WordCounts::of(&sought, candidates);
    let best = best_passages(&sought, &counts, candidates.to_vec(), scope, limit);
    best.into_iter().map(|passage| passage.id.as_uuid().as_u128()).collect()
}

fn best_of(question: &str, all: &[&str]) -> u128 {
    best(question, &texts(all), SCOPE, 5)[0]
}

#[test]
fn a_rare_word_says_more_than_a_common_one() {
    let all = ["A value, a value, a value.", "A mutex.", "A value.", "One value more.", "Yet another value."];
    assert_eq!(best_of("How does a mutex keep its value?", &all), 2);
}

#[test]
fn forms_of_a_word_are_one_word() {
    assert_eq!(best_of("How are borrows checked?", &["Nothing of the kind.", "What is borrowed is checked."]), 2);
}

#[test]
fn a_heading_says_more_than_a_text_and_the_title_counts() {
    let all = [
        passage(1, 1, ["Untitled", "", "This is about slices among other things."]),
        passage(2, 2, ["Untitled", "Slices", "This is about other things."]),
        passage(3, 3, ["Untitled", "", "This is about nothing."]),
        passage(4, 4, ["Slices", "Others", "This is about nothing."]),
    ];
    let best = best("What are slices?", &all, SCOPE, 4);
    assert_eq!(best[0], 2);
    assert_eq!(best[3], 3);
}

#[test]
fn a_listing_says_less_than_prose() {
    let listing = "Look:\n\n```rust\nlet thread = spawn();\n```";
    let quoted = "> Look:\n>\n> ```rust\n> let thread = spawn();\n> ```";
    for listing in [listing, quoted] {
        assert_eq!(
            best_of("What is a thread?", &[listing, "Let there be a spawned thread here, so look", "Others."]),
            2
        );
    }
}

#[test]
fn words_that_stand_together_say_more() {
    let apart =
        "The stack is one thing. There is much to be said about it, and all of that at length. An overflow is another.";
    let near = "The one thing is a stack overflow. There is much to be said about it, and all of that at length. So is another.";
    assert_eq!(best_of("What is a stack overflow?", &[apart, near, "Others."]), 2);
}

#[test]
fn signs_are_found_where_they_are_spoken_of() {
    let all = ["An operator, the best operator.", "The `?` operator.", "Is this an operator?", "Others."];
    assert_eq!(best_of("What does the ? operator do?", &all), 2);
    assert_eq!(best_of("What does the question mark as an operator do?", &all), 2);
}

#[test]
fn names_of_code_are_found_by_their_parts() {
    let all = ["A cell holds a value.", "An `unwrap` of a value.", "It is a `RefCell<T>` of a value."];
    assert_eq!(best_of("already borrowed: Rc<RefCell<i32>>", &all), 3);
    assert_eq!(best_of("value.unwrap_or_else()", &all), 2);
}

#[test]
fn a_lesson_does_not_fill_all_places() {
    let word = "Ownership is a word that all have.";
    let mut all: Vec<Passage> = (1..=5).map(|n| passage(n, 1, ["Ownership", "", word])).collect();
    all.extend([passage(6, 2, ["Others", "", word]), passage(7, 3, ["Others", "", word])]);
    assert_eq!(best("What is ownership?", &all, SCOPE, 5), [1, 6, 7, 2, 3], "what is left fills the places");
    assert_eq!(best("What is ownership?", &all, SCOPE, 2)[0], 1);
    assert_eq!(best("What is ownership?", &all, IN_LESSON, 5), [1, 2, 3, 4, 5]);
}

#[test]
fn a_second_passage_must_be_clearly_better_than_another_lessons_first() {
    let all = [
        passage(1, 1, ["Untitled", "", "A trait."]),
        passage(2, 1, ["Untitled", "", "A trait and more"]),
        passage(3, 2, ["Untitled", "", "A trait and some more"]),
        passage(4, 3, ["Untitled", "", "Others."]),
    ];
    assert_eq!(best("What is a trait?", &all, SCOPE, 3), [1, 3, 2]);
    assert_eq!(best("What is a trait?", &all, IN_LESSON, 3), [1, 2, 3]);
}

#[test]
fn where_a_word_is_too_common_to_be_counted_the_candidates_tell() {
    let all = texts(&["A value.", "The value of a mutex.", "Value and value.", "A value or two."]);
    let sought = Sought::in_text("value mutex");
    let ids = |having| {
        let counts = WordCounts { passages: 1000, having };
        let best = best_passages(&sought, &counts, all.clone(), SCOPE, 4);
        best.into_iter().map(|passage| passage.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(vec![None, Some(1)]), ids(vec![Some(1000), Some(1)]));
    assert_eq!(ids(vec![None, None])[0], all[1].id);
}

#[test]
fn a_candidate_without_any_of_the_words_is_kept_and_comes_last() {
    assert_eq!(best("naïve", &texts(&["So naive.", "So naïve."]), SCOPE, 5), [2, 1]);
}

#[test]
fn equal_passages_come_in_the_order_of_their_ids() {
    let mut all = texts(&["The same text."; 4]);
    all.reverse();
    assert_eq!(best("text", &all, SCOPE, 3), [1, 2, 3]);
}

fn some_passages() -> impl Strategy<Value = Vec<Passage>> {
    let words = prop::sample::select(vec!["own", "borrow", "thread", "`?`", "```", "\n", "> ", "Rc<T>", "é", "the"]);
    let text = prop::collection::vec(words, 0..12).prop_map(|words| words.join(" "));
    prop::collection::vec((1_u128..5, text.clone(), text), 0..12).prop_map(|rows| {
        let rows = rows.into_iter().zip(1..);
        rows.map(|((lesson, heading, text), id)| passage(id, lesson, ["A title", &heading, &text])).collect()
    })
}

#[test]
fn words_are_counted_wherever_they_stand() {
    let all = [
        passage(1, 1, ["Slices", "", "A text."]),
        passage(2, 2, ["Untitled", "A slice", "A slice of text, a slice."]),
        passage(3, 3, ["Untitled", "", "Nothing."]),
    ];
    let sought = Sought::in_text("a slice of texts, or none");
    assert_eq!(WordCounts::of(&sought, &all), WordCounts { passages: 3, having: vec![Some(2), Some(2), Some(0)] });
    assert_eq!(all.map(|passage| sought.is_in(&passage)), [true, true, false]);
}

proptest! {
    #[test]
    fn some_are_chosen_each_once_and_as_many_as_can_be(
        all in some_passages(),
        question in "(own|borrow|thread|what|\\?|`\\?`| ){0,8}",
        limit in 0_u8..14,
    ) {
        for scope in [SCOPE, IN_LESSON] {
            let chosen = best(&question, &all, scope, limit);
            prop_assert_eq!(chosen.len(), all.len().min(usize::from(limit)));
            let different: std::collections::HashSet<_> = chosen.iter().collect();
            prop_assert_eq!(different.len(), chosen.len());
        }
    }

    #[test]
    fn the_order_of_the_candidates_is_nothing(all in some_passages(), turn in 0_usize..12, limit in 0_u8..9) {
        let mut turned = all.clone();
        turned.rotate_left(turn.min(all.len()));
        prop_assert_eq!(best("own thread", &all, SCOPE, limit), best("own thread", &turned, SCOPE, limit));
    }

    #[test]
    fn no_lesson_has_three_places_before_others_have_their_two(all in some_passages(), limit in 0_u8..9) {
        let lesson = |id: &u128| all.iter().find(|p| p.id.as_uuid().as_u128() == *id).unwrap().lesson;
        let chosen = best("own thread", &all, SCOPE, limit);
        for (n, id) in chosen.iter().enumerate() {
            let before = chosen[..n].iter().filter(|other| lesson(other) == lesson(id)).count();
            if before >= OF_ONE_LESSON {
                let left = all.iter().filter(|p| !chosen[..n].contains(&p.id.as_uuid().as_u128()));
                for other in left {
                    let taken = chosen[..n].iter().filter(|id| lesson(id) == other.lesson).count();
                    prop_assert!(taken >= OF_ONE_LESSON);
                }
            }
        }
    }

    #[test]
    fn no_text_breaks_it(question in "\\PC{0,80}", text in "\\PC{0,200}", heading in "\\PC{0,20}") {
        let all = [passage(1, 1, ["Title", &heading, &text]), passage(2, 2, [&text, &question, &heading])];
        prop_assert_eq!(best(&question, &all, SCOPE, 5).len(), 2);
    }
}
