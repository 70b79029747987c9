//! The list of courses.

use lyceum_domain::{
    courses::{Course, CourseFilter, CourseStatus, Title},
    ids::CourseId,
    page::{PageRequest, PageSize},
    store::Store,
};

use crate::contract::{
    fixtures::{HOSTILE, at, course, word},
    statements::{enrolled, first_page, insert_course, left, stored_course_with, stored_user, walk},
};

async fn listed(store: &dyn Store, filter: &CourseFilter) -> Vec<CourseId> {
    let page = store.read().courses_page(filter, first_page()).await.expect("an answer");
    assert_eq!(page.next, None);
    page.items.into_iter().map(|course| course.id).collect()
}

/// A filter that finds the courses whose description has the word, so that other data is out of sight.
fn about(word: &str) -> CourseFilter {
    CourseFilter { text: Some(word.to_owned()), ..CourseFilter::default() }
}

async fn stored(store: &dyn Store, change: impl FnOnce(&mut Course)) -> Course {
    stored_course_with(store, 0, change).await.0
}

/// One course of each status, the author's own, about the word: draft, published, archived.
async fn one_of_each(store: &dyn Store, author: lyceum_domain::ids::UserId, word: &str) -> [CourseId; 3] {
    let mut ids = Vec::new();
    for status in [CourseStatus::Draft, CourseStatus::Published, CourseStatus::Archived] {
        let course = stored(store, |course| {
            course.status = status;
            course.author = Some(author);
            word.clone_into(&mut course.description);
        });
        ids.push(course.await.id);
    }
    ids.try_into().expect("three")
}

fn sorted(mut ids: Vec<CourseId>) -> Vec<CourseId> {
    ids.sort();
    ids
}

/// Without further wishes the list has published courses alone, each whole.
pub async fn the_catalogue_shows_what_is_published(store: &dyn Store) {
    let (author, word) = (stored_user(store).await, word());
    let [_, published, _] = one_of_each(store, author.id, &word).await;
    let page = store.read().courses_page(&about(&word), first_page()).await.expect("an answer");
    assert_eq!(page.items.iter().map(|course| course.id).collect::<Vec<_>>(), [published]);
    let found = crate::contract::statements::find_course(store, published).await;
    assert_eq!(page.items.into_iter().next(), found);
}

/// Archived courses show in the list of an author, in that of a learner who is in them, and to who sees all drafts.
pub async fn archived_courses_show_where_they_are_asked_for(store: &dyn Store) {
    let (author, learner, word) = (stored_user(store).await, stored_user(store).await, word());
    let [_, published, archived] = one_of_each(store, author.id, &word).await;
    let by_author = CourseFilter { author: Some(author.id), ..CourseFilter::default() };
    assert_eq!(sorted(listed(store, &by_author).await), [published, archived]);

    let by_learner = CourseFilter { enrolled: Some(learner.id), ..CourseFilter::default() };
    assert_eq!(listed(store, &by_learner).await, []);
    enrolled(store, learner.id, archived, at(1)).await;
    assert_eq!(listed(store, &by_learner).await, [archived]);

    let drafts_of = CourseFilter { drafts_of: Some(author.id), ..about(&word) };
    assert!(!listed(store, &drafts_of).await.contains(&archived), "drafts are not archives");
}

/// Drafts show to the author who asks for their own, and to who asks for everybody's; to nobody else, also not among
/// the courses of their author.
pub async fn drafts_show_to_their_author_and_to_who_sees_all(store: &dyn Store) {
    let (author, other, word) = (stored_user(store).await, stored_user(store).await, word());
    let [draft, published, archived] = one_of_each(store, author.id, &word).await;
    let own = CourseFilter { drafts_of: Some(author.id), ..about(&word) };
    assert_eq!(sorted(listed(store, &own).await), [draft, published]);
    let own_alone = CourseFilter { author: Some(author.id), ..own };
    assert_eq!(sorted(listed(store, &own_alone).await), [draft, published, archived]);
    let others = CourseFilter { drafts_of: Some(other.id), ..about(&word) };
    assert_eq!(listed(store, &others).await, [published]);
    let all = CourseFilter { all_drafts: true, ..about(&word) };
    assert_eq!(sorted(listed(store, &all).await), [draft, published, archived]);

    let house = stored(store, |course| {
        course.status = CourseStatus::Draft;
        course.description.clone_from(&word);
    });
    let house = house.await.id;
    assert!(!listed(store, &about(&word)).await.contains(&house), "a draft of the house is nobody's own");
    assert!(listed(store, &all).await.contains(&house));
}

/// The list of a learner has the courses they are in now, and no longer those they left.
pub async fn a_learner_sees_the_courses_they_are_in(store: &dyn Store) {
    let (learner, other) = (stored_user(store).await, stored_user(store).await);
    let (one, two) = (stored(store, |_| {}).await, stored(store, |_| {}).await);
    let progress = enrolled(store, learner.id, one.id, at(1)).await;
    enrolled(store, learner.id, two.id, at(2)).await;
    enrolled(store, other.id, one.id, at(3)).await;
    let filter = CourseFilter { enrolled: Some(learner.id), ..CourseFilter::default() };
    assert_eq!(sorted(listed(store, &filter).await), [one.id, two.id]);
    left(store, &progress, at(9)).await;
    assert_eq!(listed(store, &filter).await, [two.id]);
}

