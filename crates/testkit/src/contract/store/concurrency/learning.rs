//! Many at once who learn, upload and ask twice.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use lyceum_domain::{
    blobs::{BlobKey, BlobRemoval},
    courses::{Course, Lesson},
    idempotency::{Claim, Claimed},
    ids::{ClaimId, DocumentId, ProgressEventId},
    progress::LessonStatus,
    store::{Store, StoreError},
    subjects::Document,
};

use super::{at_once, until_kept};
use crate::{
    ambient::SequentialIds,
    contract::{
        fixtures::{at, claim, document, in_year, progress, settled_answer, subject},
        statements::{
            expect_conflict, first_page, insert_document, insert_subject, recorded, recount, remove_subject,
            revise_outline, schedule_removals, settle_claim, stored_course, stored_history, stored_progress,
            stored_subject, stored_user, take_due, take_unread, update_lesson,
        },
    },
};

/// Two hundred lessons of one learner that are completed at the same moment, each loading anew after a conflict, are two
/// hundred completed lessons and two hundred events with the numbers from 1: none is lost, none is doubled.
pub async fn two_hundred_steps_at_once_are_two_hundred_events(store: Arc<dyn Store>) {
    let learner = stored_user(&*store).await.id;
    let (course, lessons) = stored_course(&*store, 200).await;
    let results = at_once(lessons.len(), |i| {
        let (store, lesson, course) = (Arc::clone(&store), lessons[i].id, course.id);
        until_kept(move || {
            let store = Arc::clone(&store);
            async move {
                let standing = store.read().lesson_standing(learner, lesson).await?.expect("a lesson");
                let mut mine = standing.progress.unwrap_or_else(|| progress(learner, course));
                let id = ProgressEventId::new(&SequentialIds);
                let change = mine.record(id, lesson, standing.status, LessonStatus::Completed, at(2));
                store.write().save_progress(&mine, &change).await
            }
        })
    });
    for result in results.await {
        result.expect("saved");
    }
    let progress = stored_progress(&*store, learner, course.id).await;
    assert_eq!((progress.completed_lessons, progress.version), (200, 200));
    let history = stored_history(&*store, learner, course.id).await;
    assert!(history.events.iter().map(|event| event.sequence).eq(1..=200));
    assert_eq!(history.events.iter().map(|event| event.id).collect::<BTreeSet<_>>().len(), 200);
    assert!(
        history.lessons.len() == 200 && history.lessons.values().all(|(status, _)| *status == LessonStatus::Completed)
    );
}

/// Counts are right however steps, the removal of a lesson and counting anew fall together.
pub async fn steps_and_recounts_at_once_stay_right(store: Arc<dyn Store>) {
    let learner = stored_user(&*store).await.id;
    let (course, lessons) = stored_course(&*store, 21).await;
    recorded(&*store, learner, &lessons[20], LessonStatus::Completed, at(1)).await;
    let results = at_once(25, |i| {
        let (store, lesson, course) = (Arc::clone(&store), lessons[i.min(20)].clone(), course.id);
        until_kept(move || {
            let (store, lesson) = (Arc::clone(&store), lesson.clone());
            async move {
                if i == 20 {
                    let gone = Lesson { deleted_at: Some(at(3)), ..lesson };
                    let mut unit = store.begin().await?;
                    unit.courses().update_lesson(&gone).await?;
                    let course = unit.courses().find(course).await?.expect("a course");
                    let outline_revision = course.outline_revision + 1;
                    let next = Course { outline_revision, lesson_count: 20, ..course };
                    unit.courses().update(&next).await?;
                    return unit.commit().await;
                }
                if i > 20 {
                    return recount(&*store, course, 10).await.map(drop);
                }
                let standing = store.read().lesson_standing(learner, lesson.id).await?.expect("a lesson");
                let mut mine = standing.progress.unwrap_or_else(|| progress(learner, course));
                let id = ProgressEventId::new(&SequentialIds);
                let change = mine.record(id, lesson.id, standing.status, LessonStatus::Completed, at(2));
                store.write().save_progress(&mine, &change).await
            }
        })
    });
    for result in results.await {
        result.expect("kept");
    }
    assert_eq!(stored_progress(&*store, learner, course.id).await.completed_lessons, 20);
    recount(&*store, course.id, 10).await.expect("counted");
    let stored = stored_history(&*store, learner, course.id).await.stored.expect("progress");
    assert_eq!((stored.completed_lessons, stored.outline_revision, stored.version), (20, 2, 21));
}

