//! The search for courses and lessons by all of some words.

use std::collections::BTreeSet;

use lyceum_domain::{
    courses::{Course, CourseHit, CourseStatus, Excerpt, Lesson, LessonHit, LessonNumber, SearchScope, Title},
    ids::{CourseId, LessonId},
    store::Store,
};

use crate::contract::{
    fixtures::{HOSTILE, at, word},
    statements::{
        enrolled, left, store_passages, stored_course, stored_course_with, stored_user, update_course, update_lesson,
    },
};

/// Everybody's published courses, and nothing else.
const OPEN: SearchScope = SearchScope { reader: None, drafts_of: None, all_drafts: false, course: None };

async fn course_hits(store: &dyn Store, words: &str) -> Vec<CourseHit> {
    store.read().search_courses(&OPEN, words, 20).await.expect("an answer")
}

async fn courses(store: &dyn Store, words: &str) -> Vec<CourseId> {
    course_hits(store, words).await.into_iter().map(|hit| hit.course).collect()
}

async fn lesson_hits(store: &dyn Store, words: &str) -> Vec<LessonHit> {
    store.read().search_lessons(&OPEN, words, 20).await.expect("an answer")
}

async fn lessons(store: &dyn Store, words: &str) -> Vec<LessonId> {
    lesson_hits(store, words).await.into_iter().map(|hit| hit.lesson).collect()
}

fn title(text: &str) -> Title {
    Title::parse(text).expect("a title")
}

/// A course with a title and a description.
async fn course(store: &dyn Store, heading: &str, description: &str) -> Course {
    let change = |course: &mut Course| {
        course.title = title(heading);
        description.clone_into(&mut course.description);
    };
    stored_course_with(store, 0, change).await.0
}

