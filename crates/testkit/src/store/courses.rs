//! Courses and lessons, the writing side.

use async_trait::async_trait;
use lyceum_domain::{
    courses::{Course, CourseFile, Courses, FilePath, Lesson, LessonPlace, PassageDraft, SourceKey},
    ids::{CourseId, LessonId, PassageId, UserId},
    store::{StoreError, Unique},
};

use super::{
    MemoryUnit,
    tables::{PassageRow, Tables, insert_new, refer},
};

fn check_names(tables: &Tables, course: &Course) -> Result<(), StoreError> {
    for other in tables.courses.values().filter(|other| other.id != course.id) {
        if other.slug == course.slug {
            return Err(StoreError::Duplicate(Unique::Slug));
        }
        let both_there = other.deleted_at.is_none() && course.deleted_at.is_none();
        if both_there && course.source.is_some() && other.source == course.source && other.author == course.author {
            return Err(StoreError::Duplicate(Unique::Source));
        }
    }
    match &course.author {
        Some(author) => refer(&tables.users, author, "user"),
        None => Ok(()),
    }
}

fn check_slug(tables: &Tables, lesson: &Lesson) -> Result<(), StoreError> {
    let is_taken = |other: &Lesson| other.id != lesson.id && other.course == lesson.course && other.slug == lesson.slug;
    if tables.lessons.values().any(is_taken) {
        return Err(StoreError::Duplicate(Unique::Slug));
    }
    Ok(())
}

#[async_trait]
impl Courses for MemoryUnit {
    async fn insert(&mut self, course: &Course) -> Result<(), StoreError> {
        self.run(|tables| {
            check_names(tables, course)?;
            insert_new(&mut tables.courses, course.id, course.clone())
        })
    }

    async fn update(&mut self, course: &Course) -> Result<(), StoreError> {
        self.run(|tables| {
            let stored = tables.courses.get(&course.id).ok_or(StoreError::Conflict)?;
            if stored.version != course.version {
                return Err(StoreError::Conflict);
            }
            check_names(tables, course)?;
            tables.courses.insert(course.id, Course { version: course.version + 1, ..course.clone() });
            Ok(())
        })
    }

    async fn find_by_source(
        &mut self,
        author: Option<UserId>,
        source: &SourceKey,
    ) -> Result<Option<Course>, StoreError> {
        self.run(|tables| {
            let is_meant = |course: &&Course| {
                course.author == author && course.source.as_ref() == Some(source) && course.deleted_at.is_none()
            };
            Ok(tables.courses.values().find(is_meant).cloned())
        })
    }

    async fn lessons(&mut self, course: CourseId) -> Result<Vec<Lesson>, StoreError> {
        self.run(|tables| Ok(tables.lessons_of(course).into_iter().cloned().collect()))
    }

    async fn insert_lessons(&mut self, lessons: &[Lesson]) -> Result<(), StoreError> {
        self.run(|tables| {
            for lesson in lessons {
                refer(&tables.courses, &lesson.course, "course")?;
                check_slug(tables, lesson)?;
                insert_new(&mut tables.lessons, lesson.id, lesson.clone())?;
            }
            Ok(())
        })
    }

    async fn update_lesson(&mut self, lesson: &Lesson) -> Result<(), StoreError> {
        self.run(|tables| {
            let stored = tables.lessons.get(&lesson.id).ok_or(StoreError::Conflict)?;
            if stored.version != lesson.version {
                return Err(StoreError::Conflict);
            }
            check_slug(tables, lesson)?;
            tables.lessons.insert(lesson.id, Lesson { version: lesson.version + 1, ..lesson.clone() });
            Ok(())
        })
    }

    async fn replace_passages(
        &mut self,
        course: CourseId,
        lesson: LessonId,
        passages: &[(PassageId, PassageDraft)],
    ) -> Result<(), StoreError> {
        self.run(|tables| {
            refer(&tables.lessons, &lesson, "lesson")?;
            tables.passages.retain(|_, passage| passage.lesson != lesson);
            for (id, draft) in passages {
                insert_new(&mut tables.passages, *id, PassageRow { course, lesson, draft: draft.clone() })?;
            }
            Ok(())
        })
    }

    async fn find(&mut self, id: CourseId) -> Result<Option<Course>, StoreError> {
        self.run(|tables| Ok(tables.courses.get(&id).cloned()))
    }

    async fn find_lesson(&mut self, id: LessonId) -> Result<Option<Lesson>, StoreError> {
        self.run(|tables| Ok(tables.lessons.get(&id).cloned()))
    }

    async fn place_lessons(&mut self, course: CourseId, places: &[LessonPlace]) -> Result<(), StoreError> {
        self.run(|tables| {
            for place in places {
                let lesson = tables.lessons.get_mut(&place.lesson).filter(|lesson| lesson.course == course);
                if let Some(lesson) = lesson {
                    lesson.position = place.position;
                    lesson.number.clone_from(&place.number);
                }
            }
            Ok(())
        })
    }

    async fn mark_counted(&mut self, course: CourseId, outline_revision: u32) -> Result<(), StoreError> {
        self.run(|tables| {
            if tables.courses.get(&course).is_some_and(|course| course.outline_revision == outline_revision) {
                tables.counted_revisions.insert(course, outline_revision);
            }
            Ok(())
        })
    }

    async fn files(&mut self, course: CourseId) -> Result<Vec<CourseFile>, StoreError> {
        self.run(|tables| Ok(tables.course_files.values().filter(|file| file.course == course).cloned().collect()))
    }

    async fn put_file(&mut self, file: &CourseFile) -> Result<(), StoreError> {
        self.run(|tables| {
            refer(&tables.courses, &file.course, "course")?;
            let key = (file.course, file.path.clone());
            if tables.course_files.iter().any(|(other, row)| *other != key && row.blob == file.blob) {
                return Err(StoreError::Duplicate(Unique::Key));
            }
            tables.course_files.insert(key, file.clone());
            Ok(())
        })
    }

    async fn remove_file(&mut self, course: CourseId, path: &FilePath) -> Result<bool, StoreError> {
        self.run(|tables| Ok(tables.course_files.remove(&(course, path.clone())).is_some()))
    }
}