/// Two who count anew at once count nobody twice, and leave nobody.
pub async fn recounts_at_once_leave_nobody(store: Arc<dyn Store>) {
    let (course, lessons) = stored_course(&*store, 2).await;
    let mut learners = Vec::new();
    for n in 0..12 {
        let learner = stored_user(&*store).await.id;
        recorded(&*store, learner, &lessons[0], LessonStatus::Completed, at(n)).await;
        learners.push(learner);
    }
    let gone = Lesson { deleted_at: Some(at(20)), ..lessons[0].clone() };
    update_lesson(&*store, &gone).await.expect("saved");
    let revision = revise_outline(&*store, course.id).await;
    let results = at_once(4, |_| {
        let (store, course) = (Arc::clone(&store), course.id);
        async move {
            let mut counted = 0;
            loop {
                match until_kept(|| recount(&*store, course, 2)).await? {
                    0 => return Ok::<_, StoreError>(counted),
                    more => counted += more,
                }
            }
        }
    });
    let counted: u64 = results.await.into_iter().map(|result| result.expect("counted")).sum();
    assert_eq!(counted, 12);
    for learner in learners {
        let stored = stored_history(&*store, learner, course.id).await.stored.expect("progress");
        assert_eq!((stored.completed_lessons, stored.outline_revision), (0, revision));
    }
}

/// Many that make subjects at the same moment don't pass what is allowed together.
pub async fn parallel_subjects_keep_to_the_limit(store: Arc<dyn Store>) {
    let owner = stored_user(&*store).await.id;
    let results = at_once(10, |_| {
        let (store, subject) = (Arc::clone(&store), subject(owner));
        async move { insert_subject(&*store, &subject, 3).await }
    });
    let (kept, refused): (Vec<_>, Vec<_>) = results.await.into_iter().partition(Result::is_ok);
    refused.into_iter().for_each(expect_conflict);
    let listed = async || store.read().subjects_page(owner, false, first_page()).await.expect("an answer").items.len();
    assert_eq!(listed().await, kept.len());
    assert!((1..=3).contains(&kept.len()), "{} were kept", kept.len());
    while listed().await < 3 {
        insert_subject(&*store, &subject(owner), 3).await.expect("there is room");
    }
    expect_conflict(insert_subject(&*store, &subject(owner), 3).await);
}

/// Many that upload documents at the same moment, into several subjects, don't pass what is allowed together.
pub async fn parallel_documents_keep_to_the_limit(store: Arc<dyn Store>) {
    let owner = stored_user(&*store).await.id;
    let subjects = [stored_subject(&*store, owner).await, stored_subject(&*store, owner).await];
    let results = at_once(10, |i| {
        let (store, document) = (Arc::clone(&store), document(&subjects[i % 2]));
        async move { insert_document(&*store, &document, 3).await }
    });
    let (kept, refused): (Vec<_>, Vec<_>) = results.await.into_iter().partition(Result::is_ok);
    refused.into_iter().for_each(expect_conflict);
    let listed = async || store.read().documents_of(owner, first_page()).await.expect("an answer").items.len();
    assert_eq!(listed().await, kept.len());
    assert!((1..=3).contains(&kept.len()), "{} were kept", kept.len());
    while listed().await < 3 {
        insert_document(&*store, &document(&subjects[0]), 3).await.expect("there is room");
    }
    expect_conflict(insert_document(&*store, &document(&subjects[0]), 3).await);
}

/// A subject that is removed while documents come into it takes all that came along, and says where their bytes are; the
/// others are refused. No document is left, and no blob forgotten.
pub async fn a_subject_removed_at_once_forgets_no_blob(store: Arc<dyn Store>) {
    let owner = stored_user(&*store).await.id;
    let subject = stored_subject(&*store, owner).await;
    let first = document(&subject);
    insert_document(&*store, &first, 100).await.expect("a new document");
    let documents: Vec<Document> = (0..12).map(|_| document(&subject)).collect();
    let results = at_once(documents.len() + 1, |i| {
        let (store, document, subject) = (Arc::clone(&store), documents.get(i).cloned(), subject.id);
        async move {
            if let Some(document) = document {
                return insert_document(&*store, &document, 100).await.map(|()| vec![document.blob]);
            }
            let removed = until_kept(|| remove_subject(&*store, owner, subject, None)).await?;
            Ok(removed.expect("it was there"))
        }
    });
    let mut results = results.await;
    let removal = results.iter().position(|result| result.as_ref().is_ok_and(|blobs| blobs.contains(&first.blob)));
    let removed = results.swap_remove(removal.expect("it was removed")).expect("removed");
    let removed: BTreeSet<BlobKey> = removed.into_iter().collect();
    let mut came = BTreeSet::from([first.blob]);
    for result in results {
        match result {
            Ok(blobs) => came.extend(blobs),
            refused => expect_conflict(refused),
        }
    }
    assert_eq!(removed, came);
    assert_eq!(store.read().documents_of(owner, first_page()).await.expect("an answer").items, []);
}

