//! Courses.

use lyceum_domain::{
    courses::{Course, CourseFilter, CourseKey, CourseStatus, SourceKey, Title},
    ids::{CourseId, UserId},
    store::{Store, Unique},
};

use crate::{
    ambient::SequentialIds,
    contract::{
        fixtures::{HOSTILE, at, course, full_course, word},
        statements::{
            begin, expect_conflict, expect_duplicate, find_course, first_page, insert_course, stored_course,
            stored_user, update_course,
        },
    },
};

async fn by_source(store: &dyn Store, author: Option<UserId>, source: &SourceKey) -> Option<Course> {
    let mut unit = begin(store).await;
    unit.courses().find_by_source(author, source).await.expect("an answer")
}

async fn by_slug(store: &dyn Store, course: &Course) -> Option<Course> {
    store.read().course(&CourseKey::Slug(course.slug.clone())).await.expect("an answer")
}

/// Everything that is known of a course is kept, each time to the microsecond and each text character by character;
/// it is found by its id, its slug and its source.
pub async fn a_course_comes_back_as_it_was(store: &dyn Store) {
    let author = stored_user(store).await;
    let mut course = full_course(author.id);
    course.description = HOSTILE.join("\n");
    course.title = Title::parse("It's \"100 %\" _really_ \\ 🦀").expect("a title");
    insert_course(store, &course).await.expect("a new course");
    let source = course.source.clone().expect("a source");
    assert_eq!(find_course(store, course.id).await.as_ref(), Some(&course));
    assert_eq!(by_slug(store, &course).await.as_ref(), Some(&course));
    assert_eq!(by_source(store, Some(author.id), &source).await, Some(course));
}

/// What is not known of a course is not known afterwards either; a course may have no author. All words for its
/// status are kept.
pub async fn a_course_without_optional_fields_comes_back_as_it_was(store: &dyn Store) {
    for status in [CourseStatus::Draft, CourseStatus::Published, CourseStatus::Archived] {
        let course = Course { status, ..course(None) };
        insert_course(store, &course).await.expect("a new course");
        assert_eq!(find_course(store, course.id).await, Some(course));
    }
}

/// Nothing is found by an id, a slug or a source that nobody has, and the outline of nothing is empty.
pub async fn an_unknown_course_is_none(store: &dyn Store) {
    let unknown = course(None);
    assert_eq!(find_course(store, unknown.id).await, None);
    assert_eq!(by_slug(store, &unknown).await, None);
    assert_eq!(by_source(store, None, &SourceKey::mdbook(&word())).await, None);
    assert_eq!(store.read().outline(unknown.id).await.expect("an answer").0, []);
}

/// A second course of a slug is a duplicate, new or changed, whoever its author is; so is one of an id.
pub async fn a_slug_is_taken_once(store: &dyn Store) {
    let author = stored_user(store).await;
    let (first, _) = stored_course(store, 0).await;
    let same_slug = Course { slug: first.slug.clone(), ..course(Some(author.id)) };
    expect_duplicate(insert_course(store, &same_slug).await, Unique::Slug);
    let (second, _) = stored_course(store, 0).await;
    expect_duplicate(update_course(store, &Course { slug: first.slug.clone(), ..second.clone() }).await, Unique::Slug);
    assert_eq!(find_course(store, second.id).await, Some(second));
    expect_duplicate(insert_course(store, &Course { id: first.id, ..course(None) }).await, Unique::Key);
}

/// A second course of an author from one source is a duplicate; another author may have one, and the house too. Each
/// finds their own.
pub async fn a_source_is_taken_once_by_each_author(store: &dyn Store) {
    let (one, two) = (stored_user(store).await, stored_user(store).await);
    let source = SourceKey::mdbook(&word());
    let of = |author: Option<UserId>| Course { source: Some(source.clone()), ..course(author) };
    let (ones, twos, house) = (of(Some(one.id)), of(Some(two.id)), of(None));
    for course in [&ones, &twos, &house] {
        insert_course(store, course).await.expect("a new course");
    }
    expect_duplicate(insert_course(store, &of(Some(one.id))).await, Unique::Source);
    assert_eq!(by_source(store, Some(one.id), &source).await, Some(ones));
    assert_eq!(by_source(store, Some(two.id), &source).await, Some(twos));
    assert_eq!(by_source(store, None, &source).await, Some(house));
    for _ in 0..2 {
        insert_course(store, &course(Some(one.id))).await.expect("courses without a source are no duplicates");
    }
}

