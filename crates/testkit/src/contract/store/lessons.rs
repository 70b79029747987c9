//! Lessons and outlines.

use lyceum_domain::{
    courses::{Lesson, LessonNumber, LessonPlace, OutlineEntry},
    ids::{CourseId, LessonId},
    store::{Store, Unique},
};

use crate::{
    ambient::SequentialIds,
    contract::{
        fixtures::{at, full_lesson, lesson},
        statements::{begin, expect_conflict, expect_duplicate, insert_lessons, lessons, stored_course, update_lesson},
    },
};

async fn found(store: &dyn Store, id: LessonId) -> Option<Lesson> {
    store.read().lesson(id).await.expect("an answer").map(|(lesson, _)| lesson)
}

async fn stored(store: &dyn Store, lesson: Lesson) -> Lesson {
    insert_lessons(store, std::slice::from_ref(&lesson)).await.expect("a new lesson");
    lesson
}

async fn outline(store: &dyn Store, course: CourseId) -> Vec<OutlineEntry> {
    store.read().outline(course).await.expect("an answer").0
}

/// Everything that is known of a lesson is kept, each time to the microsecond and its text character by character,
/// however long; it comes with its course.
pub async fn a_lesson_comes_back_as_it_was(store: &dyn Store) {
    let (course, _) = stored_course(store, 0).await;
    let mut full = full_lesson(course.id, 3);
    full.content.push_str(&"A long lesson. 🦀\n".repeat(20_000));
    let full = stored(store, full).await;
    assert_eq!(store.read().lesson(full.id).await.expect("an answer"), Some((full.clone(), course.clone())));
    assert_eq!(lessons(store, course.id).await.expect("an answer"), [full]);
}

/// What is not known of a lesson is not known afterwards either.
pub async fn a_lesson_without_optional_fields_comes_back_as_it_was(store: &dyn Store) {
    let (course, lessons) = stored_course(store, 1).await;
    let answer = store.read().lesson(lessons[0].id).await.expect("an answer");
    assert_eq!(answer, Some((lessons[0].clone(), course)));
}

/// A second lesson of a slug in one course is a duplicate, also if the first was removed: addresses don't change
/// their meaning. Another course may have it.
pub async fn a_lesson_slug_is_taken_once_in_its_course(store: &dyn Store) {
    let (course, first) = stored_course(store, 1).await;
    let first = first[0].clone();
    let same_slug = |course| Lesson { slug: first.slug.clone(), ..lesson(course, 9) };
    expect_duplicate(insert_lessons(store, &[same_slug(course.id)]).await, Unique::Slug);
    update_lesson(store, &Lesson { deleted_at: Some(at(1)), ..first.clone() }).await.expect("saved");
    expect_duplicate(insert_lessons(store, &[same_slug(course.id)]).await, Unique::Slug);
    let (other, _) = stored_course(store, 0).await;
    insert_lessons(store, &[same_slug(other.id)]).await.expect("another course");
    expect_duplicate(insert_lessons(store, &[Lesson { id: first.id, ..lesson(other.id, 9) }]).await, Unique::Key);
}

/// A save keeps all that changed, back to nothing too, and makes the stored version one higher.
pub async fn a_saved_lesson_has_the_next_version(store: &dyn Store) {
    let (course, new) = stored_course(store, 1).await;
    let new = new[0].clone();
    let filled = Lesson { id: new.id, slug: new.slug.clone(), ..full_lesson(course.id, 5) };
    update_lesson(store, &filled).await.expect("saved");
    assert_eq!(found(store, new.id).await, Some(Lesson { version: 2, ..filled }));
    update_lesson(store, &Lesson { version: 2, ..new.clone() }).await.expect("saved");
    assert_eq!(found(store, new.id).await, Some(Lesson { version: 3, ..new }));
}

/// Who loaded a lesson before somebody else saved it cannot save it; nor is one saved that was never stored.
pub async fn a_stale_lesson_is_a_conflict(store: &dyn Store) {
    let (course, loaded) = stored_course(store, 1).await;
    let loaded = loaded[0].clone();
    update_lesson(store, &Lesson { depth: 1, ..loaded.clone() }).await.expect("saved");
    expect_conflict(update_lesson(store, &Lesson { depth: 2, ..loaded.clone() }).await);
    assert_eq!(found(store, loaded.id).await, Some(Lesson { depth: 1, version: 2, ..loaded }));
    expect_conflict(update_lesson(store, &lesson(course.id, 7)).await);
}