/// So does one who is in very many, whom a store may look up in another way.
pub async fn a_learner_in_very_many_courses_sees_each_of_them(store: &dyn Store) {
    let learner = stored_user(store).await;
    let mut ids = Vec::new();
    for n in 0..510 {
        let course = stored(store, |_| {}).await;
        let progress = enrolled(store, learner.id, course.id, at(n)).await;
        if n % 100 == 7 {
            left(store, &progress, at(1000 + n)).await;
        } else {
            ids.push(course.id);
        }
    }
    let foreign = stored(store, |_| {}).await;
    let filter = CourseFilter { enrolled: Some(learner.id), ..CourseFilter::default() };
    let (mut listed, mut page) = (Vec::new(), PageRequest { size: PageSize::parse(100).expect("a size"), after: None });
    loop {
        let answer = store.read().courses_page(&filter, page).await.expect("an answer");
        listed.extend(answer.items.iter().map(|course| course.id));
        page.after = answer.next;
        if page.after.is_none() {
            break;
        }
    }
    let listed = sorted(listed);
    assert!(!listed.contains(&foreign.id));
    assert_eq!(listed, sorted(ids));
}

/// A search finds its text anywhere in title or description, without regard to the case of ASCII letters.
pub async fn a_search_looks_at_title_and_description_in_any_case(store: &dyn Store) {
    let (one, two) = (word(), word());
    let by_title = stored(store, |course| course.title = Title::parse(&format!("On {one}s")).expect("a title")).await;
    let by_text = stored(store, |course| course.description = format!("Much.\n\nAbout {one} and\n{two}ing")).await;
    assert_eq!(sorted(listed(store, &about(&one.to_uppercase())).await), [by_title.id, by_text.id]);
    assert_eq!(listed(store, &about(&two[3..])).await, [by_text.id]);
    assert_eq!(listed(store, &about(&word())).await, []);
}

/// `%`, `_` and `\` stand for themselves in a search.
pub async fn percent_and_underscore_are_plain_characters(store: &dyn Store) {
    let (author, word) = (stored_user(store).await, word());
    let mut ids = Vec::new();
    for text in ["100x and a-b and c:d", "100% and a_b and c\\d"] {
        let course = stored(store, |course| {
            course.author = Some(author.id);
            course.description = format!("{word} {text}");
        });
        ids.push(course.await.id);
    }
    let search = async |text: &str| listed(store, &CourseFilter { author: Some(author.id), ..about(text) }).await;
    for text in ["100%", "a_b", "c\\d", "% and a_", "b and c\\", "%", "_", "\\"] {
        assert_eq!(search(text).await, ids[1..], "{text}");
    }
    let wild = [format!("{}%{}", &word[..4], &word[8..]), format!("{}_{}", &word[..4], &word[5..]), format!("{word}%")];
    for text in wild {
        assert_eq!(search(&text).await, [], "{text}");
    }
}

/// Whatever somebody types is looked for as it stands: it is found where it is, and breaks nothing.
pub async fn hostile_searches_find_what_they_say(store: &dyn Store) {
    let author = stored_user(store).await;
    for text in HOSTILE {
        let course = Course { description: format!("before {text} after"), ..course(Some(author.id)) };
        insert_course(store, &course).await.expect("a new course");
        let filter = CourseFilter { author: Some(author.id), ..about(&format!("before {text} after")) };
        assert_eq!(listed(store, &filter).await, [course.id], "{text}");
    }
}

/// The list is sorted by the time a course was made, newest first, not by changes.
pub async fn the_catalogue_is_newest_first(store: &dyn Store) {
    let author = stored_user(store).await;
    let mut ids = Vec::new();
    for (made, changed) in [(5, 6), (9, 9), (1, 99), (7, 8)] {
        let course = stored(store, |course| {
            course.author = Some(author.id);
            course.created_at = at(made);
            course.updated_at = at(changed);
        });
        ids.push(course.await.id);
    }
    let filter = CourseFilter { author: Some(author.id), ..CourseFilter::default() };
    assert_eq!(listed(store, &filter).await, [ids[1], ids[3], ids[0], ids[2]]);
}

/// Page by page, of whatever size, each course is seen once, also if many were made at the same moment.
pub async fn a_cursor_walks_each_course_once(store: &dyn Store) {
    let author = stored_user(store).await;
    let mut expected = Vec::new();
    for n in 0..13_u64 {
        // One, then ten at one moment, then two more at another.
        let made = if n == 0 {
            9
        } else if n < 11 {
            5
        } else {
            1
        };
        let course = stored(store, |course| {
            course.author = Some(author.id);
            course.created_at = at(made);
        });
        expected.push((at(made), course.await.id));
    }
    expected.sort_by_key(|key| std::cmp::Reverse(*key));
    let filter = CourseFilter { author: Some(author.id), ..CourseFilter::default() };
    for size in [1, 2, 5, 12, 13, 14] {
        let walked = walk(size, async |page| store.read().courses_page(&filter, page).await).await;
        let walked: Vec<_> = walked.into_iter().map(|course| (course.created_at, course.id)).collect();
        assert_eq!(walked, expected, "pages of {size}");
    }
}
