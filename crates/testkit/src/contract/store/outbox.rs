//! Mails that wait to be sent.
//!
//! Who takes mails takes all that are due, whoever's they are. So the cases here work in one unit that ends with
//! nothing waiting, or is dropped; and the one that has to leave mails for others works in a later year.

use std::time::Duration;

use lyceum_domain::{
    ids::{OutboxMailId, RegistrationId, UserId},
    mail::{Intent, OutboxMail, Settlement},
    store::{Store, Unique, UnitOfWork},
    time::Timestamp,
    users::Email,
};

use crate::{
    ambient::SequentialIds,
    contract::{
        fixtures::{HOSTILE, in_year, outbox_mail},
        statements::{begin, expect_duplicate},
    },
};

/// A number of seconds after the time at which these cases begin.
fn then(seconds: i64) -> Timestamp {
    in_year(1950, seconds)
}

async fn enqueue(unit: &mut Box<dyn UnitOfWork>, mails: &[OutboxMail]) {
    for mail in mails {
        unit.outbox().enqueue(mail).await.expect("a new mail");
    }
}

/// Takes what is due at a time, for ten seconds.
async fn taken(unit: &mut Box<dyn UnitOfWork>, now: i64) -> Vec<OutboxMail> {
    unit.outbox().lease(then(now), then(now + 10), 100).await.expect("an answer")
}

/// Settles a mail that was taken at a time.
async fn settled(unit: &mut Box<dyn UnitOfWork>, mail: &OutboxMail, taken: i64, settlement: &Settlement) -> bool {
    unit.outbox().settle(mail.id, then(taken + 10), settlement, then(taken + 1)).await.expect("an answer")
}

fn tried(mail: &OutboxMail, attempts: u32) -> OutboxMail {
    OutboxMail { attempts, ..mail.clone() }
}

fn dead() -> Settlement {
    Settlement::Dead { error: HOSTILE.concat() }
}

/// A mail is taken as it was stored, whatever it is for, when it is due and not before; and an attempt is counted.
pub async fn a_mail_is_taken_when_it_is_due(store: &dyn Store) {
    let (registration, user) = (RegistrationId::new(&SequentialIds), UserId::new(&SequentialIds));
    let intents = [
        Intent::Register(registration),
        Intent::VerifyEmail,
        Intent::ResetPassword,
        Intent::PasswordChanged(user),
        Intent::AccountDeleted(user),
    ];
    let mails = intents.map(|intent| OutboxMail { intent, due_at: then(5), attempts: 3, ..outbox_mail(then(0)) });
    let mut unit = begin(store).await;
    enqueue(&mut unit, &mails).await;
    let just_before = Timestamp::from_micros(then(5).as_micros() - 1).expect("a time");
    assert_eq!(unit.outbox().lease(just_before, then(10), 100).await.expect("an answer"), []);
    assert_eq!(taken(&mut unit, 5).await, mails.each_ref().map(|mail| tried(mail, 4)));
}

/// No more mails are taken than asked for, and those that have been due for longest come first.
pub async fn the_longest_due_are_taken_first(store: &dyn Store) {
    let [one, two, three, four] = [3, 1, 4, 2].map(|due| OutboxMail { due_at: then(due), ..outbox_mail(then(0)) });
    let mut unit = begin(store).await;
    enqueue(&mut unit, &[one.clone(), two.clone(), three.clone(), four.clone()]).await;
    let first = unit.outbox().lease(then(9), then(19), 3).await.expect("an answer");
    assert_eq!(first, [two, four, one].map(|mail| tried(&mail, 1)));
    assert_eq!(taken(&mut unit, 9).await, [tried(&three, 1)]);
    assert_eq!(taken(&mut unit, 9).await, []);
}

/// While somebody has a mail nobody else gets it; when the lease ends, its taker is taken for dead.
pub async fn a_mail_that_is_taken_is_nobody_elses_until_the_lease_ends(store: &dyn Store) {
    let mail = outbox_mail(then(0));
    let mut unit = begin(store).await;
    enqueue(&mut unit, std::slice::from_ref(&mail)).await;
    assert_eq!(taken(&mut unit, 0).await, [tried(&mail, 1)]);
    let just_before = Timestamp::from_micros(then(10).as_micros() - 1).expect("a time");
    assert_eq!(unit.outbox().lease(just_before, then(20), 100).await.expect("an answer"), []);
    assert_eq!(taken(&mut unit, 10).await, [tried(&mail, 2)]);
}

