//! Courses that were removed: found by whoever may bring them back.

use lyceum_domain::{
    courses::{Course, CourseKey, Slug},
    ids::CourseId,
    page::PageRequest,
    store::Store,
};

use crate::{
    ambient::SequentialIds,
    contract::{
        fixtures::{at, course, full_course, word},
        statements::{begin, find_course, first_page, insert_course, stored_course, stored_user, update_course, walk},
    },
};

async fn find(store: &dyn Store, id: CourseId) -> Option<Course> {
    begin(store).await.courses().find(id).await.expect("an answer")
}

async fn removed(store: &dyn Store, key: CourseKey) -> Option<Course> {
    store.read().removed_course(&key).await.expect("an answer")
}

/// A unit finds a course whole, a removed one too.
pub async fn a_unit_finds_removed_courses_too(store: &dyn Store) {
    let author = stored_user(store).await;
    let there = full_course(author.id);
    let gone = Course { deleted_at: Some(at(4)), ..full_course(author.id) };
    for course in [&there, &gone] {
        insert_course(store, course).await.expect("a new course");
        assert_eq!(find(store, course.id).await.as_ref(), Some(course));
    }
    assert_eq!(find(store, CourseId::new(&SequentialIds)).await, None);
}

/// A removed course is found as such by its id and its slug, and one that is there is not; when it comes back, it is the
/// other way round.
pub async fn a_removed_course_is_found_as_such(store: &dyn Store) {
    let (course, _) = stored_course(store, 1).await;
    let keys = || [CourseKey::Id(course.id), CourseKey::Slug(course.slug.clone())];
    for key in keys() {
        assert_eq!(removed(store, key).await, None);
    }
    let gone = Course { deleted_at: Some(at(1)), version: 2, ..course.clone() };
    update_course(store, &Course { version: 1, ..gone.clone() }).await.expect("saved");
    for key in keys() {
        assert_eq!(removed(store, key).await.as_ref(), Some(&gone));
    }
    update_course(store, &Course { deleted_at: None, ..gone }).await.expect("saved");
    for key in keys() {
        assert_eq!(removed(store, key).await, None);
    }
    assert_eq!(find_course(store, course.id).await, Some(Course { version: 3, ..course }));
}

/// The removed courses of an author are listed newest first, page by page each once, without those that are there; a list
/// of all has everybody's, the house's too.
pub async fn removed_courses_are_listed_newest_first(store: &dyn Store) {
    let (author, other) = (stored_user(store).await.id, stored_user(store).await.id);
    let mut expected = Vec::new();
    for n in 0..7_u64 {
        let created_at = at(if n < 4 { 5 } else { 20 - n });
        let gone = Course { created_at, deleted_at: Some(at(50 + n)), ..course(Some(author)) };
        insert_course(store, &gone).await.expect("a new course");
        expected.push(gone);
    }
    expected.sort_by_key(|course| std::cmp::Reverse((course.created_at, course.id)));
    insert_course(store, &course(Some(author))).await.expect("a new course");
    let mut others = Vec::new();
    for author in [Some(other), None] {
        let gone = Course { deleted_at: Some(at(1)), ..course(author) };
        insert_course(store, &gone).await.expect("a new course");
        others.push(gone);
    }
    for size in [1, 3, 6, 7, 8] {
        let page = async |page: PageRequest| store.read().removed_courses_page(Some(author), page).await;
        assert_eq!(walk(size, page).await, expected, "pages of {size}");
    }
    let of_other = store.read().removed_courses_page(Some(other), first_page()).await.expect("an answer").items;
    assert_eq!(of_other, others[..1]);
    let all = walk(100, async |page| store.read().removed_courses_page(None, page).await).await;
    assert!(all.iter().all(|course| course.deleted_at.is_some()));
    for course in expected.iter().chain(&others) {
        assert_eq!(all.iter().filter(|found| *found == course).count(), 1);
    }
}

/// A slug is taken by a course that is there and by one that was removed, and by nobody else.
pub async fn a_slug_is_taken_by_a_removed_course_too(store: &dyn Store) {
    let (there, lessons) = stored_course(store, 1).await;
    let gone = Course { deleted_at: Some(at(1)), ..course(None) };
    insert_course(store, &gone).await.expect("a new course");
    let is_taken = async |slug: &Slug| store.read().is_slug_taken(slug).await.expect("an answer");
    assert!(is_taken(&there.slug).await);
    assert!(is_taken(&gone.slug).await);
    assert!(!is_taken(&Slug::parse(&word()).expect("a slug")).await);
    assert!(!is_taken(&lessons[0].slug).await, "a lesson's slug is no course's");
}
