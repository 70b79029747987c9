//! The search for passages.

use lyceum_domain::{
    courses::{Course, CourseStatus, Lesson, LessonNumber, Passage, PassageScope},
    ids::PassageId,
    store::Store,
};

use crate::contract::{
    fixtures::{HOSTILE, at, word},
    statements::{
        enrolled, left, store_passages, stored_course, stored_course_with, stored_user, update_course, update_lesson,
    },
};

async fn find(store: &dyn Store, scope: PassageScope, words: &str) -> Vec<Passage> {
    store.read().find_passages(scope, words, 20).await.expect("an answer")
}

async fn found(store: &dyn Store, scope: PassageScope, words: &str) -> Vec<PassageId> {
    find(store, scope, words).await.into_iter().map(|passage| passage.id).collect()
}

fn sorted(mut ids: Vec<PassageId>) -> Vec<PassageId> {
    ids.sort();
    ids
}

/// A passage is found by any of its words or its heading's, whole words in any case with whatever is around them; the
/// one that has more of the words comes before the one that has fewer.
pub async fn passages_are_found_by_their_words_best_first(store: &dyn Store) {
    let (course, lessons) = stored_course(store, 1).await;
    let (one, two, three) = (word(), word(), word());
    let texts = [
        ("", format!("A passage about {one} alone, and nothing else here.")),
        ("", format!("A passage about {one} and {two}, both of them here.")),
        ("", "A passage about something that nobody ever asks for.".to_owned()),
        (&*three, "A passage about what its heading already says.".to_owned()),
    ];
    let texts: Vec<(&str, &str)> = texts.iter().map(|(heading, text)| (*heading, &**text)).collect();
    let ids = store_passages(store, &lessons[0], &texts).await;
    let scope = PassageScope::Course(course.id);
    assert_eq!(found(store, scope, &format!("what is {one} for {two}?")).await[..2], [ids[1], ids[0]]);
    assert_eq!(sorted(found(store, scope, &one).await), [ids[0], ids[1]]);
    assert_eq!(found(store, scope, &format!("`{}`, please!", two.to_uppercase())).await, [ids[1]]);
    assert_eq!(found(store, scope, &three).await, [ids[3]], "a heading has words too");
    assert_eq!(found(store, scope, &word()).await, []);
}

/// A passage comes with what is needed to cite it; before the first heading it stands under the lesson's title. Its
/// text is kept character by character.
pub async fn a_passage_comes_back_as_it_was(store: &dyn Store) {
    let (course, lessons) = stored_course(store, 2).await;
    let number = LessonNumber::parse("4.1").expect("a number");
    let numbered = Lesson { number: Some(number), ..lessons[1].clone() };
    update_lesson(store, &numbered).await.expect("saved");
    let word = word();
    let text = format!("{word}\n\n{}", HOSTILE.join("\n\n"));
    let bare = store_passages(store, &lessons[0], &[("", &text)]).await[0];
    let full = store_passages(store, &lessons[1], &[("What's \"new\"?", &text)]).await[0];
    let mut passages = find(store, PassageScope::Course(course.id), &word).await;
    passages.sort_by_key(|passage| passage.id);
    let title = lessons[0].title.to_string();
    let expected = Passage {
        id: bare,
        lesson: lessons[0].id,
        course: course.id,
        lesson_title: title.clone(),
        lesson_number: None,
        heading: title,
        text: text.clone(),
    };
    assert_eq!(passages[0], expected);
    let expected = Passage {
        id: full,
        lesson: lessons[1].id,
        course: course.id,
        lesson_title: lessons[1].title.to_string(),
        lesson_number: Some("4.1".to_owned()),
        heading: "What's \"new\"?".to_owned(),
        text,
    };
    assert_eq!(passages[1..], [expected]);
}

/// A search in a lesson finds nothing of its neighbours, a search in a course nothing of another.
pub async fn passages_keep_to_their_scope(store: &dyn Store) {
    let word = word();
    let (one, lessons) = stored_course(store, 2).await;
    let (two, others) = stored_course(store, 1).await;
    let first = store_passages(store, &lessons[0], &[("", &word)]).await[0];
    let second = store_passages(store, &lessons[1], &[("", &word)]).await[0];
    let third = store_passages(store, &others[0], &[("", &word)]).await[0];
    assert_eq!(found(store, PassageScope::Lesson(lessons[1].id), &word).await, [second]);
    assert_eq!(sorted(found(store, PassageScope::Course(one.id), &word).await), [first, second]);
    assert_eq!(found(store, PassageScope::Course(two.id), &word).await, [third]);
}

/// A learner's search goes through the published and archived courses they are in now: not through drafts, removed
/// courses, courses they left or courses of others. Whoever names a course has been let in, whatever its status.
pub async fn a_learner_searches_the_open_courses_they_are_in(store: &dyn Store) {
    let (learner, word) = (stored_user(store).await, word());
    let mut ids = Vec::new();
    let mut courses = Vec::new();
    for status in [CourseStatus::Published, CourseStatus::Archived, CourseStatus::Draft] {
        let (course, lessons) = stored_course_with(store, 1, |course| course.status = status).await;
        ids.push(store_passages(store, &lessons[0], &[("", &word)]).await[0]);
        courses.push(course);
    }
    let scope = PassageScope::CoursesOf(learner.id);
    assert_eq!(found(store, scope, &word).await, []);
    let mut progress = Vec::new();
    for course in &courses {
        progress.push(enrolled(store, learner.id, course.id, at(1)).await);
    }
    assert_eq!(sorted(found(store, scope, &word).await), ids[..2]);
    assert_eq!(found(store, PassageScope::Course(courses[2].id), &word).await, ids[2..]);

    left(store, &progress[0], at(2)).await;
    assert_eq!(found(store, scope, &word).await, [ids[1]]);
    update_course(store, &Course { deleted_at: Some(at(2)), ..courses[1].clone() }).await.expect("saved");
    assert_eq!(found(store, scope, &word).await, []);
}

