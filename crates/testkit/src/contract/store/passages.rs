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

/// A word that few passages have says more than any number of those that many have; the text decides, and not how
/// often a common word is repeated.
pub async fn a_rare_word_finds_its_passage_first(store: &dyn Store) {
    let (course, lessons) = stored_course(store, 8).await;
    let (common, other, rare) = (word(), word(), word());
    let mut ids = Vec::new();
    for (n, lesson) in lessons.iter().enumerate() {
        let text = match n {
            5 => format!("Here is {rare} for once, with {common} and much else that nobody asks for."),
            _ => format!("{common}, {other}, {common}, {other} and {common} again."),
        };
        ids.push(store_passages(store, lesson, &[("", &text)]).await[0]);
    }
    let question = format!("{common} {other} {rare}");
    for scope in [PassageScope::Course(course.id), learner_of(store, &course).await] {
        assert_eq!(found(store, scope, &question).await[0], ids[5]);
    }
}

/// The forms of an English word are one word, and what stands in the heading or the title says more than what is said on
/// the way.
pub async fn what_is_headed_by_the_words_comes_before_what_mentions_them(store: &dyn Store) {
    let (course, lessons) = stored_course(store, 3).await;
    let aside = "There is some gardening in this passage, and a lot of something else.";
    let mentioned = store_passages(store, &lessons[0], &[("", aside)]).await[0];
    let headed = store_passages(store, &lessons[1], &[("Gardens", "A passage about something else.")]).await[0];
    store_passages(store, &lessons[2], &[("", "A passage about nothing of the kind.")]).await;
    let found = found(store, PassageScope::Course(course.id), "How is a garden made?").await;
    assert_eq!(found, [headed, mentioned]);
}

/// What is named in code is found as it is written, and by its parts.
pub async fn names_of_code_are_found(store: &dyn Store) {
    let (course, lessons) = stored_course(store, 4).await;
    let texts =
        ["Wrapped in `Zrc<ZefCell<T>>`.", "Call `unzap_or_moo()` then.", "It is error[Z0382].", "See zmain.rs there."];
    let mut ids = Vec::new();
    for (lesson, text) in lessons.iter().zip(texts) {
        ids.push(store_passages(store, lesson, &[("", text)]).await[0]);
    }
    let scope = PassageScope::Course(course.id);
    for (question, place) in [
        ("What is ZefCell?", 0),
        ("Zrc<ZefCell<i32>>", 0),
        ("when to use unzap_or_moo", 1),
        ("when do I unzap?", 1),
        ("error[Z0382]: no such thing", 2),
        ("Z0382", 2),
        ("What belongs in zmain.rs?", 3),
    ] {
        assert_eq!(found(store, scope, question).await, [ids[place]], "{question}");
    }
}

/// Among the best are no more than two passages of a lesson, if others have something too; where there is nothing else,
/// and in a search of one lesson, there is no such bound.
pub async fn no_lesson_takes_all_the_places(store: &dyn Store) {
    let (course, lessons) = stored_course(store, 3).await;
    let word = word();
    let much = format!("All about {word}, and {word} again.");
    let full = store_passages(store, &lessons[0], &[(&*word, &*much); 6]).await;
    let little = format!("Here is {word} on the way.");
    let mut others = Vec::new();
    for lesson in &lessons[1..] {
        others.push(store_passages(store, lesson, &[("", &little)]).await[0]);
    }
    for scope in [PassageScope::Course(course.id), learner_of(store, &course).await] {
        let first: Vec<PassageId> = found(store, scope, &word).await;
        assert_eq!(first.len(), 8, "nothing is left out where there is room");
        let of_full = first[..4].iter().filter(|id| full.contains(id)).count();
        assert_eq!(of_full, 2, "{first:?}");
        assert!(full.contains(&first[0]) && others.iter().all(|id| first[..4].contains(id)), "{first:?}");
    }
    let found = found(store, PassageScope::Lesson(lessons[0].id), &word).await;
    assert_eq!(sorted(found), sorted(full));
}

/// The same question finds the same, in the same order; passages that fit alike come in the order of their ids.
pub async fn the_order_of_passages_is_always_the_same(store: &dyn Store) {
    let (course, lessons) = stored_course(store, 12).await;
    let word = word();
    let mut ids = Vec::new();
    for lesson in lessons.iter().rev() {
        ids.push(store_passages(store, lesson, &[("", &*format!("The same {word} everywhere."))]).await[0]);
    }
    let scope = PassageScope::Course(course.id);
    let first = found(store, scope, &format!("same {word}")).await;
    assert_eq!(sorted(first.clone()), sorted(ids));
    for _ in 0..3 {
        assert_eq!(found(store, scope, &format!("same {word}")).await, first);
    }
    let best = store.read().find_passages(scope, &format!("same {word}"), 5).await.expect("an answer");
    assert_eq!(best.into_iter().map(|passage| passage.id).collect::<Vec<_>>(), first[..5]);
}

/// Questions in any language are text like any other: they find the words that they have.
pub async fn questions_in_other_languages_find_their_words(store: &dyn Store) {
    let (course, lessons) = stored_course(store, 4).await;
    let texts = [
        "Die Größe eines Wertes.",
        "所有権 は 大切 です。",
        "Что такое владение и заимствование.",
        "Un café très fort.",
    ];
    let mut ids = Vec::new();
    for (lesson, text) in lessons.iter().zip(texts) {
        ids.push(store_passages(store, lesson, &[("", text)]).await[0]);
    }
    let scope = PassageScope::Course(course.id);
    for (question, place) in [
        ("Welche GRÖSSE oder Größe hat ein Wert?", 0),
        ("所有権 とは？", 1),
        ("что же такое владение?", 2),
        ("Où est le café ?", 3),
    ] {
        assert_eq!(found(store, scope, question).await, [ids[place]], "{question}");
    }
    for question in ["ما هي الملكية؟", "소유권이란?", "İ ǅ ß ﬁ", "e\u{301}\u{301}\u{301}", "𝓞𝔀𝓷𝓮𝓻"]
    {
        assert_eq!(found(store, scope, question).await, [], "{question}");
    }
}

/// A learner of many courses finds what is in any of them, and nothing of others.
pub async fn many_courses_are_searched_as_few_are(store: &dyn Store) {
    let (learner, word) = (stored_user(store).await, word());
    let mut ids = Vec::new();
    for n in 0..40 {
        let (course, lessons) = stored_course(store, 1).await;
        let id = store_passages(store, &lessons[0], &[("", &*format!("Course {n} and {word}."))]).await[0];
        if n % 8 != 7 {
            enrolled(store, learner.id, course.id, at(1)).await;
            ids.push(id);
        }
    }
    let found = store.read().find_passages(PassageScope::CoursesOf(learner.id), &word, 60).await.expect("an answer");
    let found: Vec<PassageId> = found.into_iter().map(|passage| passage.id).collect();
    assert_eq!(sorted(found), sorted(ids));
}

/// A scope that is the courses of a learner who is in this one alone.
async fn learner_of(store: &dyn Store, course: &Course) -> PassageScope {
    let learner = stored_user(store).await;
    enrolled(store, learner.id, course.id, at(1)).await;
    PassageScope::CoursesOf(learner.id)
}