/// A lesson with a title and one passage without a heading, in a course of its own.
async fn lesson(store: &dyn Store, heading: &str, text: &str) -> Lesson {
    let (_, lessons) = stored_course(store, 1).await;
    let titled = Lesson { title: title(heading), ..lessons[0].clone() };
    update_lesson(store, &titled).await.expect("saved");
    store_passages(store, &titled, &[("", text)]).await;
    titled
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What is marked in an excerpt, in lower case.
fn marked(excerpt: &Excerpt) -> BTreeSet<String> {
    excerpt.0.iter().filter(|part| part.is_match).map(|part| part.text.to_lowercase()).collect()
}

/// An excerpt is a piece of the text, but for white space and an ellipsis where something was left out.
#[track_caller]
fn assert_is_piece(excerpt: &Excerpt, text: &str) {
    let piece = squeezed(excerpt.text().trim_matches(|c: char| c == '…' || c.is_whitespace()));
    assert!(!piece.is_empty(), "an excerpt of nothing");
    assert!(squeezed(text).contains(&piece), "{piece:?} is no piece of {text:?}");
}

/// Courses are found by words of their title and of their description, in any case; all of the words must be there, in
/// whichever of the two. The one that has them in its title comes first.
pub async fn courses_are_found_by_all_words_best_first(store: &dyn Store) {
    let (one, two) = (word(), word());
    let below = course(store, "Something else", &format!("Teaches {one} and {two}, slowly.")).await;
    let titled = course(store, &format!("{one} with {two}"), "Nothing more to say.").await;
    let both = course(store, &format!("The great {one}"), &format!("With more than enough {two}.")).await;
    let single = course(store, "Another one", &format!("Only {one} here.")).await;
    let found = courses(store, &format!("{one} {two}")).await;
    assert_eq!(found[0], titled.id);
    assert_eq!(BTreeSet::from_iter(found), BTreeSet::from([titled.id, below.id, both.id]));
    let found = courses(store, &format!("{}?!", one.to_uppercase())).await;
    assert_eq!(BTreeSet::from_iter(found), BTreeSet::from([titled.id, below.id, both.id, single.id]));
    assert_eq!(courses(store, &format!("{one} {}", word())).await, []);
    assert_eq!(courses(store, &word()).await, []);
}

/// A found course comes with its names, and with a piece of its title or description in which the words are marked.
pub async fn a_course_comes_with_an_excerpt(store: &dyn Store) {
    let one = word();
    let filler = "Some words that stand before and after. ".repeat(40);
    let description = format!("{filler}\n\nHere is {one},\n as  promised. {filler}");
    let below = course(store, "A title of its own", &description).await;
    let hits = course_hits(store, &one).await;
    let [CourseHit { course: id, slug, title: shown, excerpt }] = hits.as_slice() else { panic!("{hits:?}") };
    assert_eq!((*id, slug, shown), (below.id, &below.slug, &below.title));
    assert_eq!(marked(excerpt), BTreeSet::from([one.clone()]));
    assert_is_piece(excerpt, &description);
    assert!(excerpt.text().chars().count() < 700, "a piece is short");

    let two = word();
    course(store, &format!("All of {two}"), "").await;
    let hits = course_hits(store, &two).await;
    assert_eq!(marked(&hits[0].excerpt), BTreeSet::from([two]));
}

/// Lessons are found by words of one passage, of the heading it stands under and of their title together; words that
/// stand in two passages are not found together. The one that has the word in its title comes first.
pub async fn lessons_are_found_by_all_words_best_first(store: &dyn Store) {
    let (one, two) = (word(), word());
    let below = lesson(store, "Something else", &format!("A passage with {one} in it.")).await;
    let titled = lesson(store, &format!("The great {one}"), &format!("A passage with {two} in it.")).await;
    let found = lessons(store, &one).await;
    assert_eq!(found, [titled.id, below.id]);
    assert_eq!(lessons(store, &format!("{two} {}", one.to_uppercase())).await, [titled.id], "title and text");
    assert_eq!(lessons(store, &format!("{one} {}", word())).await, []);

    let (three, four, five) = (word(), word(), word());
    let parted = lesson(store, "Parted", "Nothing.").await;
    let heading = format!("About {five}");
    store_passages(store, &parted, &[("", &format!("First {three}.")), (&heading, &format!("Then {four}."))]).await;
    assert_eq!(lessons(store, &three).await, [parted.id]);
    assert_eq!(lessons(store, &format!("{four} {five}")).await, [parted.id], "heading and text");
    assert_eq!(lessons(store, &format!("{three} {four}")).await, [], "two passages");
}

/// A found lesson comes with all its names, the heading of the passage that stands for it, and a piece of its text in
/// which the words are marked; however many of its passages have the words, it comes once.
pub async fn a_lesson_comes_once_with_an_excerpt(store: &dyn Store) {
    let (one, two) = (word(), word());
    let (course, stored) = stored_course(store, 2).await;
    let numbered = Lesson { number: Some(LessonNumber::parse("4.1").expect("a number")), ..stored[0].clone() };
    update_lesson(store, &numbered).await.expect("saved");
    let filler = "Some words that stand before and after. ".repeat(40);
    let text = format!("{filler}\n\n- Here is {one},\n  and   {two} too. {filler}");
    let other = format!("Says {one} too.");
    let passages = [("What's \"new\"?", &*text), ("Later", &*other), ("Last", "Nothing of it.")];
    store_passages(store, &numbered, &passages).await;
    store_passages(store, &stored[1], &[("", "Nothing of it either.")]).await;
    let hits = lesson_hits(store, &format!("{one} {two}")).await;
    let [hit] = hits.as_slice() else { panic!("{hits:?}") };
    let expected = LessonHit {
        lesson: numbered.id,
        slug: numbered.slug.clone(),
        title: numbered.title.clone(),
        number: numbered.number.clone(),
        course: course.id,
        course_slug: course.slug.clone(),
        course_title: course.title.clone(),
        heading: "What's \"new\"?".to_owned(),
        excerpt: hit.excerpt.clone(),
    };
    assert_eq!(hit, &expected);
    assert_eq!(marked(&hit.excerpt), BTreeSet::from([one.clone(), two]));
    assert_is_piece(&hit.excerpt, &text);
    assert!(hit.excerpt.text().chars().count() < 700, "a piece is short");
    assert_eq!(lessons(store, &one).await, [numbered.id], "once");
}

/// Before the first heading a passage stands under the title of its lesson. A word that only the title has needs no mark
/// in the piece of the text.
pub async fn a_title_stands_for_a_missing_heading(store: &dyn Store) {
    let one = word();
    let text = "A passage that does not say what it is about.";
    let titled = lesson(store, &format!("All of {one}"), text).await;
    let hits = lesson_hits(store, &one).await;
    let [hit] = hits.as_slice() else { panic!("{hits:?}") };
    assert_eq!((hit.heading.as_str(), &hit.number), (titled.title.as_str(), &None));
    assert_is_piece(&hit.excerpt, text);
}

/// A word whose beginning, too, occurs nowhere else: [`word`] begins with what many have in common.
fn word_from_the_start() -> String {
    let word = word();
    let (common, own) = word.split_at(6);
    format!("{own}{common}")
}

/// The last word may be the beginning of one; the others are whole, and nothing is found by the middle of a word.
pub async fn the_last_word_may_be_a_beginning(store: &dyn Store) {
    let (one, two) = (word_from_the_start(), word_from_the_start());
    let found = lesson(store, "Something", &format!("Of {one} and {two}.")).await;
    let about = course(store, &format!("Of {one} and {two}"), "").await;
    for (words, is_found) in [
        (format!("{one} {}", &two[..9]), true),
        (format!("{two} {}", &one[..9]), true),
        (two[..9].to_owned(), true),
        (format!("{} {two}", &one[..9]), false),
        (format!("{one} {}", &two[3..12]), false),
        (format!("{one} {two}z"), false),
    ] {
        assert_eq!(lessons(store, &words).await, if is_found { vec![found.id] } else { vec![] }, "{words}");
        assert_eq!(courses(store, &words).await, if is_found { vec![about.id] } else { vec![] }, "{words}");
    }
    let hits = lesson_hits(store, &format!("{one} {}", &two[..9])).await;
    assert_eq!(marked(&hits[0].excerpt), BTreeSet::from([one, two]), "what is found is marked whole");
}

/// Published courses are searched by everybody; archived ones by who is in them now; drafts and archived ones by their
/// author where that is asked for, and all where all are asked for. Removed courses are searched by nobody.
pub async fn a_search_keeps_to_its_scope(store: &dyn Store) {
    let (author, other, reader) =
        (stored_user(store).await.id, stored_user(store).await.id, stored_user(store).await.id);
    let word = word();
    let mut all = Vec::new();
    for status in [CourseStatus::Published, CourseStatus::Archived, CourseStatus::Draft] {
        for of in [Some(author), Some(other), None] {
            for is_in in [true, false] {
                let change = |course: &mut Course| {
                    (course.status, course.author) = (status, of);
                    course.title = title(&format!("Course of {word}"));
                };
                let (course, lessons) = stored_course_with(store, 1, change).await;
                store_passages(store, &lessons[0], &[("", &format!("A passage of {word}."))]).await;
                if is_in {
                    enrolled(store, reader, course.id, at(1)).await;
                } else {
                    let there = enrolled(store, reader, course.id, at(1)).await;
                    left(store, &there, at(2)).await;
                }
                all.push((course, is_in));
            }
        }
    }
    let (removed, lessons) = stored_course_with(store, 1, |course| course.title = title(&word)).await;
    store_passages(store, &lessons[0], &[("", &word)]).await;
    update_course(store, &Course { deleted_at: Some(at(3)), ..removed.clone() }).await.expect("saved");

    let mut only: Vec<Option<CourseId>> = vec![None, Some(removed.id)];
    only.extend([2, 6, 8, 12, 16].map(|n: usize| Some(all[n].0.id)));
    for reader in [None, Some(reader), Some(other)] {
        for drafts_of in [None, Some(author), Some(other)] {
            for all_drafts in [false, true] {
                for course in &only {
                    let scope = SearchScope { reader, drafts_of, all_drafts, course: *course };
                    let is_in_scope = |(course, is_in): &&(Course, bool)| {
                        let is_authors = all_drafts || (drafts_of.is_some() && course.author == drafts_of);
                        let by_status = match course.status {
                            CourseStatus::Published => true,
                            CourseStatus::Archived => is_authors || (*is_in && reader.is_some_and(|id| id != other)),
                            CourseStatus::Draft => is_authors,
                        };
                        by_status && scope.course.is_none_or(|only| only == course.id)
                    };
                    let expected: BTreeSet<CourseId> =
                        all.iter().filter(is_in_scope).map(|(course, _)| course.id).collect();
                    let found = store.read().search_courses(&scope, &word, 100).await.expect("an answer");
                    assert_eq!(found.iter().map(|hit| hit.course).collect::<BTreeSet<_>>(), expected, "{scope:?}");
                    assert_eq!(found.len(), expected.len());
                    let found = store.read().search_lessons(&scope, &word, 100).await.expect("an answer");
                    assert_eq!(found.iter().map(|hit| hit.course).collect::<BTreeSet<_>>(), expected, "{scope:?}");
                    assert_eq!(found.len(), expected.len());
                }
            }
        }
    }
}

/// Lessons that were removed, or are not written, are not found, also while their passages are there; when they come
/// back, they are.
pub async fn removed_and_unwritten_lessons_are_not_found(store: &dyn Store) {
    let word = word();
    let (_, stored) = stored_course(store, 3).await;
    for lesson in &stored {
        store_passages(store, lesson, &[("", &word)]).await;
    }
    update_lesson(store, &Lesson { deleted_at: Some(at(1)), ..stored[0].clone() }).await.expect("saved");
    update_lesson(store, &Lesson { is_draft: true, ..stored[1].clone() }).await.expect("saved");
    assert_eq!(lessons(store, &word).await, [stored[2].id]);
    let everything = SearchScope { all_drafts: true, ..OPEN };
    let hits = store.read().search_lessons(&everything, &word, 20).await.expect("an answer");
    assert_eq!(hits.iter().map(|hit| hit.lesson).collect::<Vec<_>>(), [stored[2].id]);
    update_lesson(store, &Lesson { version: 2, ..stored[0].clone() }).await.expect("saved");
    let found: BTreeSet<LessonId> = lessons(store, &word).await.into_iter().collect();
    assert_eq!(found, BTreeSet::from([stored[0].id, stored[2].id]));
}

/// What is changed is found by its new words and no longer by the old ones.
pub async fn a_search_follows_changes(store: &dyn Store) {
    let (old, new, older, newer) = (word(), word(), word(), word());
    let about = course(store, &format!("Of {old}"), &format!("Of {older}")).await;
    let of_lesson = lesson(store, "Something", &format!("Of {old}.")).await;
    let changed = Course { title: title(&format!("Of {new}")), description: newer.clone(), ..about };
    update_course(store, &changed).await.expect("saved");
    store_passages(store, &of_lesson, &[("", &format!("Of {new}."))]).await;
    for (words, found) in [(&old, false), (&older, false), (&new, true), (&newer, true)] {
        assert_eq!(courses(store, words).await, if found { vec![changed.id] } else { vec![] });
    }
    assert_eq!(lessons(store, &old).await, []);
    assert_eq!(lessons(store, &new).await, [of_lesson.id]);
}

/// What looks like an operator of a search engine is text: it neither fails nor changes what the words around it find.
pub async fn searched_words_are_no_query_language(store: &dyn Store) {
    let (word, absent) = (word(), word());
    // The words among the operators are there, so that they say nothing.
    let text =
        format!("All about {word}: and, or, not, near, title, text, description, topic, rowid, scope, col, 2, 10.");
    let found = lesson(store, "Something", &text).await;
    let about = course(store, "Something", &text).await;
    let operators = [
        "\"",
        "\"\"",
        "'",
        "''",
        "*",
        "(",
        ")",
        "()",
        ":",
        "::",
        "^",
        "-",
        "+",
        "&",
        "&&",
        "|",
        "||",
        "!",
        "!!",
        "<->",
        "<2>",
        "\\",
        "\\\\",
        "{}",
        "{",
        "[",
        "];",
        ";",
        "--",
        "%",
        "_",
        "AND",
        "OR",
        "NOT",
        "NEAR",
        "NEAR(",
        "NEAR/10",
        "AND NOT",
        "title:",
        "text:",
        "description :",
        "topic:*",
        "rowid:",
        "scope:",
        "col : ",
        "{title text} :",
        "/*",
        "*/",
        "?",
        "$10",
        "\0",
        "\u{1}",
        "\u{2}",
        "\u{3}",
        "\u{7f}",
        "\u{202e}",
        "🦀",
        "\u{feff}",
    ];
    for operator in operators {
        let blank = if operator.ends_with(char::is_alphanumeric) { " " } else { "" };
        for words in [format!("{operator} {word}"), format!("{operator}{blank}{word}"), format!("({operator} {word})")]
        {
            assert_eq!(lessons(store, &words).await, [found.id], "{words:?}");
            assert_eq!(courses(store, &words).await, [about.id], "{words:?}");
        }
        for words in [format!("{absent} {operator} {word}"), format!("{word} {operator} {absent}")] {
            assert_eq!(lessons(store, &words).await, [], "{words:?}");
            assert_eq!(courses(store, &words).await, [], "{words:?}");
        }
    }
    assert_eq!(lessons(store, &format!("{}* text", &word[..6])).await, [], "nothing is filled in before the last word");
}

/// Whatever is asked for gets an answer: words of any script, one that is longer than any word, more than anybody asks for.
pub async fn any_text_is_answered(store: &dyn Store) {
    let word = word();
    let umlauts = lesson(store, "Grüße aus Köln", &format!("Übungen über {word}straße und Äpfel.")).await;
    assert_eq!(lessons(store, &format!("Grüße Köln {word}straße")).await, [umlauts.id]);
    let chinese = course(store, &format!("日本語 {word}"), "العربية עברית ไทย").await;
    assert_eq!(courses(store, &format!("{word} 日本語")).await, [chinese.id]);
    assert_eq!(courses(store, &format!("日本語 {word}")).await, [chinese.id]);
    let long = [
        "x".repeat(100_000),
        format!("{word} {}", "x".repeat(3_000)),
        (0..3_000).map(|n| format!("w{n:04x}")).collect::<Vec<_>>().join(" "),
        "(".repeat(10_000),
        "\"".repeat(9_999),
        "日本語".repeat(3_000),
        "İ".repeat(2_000),
        "e\u{301}".repeat(2_000),
    ];
    for words in HOSTILE.into_iter().map(|text| format!("{text} {}", self::word())).chain(long) {
        let start: String = words.chars().take(40).collect();
        assert_eq!(lessons(store, &words).await, [], "{start:?}");
        assert_eq!(courses(store, &words).await, [], "{start:?}");
    }
}

/// Text without any word finds nothing, and that is no error.
pub async fn text_without_a_word_finds_nothing(store: &dyn Store) {
    lesson(store, "Some ? title", "Some text with words, and ? and \" and * too.").await;
    course(store, "Some ? title", "Some text with words, and ? and \" and * too.").await;
    for text in ["", " ", "\n\t", "?!", "\"", "***", "%_", "''", "()", "🦀🐎", "\u{202e}", "\0", "-", "…"] {
        assert_eq!(lessons(store, text).await, [], "{text:?}");
        assert_eq!(courses(store, text).await, [], "{text:?}");
    }
}

/// No more come than were asked for, and those are the best; none if none were asked for.
pub async fn no_more_than_asked_for(store: &dyn Store) {
    let word = word();
    let (_, stored) = stored_course(store, 8).await;
    let titled = Lesson { title: title(&format!("All of {word}")), ..stored[5].clone() };
    update_lesson(store, &titled).await.expect("saved");
    for (n, lesson) in (0..).zip(&stored) {
        let text = if n == 5 { "Nothing more to say.".to_owned() } else { format!("Passage of {word}, number {n}.") };
        store_passages(store, lesson, &[("", &text), ("Again", &format!("Once more of {word}."))]).await;
    }
    let mut best = None;
    for n in 0..8 {
        let (heading, text) = if n == 6 { (word.as_str(), "None") } else { ("Other", word.as_str()) };
        let course = course(store, heading, text).await;
        if n == 6 {
            best = Some(course.id);
        }
    }
    for limit in [0_u8, 1, 3, 8, 9] {
        let expected = usize::from(limit.min(8));
        let hits = store.read().search_lessons(&OPEN, &word, limit).await.expect("an answer");
        assert_eq!(hits.iter().map(|hit| hit.lesson).collect::<BTreeSet<_>>().len(), expected);
        assert_eq!(hits.len(), expected);
        assert!(limit == 0 || hits[0].lesson == titled.id, "the best first");
        let hits = store.read().search_courses(&OPEN, &word, limit).await.expect("an answer");
        assert_eq!(hits.len(), expected);
        assert!(limit == 0 || Some(hits[0].course) == best, "the best first");
    }
}