/// New passages of a lesson take the place of the old ones; none at all can do so too. Other lessons keep theirs.
pub async fn replaced_passages_are_found_no_more(store: &dyn Store) {
    let (course, lessons) = stored_course(store, 2).await;
    let (old, new) = (word(), word());
    let kept = store_passages(store, &lessons[1], &[("", &old)]).await;
    let many: Vec<String> = (0..40).map(|n| format!("{old} number {n}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|text| ("", &**text)).collect();
    store_passages(store, &lessons[0], &many).await;
    let scope = PassageScope::Course(course.id);
    assert_eq!(found(store, scope, &old).await.len(), 20);
    let ids = store_passages(store, &lessons[0], &[("", &new)]).await;
    assert_eq!(found(store, scope, &old).await, kept);
    assert_eq!(found(store, scope, &new).await, ids);
    store_passages(store, &lessons[0], &[]).await;
    assert_eq!(found(store, scope, &new).await, []);
}

/// Passages of lessons that were removed, or are not written, are not found in any scope, also while they are still
/// there.
pub async fn removed_and_unwritten_lessons_are_not_searched(store: &dyn Store) {
    let (course, lessons) = stored_course(store, 3).await;
    let word = word();
    let mut ids = Vec::new();
    for lesson in &lessons {
        ids.push(store_passages(store, lesson, &[("", &word)]).await[0]);
    }
    update_lesson(store, &Lesson { deleted_at: Some(at(1)), ..lessons[0].clone() }).await.expect("saved");
    update_lesson(store, &Lesson { is_draft: true, ..lessons[1].clone() }).await.expect("saved");
    let learner = stored_user(store).await;
    enrolled(store, learner.id, course.id, at(1)).await;
    assert_eq!(found(store, PassageScope::Course(course.id), &word).await, [ids[2]]);
    assert_eq!(found(store, PassageScope::CoursesOf(learner.id), &word).await, [ids[2]]);
    assert_eq!(found(store, PassageScope::Lesson(lessons[0].id), &word).await, []);
    assert_eq!(found(store, PassageScope::Lesson(lessons[1].id), &word).await, []);
}

/// What looks like an operator of a search engine is text: it neither fails nor changes what the words around it
/// find.
pub async fn searched_words_are_no_query_language(store: &dyn Store) {
    let (course, lessons) = stored_course(store, 1).await;
    let word = word();
    let id = store_passages(store, &lessons[0], &[("", &format!("All about {word}."))]).await[0];
    let scope = PassageScope::Course(course.id);
    let operators = [
        "\"",
        "\"\"",
        "'",
        "*",
        "(",
        ")",
        "()",
        ":",
        "^",
        "-",
        "+",
        "&",
        "|",
        "!",
        "<->",
        "\\",
        "{}",
        ";",
        "--",
        "%",
        "AND",
        "OR",
        "NOT",
        "NEAR",
        "NEAR(",
        "AND NOT",
        "text:",
        "rowid:",
        "/*",
        "*/",
        "?",
        "$1",
        ":x",
        "\" OR 1=1 --",
    ];
    for operator in operators.into_iter().chain(HOSTILE) {
        let query = format!("{operator} {word}");
        assert_eq!(found(store, scope, &query).await, [id], "{query}");
        let query = format!("{word} {operator}");
        assert_eq!(found(store, scope, &query).await, [id], "{query}");
    }
    assert_eq!(found(store, scope, &format!("-{word}")).await, [id], "nothing is left out");
    assert_eq!(found(store, scope, &format!("{}*", &word[..6])).await, [], "nothing is filled in");
    // As long as a question can be, each word another.
    let long = (0..250).map(|n| format!("a{n:02x}")).collect::<Vec<_>>().join(" ") + " " + &word;
    assert_eq!(found(store, scope, &long).await, [id]);
}

/// Text without any word finds nothing, and that is no error.
pub async fn text_without_a_word_finds_nothing(store: &dyn Store) {
    let (course, lessons) = stored_course(store, 1).await;
    store_passages(store, &lessons[0], &[("", "Some text with words, and ? and \" and * too.")]).await;
    for text in ["", " ", "\n\t", "?!", "\"", "***", "%_", "''", "()", "🦀🐎", "\u{202e}"] {
        assert_eq!(found(store, PassageScope::Course(course.id), text).await, [], "{text:?}");
    }
}

/// No more passages come than were asked for, and those are the best; none if none were asked for.
pub async fn no_more_passages_than_asked_for(store: &dyn Store) {
    let (course, lessons) = stored_course(store, 1).await;
    let (one, two) = (word(), word());
    let texts: Vec<String> =
        (0..9).map(|n| if n == 6 { format!("{one} and {two}") } else { format!("{one} and {n}") }).collect();
    let texts: Vec<(&str, &str)> = texts.iter().map(|text| ("", &**text)).collect();
    let ids = store_passages(store, &lessons[0], &texts).await;
    let query = format!("{one} {two}");
    for limit in [0_u8, 1, 3, 9] {
        let passages = store.read().find_passages(PassageScope::Course(course.id), &query, limit).await;
        let passages = passages.expect("an answer");
        assert_eq!(passages.len(), usize::from(limit));
        assert!(limit == 0 || passages[0].id == ids[6], "the best first");
    }
}
