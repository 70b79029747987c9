//! The files of courses.

use lyceum_domain::{
    courses::{Course, CourseFile, FilePath},
    ids::CourseId,
    store::Store,
};

use crate::contract::{
    fixtures::{HOSTILE, at, course_file, sha256},
    statements::{begin, find_course, put_file, remove_file, stored_course, update_course},
};

async fn files(store: &dyn Store, course: CourseId) -> Vec<CourseFile> {
    begin(store).await.courses().files(course).await.expect("an answer")
}

async fn file(store: &dyn Store, course: CourseId, path: &FilePath) -> Option<CourseFile> {
    store.read().course_file(course, path).await.expect("an answer")
}

/// A file comes back as it was, by its path, whatever that is; two courses may have one path each.
pub async fn a_file_comes_back_as_it_was(store: &dyn Store) {
    let (one, _) = stored_course(store, 0).await;
    let (two, _) = stored_course(store, 0).await;
    let hostile = HOSTILE.iter().map(|text| text.replace(['\n', '\t', '\\', '/'], " "));
    for path in hostile.chain(["src/img/a b.png".to_owned(), "x".repeat(1000)]) {
        let ours = CourseFile { updated_at: at(9), ..course_file(one.id, &path) };
        let theirs = CourseFile { size: 0, ..course_file(two.id, &path) };
        for new in [&ours, &theirs] {
            put_file(store, new).await.expect("a new file");
        }
        assert_eq!(file(store, one.id, &ours.path).await.as_ref(), Some(&ours), "{path}");
        assert_eq!(file(store, two.id, &ours.path).await, Some(theirs), "{path}");
    }
}

/// Files are listed by path, character by character in the order of their code points, those of the course alone.
pub async fn files_are_listed_by_path(store: &dyn Store) {
    let (course, _) = stored_course(store, 0).await;
    let (other, _) = stored_course(store, 0).await;
    let in_order =
        ["A/b.png", "B.png", "a-b.png", "a.png", "a/b.png", "a/ä.png", "a_b.png", "ab.png", "b", "ü.svg", "🦀"];
    let mut expected: Vec<CourseFile> = in_order.iter().map(|path| course_file(course.id, path)).collect();
    for n in [3, 0, 10, 7, 1, 9, 2, 8, 4, 6, 5] {
        put_file(store, &expected[n]).await.expect("a new file");
    }
    put_file(store, &course_file(other.id, "a.png")).await.expect("a new file");
    assert_eq!(files(store, course.id).await, expected);
    expected.remove(4);
    let path = FilePath::parse("a/b.png").expect("a path");
    assert!(remove_file(store, course.id, &path).await.expect("removed"));
    assert_eq!(files(store, course.id).await, expected);
}

/// A file takes the place of the one of its path; another path, or one in another case, is another file.
pub async fn a_file_takes_the_place_of_the_one_before(store: &dyn Store) {
    let (course, _) = stored_course(store, 0).await;
    let first = course_file(course.id, "img/a.png");
    let beside = course_file(course.id, "img/A.png");
    let second = CourseFile { size: 7, sha256: sha256(), updated_at: at(5), ..course_file(course.id, "img/a.png") };
    for new in [&first, &beside, &second] {
        put_file(store, new).await.expect("a file");
    }
    assert_eq!(files(store, course.id).await, [beside.clone(), second.clone()]);
    // What is known of a file can change while its bytes stay.
    let touched = CourseFile { updated_at: at(6), ..second };
    put_file(store, &touched).await.expect("a file");
    assert_eq!(files(store, course.id).await, [beside, touched]);
}

/// A removed file is gone, once; what is not there cannot be removed.
pub async fn a_file_is_removed_once(store: &dyn Store) {
    let (one, _) = stored_course(store, 0).await;
    let (two, _) = stored_course(store, 0).await;
    let gone = course_file(one.id, "a.png");
    let kept = course_file(two.id, "a.png");
    for new in [&gone, &kept] {
        put_file(store, new).await.expect("a new file");
    }
    assert!(remove_file(store, one.id, &gone.path).await.expect("removed"));
    assert!(!remove_file(store, one.id, &gone.path).await.expect("an answer"));
    assert_eq!(file(store, one.id, &gone.path).await, None);
    assert_eq!(file(store, two.id, &kept.path).await, Some(kept));
}

/// A removed course keeps its files for the day it comes back; a file is no change of its course.
pub async fn a_removed_course_keeps_its_files(store: &dyn Store) {
    let (course, _) = stored_course(store, 0).await;
    let kept = course_file(course.id, "a.png");
    put_file(store, &kept).await.expect("a new file");
    assert_eq!(find_course(store, course.id).await.as_ref(), Some(&course));
    update_course(store, &Course { deleted_at: Some(at(1)), ..course.clone() }).await.expect("saved");
    assert_eq!(files(store, course.id).await, [kept]);
}