/// A mail that was sent, dropped or given up is taken no more, and is settled once.
pub async fn a_mail_that_was_settled_is_taken_no_more(store: &dyn Store) {
    for settlement in [Settlement::Sent, Settlement::Dropped, dead()] {
        let mail = outbox_mail(then(0));
        let mut unit = begin(store).await;
        enqueue(&mut unit, std::slice::from_ref(&mail)).await;
        assert_eq!(taken(&mut unit, 0).await, [tried(&mail, 1)]);
        assert!(settled(&mut unit, &mail, 0, &settlement).await);
        assert!(!settled(&mut unit, &mail, 0, &Settlement::Dropped).await);
        assert_eq!(taken(&mut unit, 1000).await, []);
    }
}

/// A mail that could not be sent is free again at once, and taken when it is due again.
pub async fn a_mail_is_tried_again_when_it_is_due_again(store: &dyn Store) {
    let mail = outbox_mail(then(0));
    let mut unit = begin(store).await;
    enqueue(&mut unit, std::slice::from_ref(&mail)).await;
    taken(&mut unit, 0).await;
    let later = Settlement::Later { due_at: then(5), error: HOSTILE.concat() };
    assert!(settled(&mut unit, &mail, 0, &later).await);
    assert_eq!(taken(&mut unit, 4).await, []);
    let again = OutboxMail { due_at: then(5), ..tried(&mail, 2) };
    assert_eq!(taken(&mut unit, 5).await, [again]);
    assert!(settled(&mut unit, &mail, 5, &Settlement::Sent).await);
}

/// Who took longer than the lease, so that somebody else has the mail, settles nothing; nor does who never had it.
pub async fn who_lost_the_lease_settles_nothing(store: &dyn Store) {
    let mail = outbox_mail(then(0));
    let mut unit = begin(store).await;
    enqueue(&mut unit, std::slice::from_ref(&mail)).await;
    assert!(!settled(&mut unit, &mail, 0, &Settlement::Sent).await, "nobody has it");
    taken(&mut unit, 0).await;
    taken(&mut unit, 20).await;
    assert!(!settled(&mut unit, &mail, 0, &Settlement::Sent).await, "another has it");
    let unknown = OutboxMail { id: OutboxMailId::new(&SequentialIds), ..mail.clone() };
    assert!(!settled(&mut unit, &unknown, 20, &Settlement::Sent).await, "there is none");
    assert!(settled(&mut unit, &mail, 20, &Settlement::Sent).await);
}

/// A second mail of an id that is there is a duplicate.
pub async fn a_mail_is_there_once(store: &dyn Store) {
    let mail = outbox_mail(then(0));
    let mut unit = begin(store).await;
    enqueue(&mut unit, std::slice::from_ref(&mail)).await;
    let again = OutboxMail { id: mail.id, ..outbox_mail(then(1)) };
    expect_duplicate(unit.outbox().enqueue(&again).await, Unique::Key);
}

/// Mails that wait and those that were given up are counted, with the time since when the oldest one waits. The operator
/// lets all dead ones be tried again, as if for the first time; until then they stay.
pub async fn dead_mails_are_counted_and_revived(store: &dyn Store) {
    let long_ago = in_year(1900, 0);
    let far_away = OutboxMail { due_at: in_year(9000, 0), ..outbox_mail(long_ago) };
    let [one, two] = [0, 1].map(|second| OutboxMail { attempts: 7, ..outbox_mail(then(second)) });
    let mut unit = begin(store).await;
    enqueue(&mut unit, &[far_away.clone(), one.clone(), two.clone()]).await;
    taken(&mut unit, 1).await;
    for mail in [&one, &two] {
        assert!(unit.outbox().settle(mail.id, then(11), &dead(), in_year(1930, 0)).await.expect("an answer"));
    }
    unit.commit().await.expect("kept");
    // Others may have mails that wait; none as old as this one, and no dead ones.
    let counts = store.read().outbox_counts().await.expect("an answer");
    assert!(counts.waiting >= 1);
    assert_eq!((counts.dead, counts.oldest), (2, Some(long_ago)));

    let mut unit = begin(store).await;
    assert_eq!(unit.outbox().remove_settled(in_year(1931, 0), 100).await.expect("an answer"), 0);
    assert_eq!(unit.outbox().revive(then(50)).await.expect("an answer"), 2);
    assert_eq!(unit.outbox().revive(then(50)).await.expect("an answer"), 0);
    assert_eq!(taken(&mut unit, 49).await, []);
    let again = [one, two].map(|mail| OutboxMail { due_at: then(50), attempts: 1, ..mail });
    assert_eq!(taken(&mut unit, 50).await, again);
    for mail in &again {
        assert!(settled(&mut unit, mail, 50, &Settlement::Sent).await);
    }
    unit.commit().await.expect("kept");
    assert_eq!(store.read().outbox_counts().await.expect("an answer").dead, 0);
}