/// Whoever imports sees all lessons of a course, removed and unwritten ones too, by their position, whatever the
/// order they were stored in; lessons of one position (one of them removed) come by id.
pub async fn lessons_come_in_reading_order_with_the_removed_ones(store: &dyn Store) {
    let (course, _) = stored_course(store, 0).await;
    let (other, _) = stored_course(store, 2).await;
    let third = Lesson { deleted_at: Some(at(1)), ..lesson(course.id, 2) };
    let second = full_lesson(course.id, 1);
    let first = lesson(course.id, 0);
    let last = lesson(course.id, 2);
    insert_lessons(store, &[last.clone(), third.clone(), second.clone(), first.clone()]).await.expect("new lessons");
    assert_eq!(lessons(store, course.id).await.expect("an answer"), [first, second, third, last]);
    assert_eq!(lessons(store, other.id).await.expect("an answer").len(), 2);
}

/// An outline has every lesson that was not removed, unwritten ones too, by position, with all but the content.
pub async fn an_outline_has_the_lessons_that_are_there_in_reading_order(store: &dyn Store) {
    let (course, _) = stored_course(store, 0).await;
    stored_course(store, 2).await;
    let removed = Lesson { deleted_at: Some(at(1)), ..lesson(course.id, 0) };
    let unwritten = full_lesson(course.id, 1);
    let written = lesson(course.id, 0);
    insert_lessons(store, &[unwritten.clone(), removed, written.clone()]).await.expect("new lessons");
    assert_eq!(outline(store, course.id).await, [written.entry(), unwritten.entry()]);
}

/// A removed lesson is not found and is in no outline; when it comes back, it is the same.
pub async fn a_removed_lesson_does_not_exist(store: &dyn Store) {
    let (course, lessons) = stored_course(store, 2).await;
    let removed = Lesson { deleted_at: Some(at(1)), ..lessons[0].clone() };
    update_lesson(store, &removed).await.expect("saved");
    assert_eq!(found(store, removed.id).await, None);
    assert_eq!(outline(store, course.id).await, [lessons[1].entry()]);
    update_lesson(store, &Lesson { version: 2, ..lessons[0].clone() }).await.expect("saved");
    assert_eq!(found(store, removed.id).await, Some(Lesson { version: 3, ..lessons[0].clone() }));
}

/// A course of thousands of lessons is stored in one call, and so is nothing: no limit of a statement shows.
pub async fn a_long_course_is_stored_at_once(store: &dyn Store) {
    let (course, _) = stored_course(store, 0).await;
    insert_lessons(store, &[]).await.expect("nothing to store");
    let many: Vec<Lesson> = (0..2500).map(|position| lesson(course.id, position)).collect();
    insert_lessons(store, &many).await.expect("new lessons");
    assert!(lessons(store, course.id).await.expect("an answer") == many);
}

/// Where the written lessons of a course came from leads to their names; what was written by hand came from nowhere.
pub async fn the_paths_of_lessons_lead_to_their_slugs(store: &dyn Store) {
    let (course, _) = stored_course(store, 0).await;
    let from = |path: &str, position| Lesson { source_path: Some(path.into()), ..lesson(course.id, position) };
    let (second, first) = (stored(store, from("src/b.md", 2)).await, stored(store, from("src/a.md", 1)).await);
    stored(store, Lesson { source_path: None, ..lesson(course.id, 3) }).await;
    stored(store, Lesson { is_draft: true, ..from("src/c.md", 4) }).await;
    stored(store, Lesson { deleted_at: Some(at(1)), ..from("src/d.md", 5) }).await;
    let (other, _) = stored_course(store, 0).await;
    stored(store, Lesson { source_path: Some("src/a.md".into()), ..lesson(other.id, 0) }).await;
    let expected = [("src/a.md".to_owned(), first.slug), ("src/b.md".to_owned(), second.slug)];
    assert_eq!(store.read().source_paths(course.id).await.expect("an answer"), expected);
}

async fn find(store: &dyn Store, id: LessonId) -> Option<Lesson> {
    begin(store).await.courses().find_lesson(id).await.expect("an answer")
}

/// A unit finds a lesson whole, a removed one too.
pub async fn a_unit_finds_removed_lessons_too(store: &dyn Store) {
    let (course, _) = stored_course(store, 0).await;
    let full = stored(store, full_lesson(course.id, 1)).await;
    let removed = stored(store, Lesson { deleted_at: Some(at(4)), ..full_lesson(course.id, 0) }).await;
    assert_eq!(find(store, full.id).await, Some(full));
    assert_eq!(find(store, removed.id).await, Some(removed));
    assert_eq!(find(store, LessonId::new(&SequentialIds)).await, None);
}