/// Of many requests of one key at the same moment one gets it, and the others are told that it runs; so it is with a claim
/// whose lease ended. Once it is answered, all get the answer.
pub async fn of_many_that_claim_a_key_one_gets_it(store: Arc<dyn Store>) {
    let first = claim(stored_user(&*store).await.id, at(0));
    let mut answer = None;
    for second in [0, 61, 122] {
        let attempts: Vec<Claim> = (0..8)
            .map(|_| Claim {
                id: ClaimId::new(&SequentialIds),
                created_at: at(second),
                leased_until: at(second + 60),
                ..first.clone()
            })
            .collect();
        let results = at_once(attempts.len(), |i| {
            let (store, attempt) = (Arc::clone(&store), attempts[i].clone());
            until_kept(move || {
                let (store, attempt) = (Arc::clone(&store), attempt.clone());
                async move {
                    let mut unit = store.begin().await?;
                    let claimed = unit.claims().claim(&attempt).await?;
                    unit.commit().await.map(|()| (attempt, claimed))
                }
            })
        });
        let results = results.await.into_iter().map(|result| result.expect("an answer"));
        let (ours, others): (Vec<_>, Vec<_>) = results.partition(|(_, claimed)| *claimed == Claimed::Ours);
        if let Some(answer) = &answer {
            assert!(ours.is_empty() && others.iter().all(|(_, claimed)| claimed == answer), "{others:?}");
            continue;
        }
        assert_eq!(ours.len(), 1, "one of them");
        assert!(others.iter().all(|(_, claimed)| *claimed == Claimed::Running), "{others:?}");
        if second == 61 {
            let settled = settled_answer();
            settle_claim(&*store, &ours[0].0, &settled).await.expect("ours");
            answer = Some(Claimed::Settled(settled));
        }
    }
}

/// Workers that take removals at the same moment until there are no more share none, and leave none. (In a year that no
/// case before has committed anything for.)
pub async fn workers_that_take_removals_at_once_share_none(store: Arc<dyn Store>) {
    let now = in_year(1840, 0);
    let keys: BTreeSet<BlobKey> = (0..20).map(|_| BlobKey::document(&SequentialIds)).collect();
    schedule_removals(&*store, &keys.iter().cloned().collect::<Vec<_>>(), now).await.expect("noted");
    let until = now.plus(Duration::from_mins(1));
    let results = at_once(4, |_| {
        let store = Arc::clone(&store);
        async move {
            let mut taken = Vec::new();
            loop {
                let more = until_kept(|| take_due(&*store, now, until, 3)).await?;
                if more.is_empty() {
                    return Ok::<_, StoreError>(taken);
                }
                taken.extend(more);
            }
        }
    });
    let taken: Vec<BlobRemoval> = results.await.into_iter().flat_map(|result| result.expect("an answer")).collect();
    let taken: Vec<BlobKey> = taken.into_iter().map(|removal| removal.key).collect();
    assert_eq!(taken.len(), keys.len());
    assert_eq!(taken.into_iter().collect::<BTreeSet<_>>(), keys);
}

/// Workers that take unread documents at the same moment until there are no more share none, and leave none.
pub async fn workers_that_take_documents_at_once_share_none(store: Arc<dyn Store>) {
    let now = in_year(1860, 0);
    let subject = stored_subject(&*store, stored_user(&*store).await.id).await;
    let mut ids = BTreeSet::new();
    for _ in 0..20 {
        let unread = Document { created_at: now, updated_at: now, ..document(&subject) };
        insert_document(&*store, &unread, 100).await.expect("a new document");
        ids.insert(unread.id);
    }
    let until = now.plus(Duration::from_mins(1));
    let results = at_once(4, |_| {
        let store = Arc::clone(&store);
        async move {
            let mut taken = Vec::new();
            loop {
                let more = until_kept(|| take_unread(&*store, now, until, 3)).await?;
                if more.is_empty() {
                    return Ok::<_, StoreError>(taken);
                }
                taken.extend(more.into_iter().map(|unread| unread.document.id));
            }
        }
    });
    let taken: Vec<DocumentId> = results.await.into_iter().flat_map(|result| result.expect("an answer")).collect();
    assert_eq!(taken.len(), ids.len());
    assert_eq!(taken.into_iter().collect::<BTreeSet<_>>(), ids);
}