/// How many mails of a kind an address was sent since a time is counted by when they were sent; what was dropped or
/// waits is none, nor is what others were sent.
pub async fn mails_that_were_sent_are_counted_by_address_and_kind(store: &dyn Store) {
    let mine = outbox_mail(then(0));
    let like = |intent| OutboxMail { intent, to: mine.to.clone(), ..outbox_mail(then(0)) };
    let fates = [
        (mine.clone(), Settlement::Sent),
        (like(Intent::VerifyEmail), Settlement::Sent),
        (like(Intent::ResetPassword), Settlement::Sent),
        (like(Intent::VerifyEmail), Settlement::Dropped),
        (like(Intent::VerifyEmail), Settlement::Later { due_at: in_year(9000, 0), error: String::new() }),
        (outbox_mail(then(0)), Settlement::Sent),
    ];
    let mut unit = begin(store).await;
    for (mail, _) in &fates {
        enqueue(&mut unit, std::slice::from_ref(mail)).await;
    }
    taken(&mut unit, 0).await;
    for ((mail, fate), second) in fates.iter().zip(1..) {
        assert!(unit.outbox().settle(mail.id, then(10), fate, then(second)).await.expect("an answer"));
    }
    unit.commit().await.expect("kept");

    let sent = async |to: &Email, kind: &str, since: i64| {
        store.read().mails_sent(to, kind, then(since)).await.expect("an answer")
    };
    assert_eq!(sent(&mine.to, "verify_email", 0).await, 2);
    assert_eq!(sent(&mine.to, "verify_email", 2).await, 1);
    assert_eq!(sent(&mine.to, "verify_email", 3).await, 0);
    assert_eq!(sent(&mine.to, "reset_password", 0).await, 1);
    assert_eq!(sent(&mine.to, "register", 0).await, 0);
    assert_eq!(sent(&fates[5].0.to, "verify_email", 0).await, 1);
}

/// Mails that were sent or dropped before a time are removed, no more than that many; those that wait stay.
pub async fn mails_that_were_sent_or_dropped_are_removed(store: &dyn Store) {
    let bound = in_year(1940, 10);
    let mails: Vec<OutboxMail> = (0..5).map(|_| outbox_mail(in_year(1940, 0))).collect();
    let until = then(10);
    let fates = [
        (Settlement::Sent, 1),
        (Settlement::Dropped, 2),
        (Settlement::Sent, 9),
        (Settlement::Sent, 10),
        (Settlement::Later { due_at: then(20), error: String::new() }, 1),
    ];
    let mut unit = begin(store).await;
    enqueue(&mut unit, &mails).await;
    assert_eq!(unit.outbox().lease(in_year(1940, 0), until, 100).await.expect("an answer").len(), 5);
    for (mail, (fate, second)) in mails.iter().zip(&fates) {
        let at = in_year(1940, *second);
        assert!(unit.outbox().settle(mail.id, until, fate, at).await.expect("an answer"));
    }
    assert_eq!(unit.outbox().remove_settled(bound, 2).await.expect("an answer"), 2);
    assert_eq!(unit.outbox().remove_settled(bound, 2).await.expect("an answer"), 1);
    assert_eq!(unit.outbox().remove_settled(bound, 2).await.expect("an answer"), 0);
    assert_eq!(unit.outbox().remove_settled(bound.plus(Duration::from_micros(1)), 2).await.expect("an answer"), 1);
    let left = unit.outbox().lease(then(20), then(30), 100).await.expect("an answer");
    assert_eq!(left.iter().map(|mail| mail.id).collect::<Vec<_>>(), [mails[4].id]);
}

/// Mails that were given up before a time are removed, no more than so many.
pub async fn mails_that_were_given_up_long_ago_are_removed(store: &dyn Store) {
    let bound = in_year(1942, 10);
    let mails: Vec<OutboxMail> = (0..4).map(|_| outbox_mail(in_year(1942, 0))).collect();
    let until = in_year(1942, 60);
    let mut unit = begin(store).await;
    enqueue(&mut unit, &mails).await;
    assert_eq!(unit.outbox().lease(in_year(1942, 0), until, 100).await.expect("an answer").len(), 4);
    for (mail, second) in mails.iter().zip([1, 2, 9, 10]) {
        let at = in_year(1942, second);
        assert!(unit.outbox().settle(mail.id, until, &dead(), at).await.expect("an answer"));
    }
    assert_eq!(unit.outbox().remove_settled(bound, 100).await.expect("an answer"), 0);
    for removed in [2, 1, 0] {
        assert_eq!(unit.outbox().remove_dead(bound, 2).await.expect("an answer"), removed);
    }
    assert_eq!(unit.outbox().remove_dead(in_year(1942, 11), 2).await.expect("an answer"), 1);
    // Others count dead mails at the same time: nothing of this is kept.
    drop(unit);
}
