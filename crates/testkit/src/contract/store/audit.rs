//! The audit trail.

use lyceum_domain::{
    audit::{AuditAction, AuditActor, AuditEvent, AuditFilter},
    ids::UserId,
    page::{Cursor, PageRequest},
    store::{Store, Unique},
    time::Timestamp,
};
use uuid::Uuid;

use crate::{
    ambient::SequentialIds,
    contract::{
        fixtures::{HOSTILE, at, audit_event, in_year},
        statements::{append_event, begin, expect_duplicate, first_page, walk},
    },
};

fn somebody() -> UserId {
    UserId::new(&SequentialIds)
}

async fn of_subject(store: &dyn Store, subject: UserId) -> Vec<AuditEvent> {
    let filter = AuditFilter { subject: Some(subject), ..AuditFilter::default() };
    store.read().audit_page(&filter, first_page()).await.expect("a page").items
}

/// Everything that is known of an event is kept, character by character, and what is not known is not known afterwards;
/// its details keep their order, and a name may be said twice. The users it names need not be there.
pub async fn an_event_comes_back_as_it_was(store: &dyn Store) {
    let somebody_else = somebody();
    let subject = Some(somebody_else);
    let bare = AuditEvent { subject, ..audit_event(at(1), AuditAction::Registered) };
    let mut full = AuditEvent {
        subject,
        actor: AuditActor::User(somebody()),
        ip_address: Some("2001:db8::1".to_owned()),
        user_agent: Some(HOSTILE.concat()),
        request_id: Some("0197-\"a\"".to_owned()),
        ..audit_event(at(2), AuditAction::RoleChanged)
    };
    for text in HOSTILE {
        full = full.with("to", text).with(text, 7);
    }
    append_event(store, &bare).await.expect("a new event");
    append_event(store, &full).await.expect("a new event");
    assert_eq!(of_subject(store, somebody_else).await, [full, bare]);
}

/// All words for what happened and who did it are kept.
pub async fn every_action_and_actor_comes_back(store: &dyn Store) {
    let subject = somebody();
    let actors = [AuditActor::Anonymous, AuditActor::System, AuditActor::User(subject)];
    let mut events = Vec::new();
    for (second, action) in (0..).zip(AuditAction::ALL) {
        let actor = actors[events.len() % actors.len()];
        let event = AuditEvent { actor, subject: Some(subject), ..audit_event(at(second), *action) };
        append_event(store, &event).await.expect("a new event");
        events.insert(0, event);
    }
    assert_eq!(of_subject(store, subject).await, events);
}

/// A second event of an id that is there is a duplicate: nothing that was written is written over.
pub async fn an_event_is_there_once(store: &dyn Store) {
    let event = AuditEvent { subject: Some(somebody()), ..audit_event(at(1), AuditAction::Exported) };
    append_event(store, &event).await.expect("a new event");
    let again = AuditEvent { action: AuditAction::Deleted, ..event.clone() };
    expect_duplicate(append_event(store, &again).await, Unique::Key);
    assert_eq!(of_subject(store, event.subject.expect("somebody")).await, [event]);
}