/// A second course of the house from one source is a duplicate too, though the house is no author.
pub async fn a_source_is_taken_once_by_the_house(store: &dyn Store) {
    let source = SourceKey::mdbook(&word());
    let first = Course { source: Some(source.clone()), ..course(None) };
    insert_course(store, &first).await.expect("a new course");
    let second = Course { source: Some(source), ..course(None) };
    expect_duplicate(insert_course(store, &second).await, Unique::Source);
}

/// The source of a removed course can be imported again, as another course; the slug is not given away.
pub async fn a_removed_course_frees_its_source(store: &dyn Store) {
    let author = stored_user(store).await;
    let first = full_course(author.id);
    let source = first.source.clone().expect("a source");
    insert_course(store, &first).await.expect("a new course");
    update_course(store, &Course { deleted_at: Some(at(9)), ..first.clone() }).await.expect("saved");
    assert_eq!(by_source(store, Some(author.id), &source).await, None);
    let same_slug = Course { slug: first.slug, ..course(None) };
    expect_duplicate(insert_course(store, &same_slug).await, Unique::Slug);
    let second = Course { source: Some(source.clone()), ..course(Some(author.id)) };
    insert_course(store, &second).await.expect("the source is free");
    assert_eq!(by_source(store, Some(author.id), &source).await, Some(second));
}

/// A save keeps all that changed, back to nothing too, and makes the stored version one higher.
pub async fn a_saved_course_has_the_next_version(store: &dyn Store) {
    let author = stored_user(store).await;
    let new = course(Some(author.id));
    insert_course(store, &new).await.expect("a new course");
    let filled = Course { id: new.id, ..full_course(author.id) };
    update_course(store, &filled).await.expect("saved");
    assert_eq!(find_course(store, new.id).await, Some(Course { version: 2, ..filled }));
    update_course(store, &Course { version: 2, ..new.clone() }).await.expect("saved");
    assert_eq!(find_course(store, new.id).await, Some(Course { version: 3, ..new }));
}

/// Who loaded a course before somebody else saved it cannot save it; nor is one saved that was never stored.
pub async fn a_stale_course_is_a_conflict(store: &dyn Store) {
    let (loaded, _) = stored_course(store, 0).await;
    update_course(store, &Course { lesson_count: 1, ..loaded.clone() }).await.expect("saved");
    expect_conflict(update_course(store, &Course { lesson_count: 2, ..loaded.clone() }).await);
    assert_eq!(find_course(store, loaded.id).await, Some(Course { lesson_count: 1, version: 2, ..loaded.clone() }));
    let id = CourseId::new(&SequentialIds);
    expect_conflict(update_course(store, &Course { id, ..course(None) }).await);
    assert_eq!(find_course(store, id).await, None);
}

/// A removed course is found by no key, is in no list of anybody, and its lessons are not there.
pub async fn a_removed_course_is_nowhere(store: &dyn Store) {
    let (course, lessons) = stored_course(store, 1).await;
    update_course(store, &Course { deleted_at: Some(at(9)), ..course.clone() }).await.expect("saved");
    assert_eq!(find_course(store, course.id).await, None);
    assert_eq!(by_slug(store, &course).await, None);
    assert_eq!(store.read().lesson(lessons[0].id).await.expect("an answer"), None);
    let filter = CourseFilter { text: Some(course.title.to_string()), all_drafts: true, ..CourseFilter::default() };
    let page = store.read().courses_page(&filter, first_page()).await.expect("an answer");
    assert_eq!(page.items, []);
}
