//! What only shows where one unit waits for another's rows: on PostgreSQL.

use std::{sync::Arc, time::Duration};

use lyceum_domain::{ids::ProgressEventId, progress::LessonStatus, store::Store as _};
use lyceum_storage_seaorm::SeaOrmStore;
use lyceum_testkit::{
    ambient::SequentialIds,
    contract::{
        self,
        fixtures::at,
        statements::{recorded, recount, revise_outline, stored_course, stored_history, stored_user},
    },
};

use crate::databases::postgres_database;

/// The row that is waited for is counted as it is then, and so must be the lessons.
#[test]
fn who_counts_anew_counts_the_step_that_they_waited_for() {
    let name = "waiting::who_counts_anew_counts_the_step_that_they_waited_for";
    contract::run(name, async {
        let Some(settings) = postgres_database().await else {
            return contract::skip(name, "TEST_DATABASE_URL is not set");
        };
        let store = Arc::new(SeaOrmStore::connect(&settings).await.expect("connects"));
        let learner = stored_user(&*store).await.id;
        let (course, lessons) = stored_course(&*store, 2).await;
        recorded(&*store, learner, &lessons[0], LessonStatus::Completed, at(1)).await;

        // A step is taken under the first revision, and not yet kept when the second comes.
        let standing = store.read().lesson_standing(learner, lessons[1].id).await.expect("an answer");
        let standing = standing.expect("a lesson");
        let mut progress = standing.progress.expect("progress");
        let id = ProgressEventId::new(&SequentialIds);
        let change = progress.record(id, lessons[1].id, standing.status, LessonStatus::Completed, at(2));
        let mut unit = store.begin().await.expect("begins");
        unit.progress().save(&progress, &change).await.expect("saved");
        let revision = revise_outline(&*store, course.id).await;

        let mut counting = tokio::task::JoinSet::new();
        let (same, id) = (Arc::clone(&store), course.id);
        counting.spawn(async move { recount(&*same, id, 10).await });
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(counting.try_join_next().is_none(), "it waits");
        unit.commit().await.expect("kept");
        assert_eq!(counting.join_next().await.expect("a task").expect("ends").expect("counted"), 1);
        let stored = stored_history(&*store, learner, course.id).await.stored.expect("progress");
        assert_eq!((stored.completed_lessons, stored.outline_revision, stored.version), (2, revision, 2));
    });
}