/// Events are listed, newest first, if all holds that is asked: by whom, to whom, what, since when, sign-ins alone, in
/// every combination.
pub async fn events_are_listed_by_all_that_is_asked(store: &dyn Store) {
    let (ada, bob) = (somebody(), somebody());
    let actions =
        [AuditAction::SignedIn, AuditAction::SignInFailed, AuditAction::SignedOut, AuditAction::TokenReplayed];
    let mut events = Vec::new();
    for action in actions {
        for actor in [AuditActor::Anonymous, AuditActor::System, AuditActor::User(ada), AuditActor::User(bob)] {
            for subject in [None, Some(ada), Some(bob)] {
                let seconds = i64::try_from(events.len() / 2).expect("few");
                let event = AuditEvent { actor, subject, ..audit_event(in_year(1960, seconds), action) };
                append_event(store, &event).await.expect("a new event");
                events.push(event);
            }
        }
    }
    events.sort_by_key(|event| std::cmp::Reverse((event.at, event.id)));

    // Below it are the events of this case, and older ones of nobody.
    let page = PageRequest { after: Some(Cursor { at: in_year(1961, 0), id: Uuid::nil() }), ..first_page() };
    let listed = async |filter: AuditFilter| {
        let mut expected = events.clone();
        expected.retain(|event| {
            filter.actor.is_none_or(|actor| event.actor == AuditActor::User(actor))
                && filter.subject.is_none_or(|subject| event.subject == Some(subject))
                && filter.action.is_none_or(|action| event.action == action)
                && filter.since.is_none_or(|since| since <= event.at)
                && (!filter.only_sign_ins || event.action == actions[0] || event.action == actions[1])
        });
        let filter = AuditFilter { since: filter.since.or(Some(in_year(1960, 0))), ..filter };
        let found = store.read().audit_page(&filter, page).await.expect("a page");
        assert_eq!((found.items, found.next), (expected, None), "{filter:?}");
    };
    for actor in [None, Some(ada)] {
        for subject in [None, Some(bob)] {
            for action in [None, Some(actions[1]), Some(actions[2])] {
                for since in [None, Some(in_year(1960, 5)), Some(in_year(1961, 0))] {
                    for only_sign_ins in [false, true] {
                        listed(AuditFilter { actor, action, subject, since, only_sign_ins }).await;
                    }
                }
            }
        }
    }
    listed(AuditFilter { subject: Some(somebody()), ..AuditFilter::default() }).await;
}

/// Page by page, each event comes once, also if many happened at the same moment; whatever leads to them.
pub async fn a_cursor_walks_each_event_once(store: &dyn Store) {
    let (user, since) = (somebody(), in_year(9000, 0));
    let mut events = Vec::new();
    for n in 0..7 {
        let event = AuditEvent {
            actor: AuditActor::User(user),
            subject: Some(user),
            ..audit_event(in_year(9000, n / 3), AuditAction::CourseImported)
        };
        append_event(store, &event).await.expect("a new event");
        events.push(event);
    }
    events.sort_by_key(|event| std::cmp::Reverse((event.at, event.id)));
    let since = Some(since);
    let filters = [
        AuditFilter { subject: Some(user), ..AuditFilter::default() },
        AuditFilter { actor: Some(user), ..AuditFilter::default() },
        AuditFilter { action: Some(AuditAction::CourseImported), since, ..AuditFilter::default() },
        AuditFilter { since, ..AuditFilter::default() },
    ];
    for filter in filters {
        for size in [1, 3, 100] {
            let walked = walk(size, async |page| store.read().audit_page(&filter, page).await).await;
            assert_eq!(walked, events);
        }
    }
}

/// Events from before a time are removed, no more than that many; the others stay.
pub async fn old_events_are_removed(store: &dyn Store) {
    let subject = somebody();
    let bound = in_year(1950, 10);
    let event = |at: Timestamp| AuditEvent { subject: Some(subject), ..audit_event(at, AuditAction::Renamed) };
    let kept = [event(at(1)), event(bound)];
    for event in [event(in_year(1950, 1)), event(in_year(1950, 2)), event(in_year(1950, 9))].iter().chain(&kept) {
        append_event(store, event).await.expect("a new event");
    }
    let mut unit = begin(store).await;
    assert_eq!(unit.audit().remove_old(bound, 2).await.expect("an answer"), 2);
    assert_eq!(unit.audit().remove_old(bound, 2).await.expect("an answer"), 1);
    assert_eq!(unit.audit().remove_old(bound, 2).await.expect("an answer"), 0);
    unit.commit().await.expect("kept");
    assert_eq!(of_subject(store, subject).await, kept);
}