/// Lessons are put in their places, with or without a number; nothing else of them moves, so who loaded one before can
/// save it. Lessons that are not named stay where they are, and so do those of another course.
pub async fn lessons_are_placed_without_a_change(store: &dyn Store) {
    let (course, before) = stored_course(store, 4).await;
    let (_, others) = stored_course(store, 1).await;
    let removed = Lesson { deleted_at: Some(at(1)), version: 2, ..before[3].clone() };
    update_lesson(store, &Lesson { version: 1, ..removed.clone() }).await.expect("saved");
    let number = |text: &str| Some(LessonNumber::parse(text).expect("a number"));
    let place = |lesson: &Lesson, position, number| LessonPlace { lesson: lesson.id, position, number };
    let places = [
        place(&before[2], 0, number("1")),
        place(&before[0], 1, number("1.1")),
        place(&before[3], 7, number("9")),
        place(&others[0], 5, number("5")),
    ];
    let mut unit = begin(store).await;
    unit.courses().place_lessons(course.id, &places).await.expect("placed");
    unit.courses().place_lessons(course.id, &[]).await.expect("nothing to place");
    unit.commit().await.expect("kept");
    let expected = [
        Lesson { position: 0, number: number("1"), ..before[2].clone() },
        Lesson { position: 1, number: number("1.1"), ..before[0].clone() },
        before[1].clone(),
        Lesson { position: 7, number: number("9"), ..removed },
    ];
    let found = lessons(store, course.id).await.expect("an answer");
    let mut expected_order = expected.to_vec();
    expected_order.sort_by_key(|lesson| (lesson.position, lesson.id));
    assert_eq!(found, expected_order);
    assert_eq!(self::found(store, others[0].id).await, Some(others[0].clone()));

    let mut unit = begin(store).await;
    let back = [place(&before[2], 2, None), place(&before[0], 0, None)];
    unit.courses().place_lessons(course.id, &back).await.expect("placed");
    unit.commit().await.expect("kept");
    assert_eq!(self::found(store, before[2].id).await, Some(before[2].clone()));
    update_lesson(store, &Lesson { depth: 3, ..before[0].clone() }).await.expect("no version moved");
}

/// Thousands of lessons are placed in one call.
pub async fn a_long_course_is_placed_at_once(store: &dyn Store) {
    let (course, before) = stored_course(store, 1500).await;
    let last = u32::try_from(before.len()).expect("few") - 1;
    let places: Vec<_> = before
        .iter()
        .map(|lesson| LessonPlace { lesson: lesson.id, position: last - lesson.position, number: None })
        .collect();
    let mut unit = begin(store).await;
    unit.courses().place_lessons(course.id, &places).await.expect("placed");
    unit.commit().await.expect("kept");
    let found: Vec<_> = outline(store, course.id).await.into_iter().map(|entry| entry.id).collect();
    assert!(found.into_iter().eq(before.iter().rev().map(|lesson| lesson.id)));
}

/// The lessons that were removed from a course are listed in the order in which they stood, with all but the content,
/// unwritten ones too; those that are there are not.
pub async fn removed_lessons_are_listed_where_they_stood(store: &dyn Store) {
    let (course, there) = stored_course(store, 2).await;
    let (other, _) = stored_course(store, 1).await;
    let last = Lesson { deleted_at: Some(at(1)), ..full_lesson(course.id, 3) };
    let first = Lesson { deleted_at: Some(at(2)), ..lesson(course.id, 0) };
    insert_lessons(store, &[last.clone(), first.clone()]).await.expect("new lessons");
    update_lesson(store, &Lesson { deleted_at: Some(at(3)), ..there[1].clone() }).await.expect("saved");
    let removed = async |course| store.read().removed_lessons(course).await.expect("an answer");
    assert_eq!(removed(course.id).await, [first.entry(), there[1].entry(), last.entry()]);
    assert_eq!(removed(other.id).await, []);
    update_lesson(store, &Lesson { deleted_at: None, version: 2, ..there[1].clone() }).await.expect("saved");
    assert_eq!(removed(course.id).await, [first.entry(), last.entry()]);
    assert_eq!(removed(CourseId::new(&SequentialIds)).await, []);
}
