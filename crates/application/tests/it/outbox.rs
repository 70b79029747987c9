//! Mails that wait to be sent.

use std::time::Duration;

use lyceum_application::Rules;
use lyceum_domain::{policy::Actor, store::Store as _};

use crate::house::{House, code, email, registration};

#[tokio::test]
async fn a_mail_waits_for_the_mail_server_longer_each_time_and_arrives_once() {
    let house = House::new();
    house.mailer.go_away();
    house.register("ada").await.unwrap();
    // 1, 2, 4, 8 seconds and a little by chance.
    for doublings in 0..4 {
        let wait: u64 = 1000 << doublings;
        assert_eq!(house.post().await.total(), 0, "not yet");
        house.clock.advance(Duration::from_millis(wait - 1));
        assert_eq!(house.post().await.total(), 0, "not after {doublings} doublings");
        house.clock.advance(Duration::from_millis(wait / 4 + 1));
        assert_eq!(house.post().await.postponed, 1);
    }
    house.mailer.recover();
    house.clock.advance(Duration::from_mins(1));
    assert_eq!(house.post().await.sent, 1);
    house.clock.advance(Duration::from_hours(1));
    assert_eq!((house.post().await.total(), house.mailer.sent().len()), (0, 1));
    house.verify(&house.mailed_code("ada")).await.unwrap();
}

#[tokio::test]
async fn a_mail_that_is_refused_stays_for_the_operator_who_lets_it_be_tried_again() {
    let house = House::new();
    house.mailer.refuse();
    house.register("ada").await.unwrap();
    let counts = house.store.read().outbox_counts().await.unwrap();
    assert_eq!((counts.waiting, counts.dead), (0, 1));
    house.mailer.recover();
    house.clock.advance(Duration::from_hours(1));
    assert_eq!(house.post().await.total(), 0);
    assert_eq!(house.lyceum.revive_mails(&Actor::System).await.unwrap(), 1);
    assert_eq!(house.post().await.sent, 1);
}

#[tokio::test]
async fn nobody_gets_a_link_that_has_ended_before_it_comes() {
    let house = House::with_rules(Rules { verification_ttl: Duration::from_hours(1), ..Rules::default() });
    house.mailer.go_away();
    house.register("ada").await.unwrap();
    house.clock.advance(Duration::from_hours(7));
    house.mailer.recover();
    let delivered = house.post().await;
    assert_eq!((delivered.sent, delivered.dropped), (0, 1));
}

#[tokio::test]
async fn a_mail_that_cannot_be_sent_for_days_is_given_up() {
    let house = House::new();
    house.mailer.go_away();
    house.register("ada").await.unwrap();
    house.clock.advance(Duration::from_hours(3 * 24));
    assert_eq!(house.post().await.dead, 1);
}

#[tokio::test]
async fn what_a_dead_worker_had_taken_is_anothers_after_a_while() {
    let house = House::new();
    house.lyceum.register(&Actor::Anonymous, registration("ada", "ada")).await.unwrap();
    let now = lyceum_domain::time::Clock::now(&house.clock);
    let mut unit = house.begin().await;
    let taken = unit.outbox().lease(now, now.plus(Duration::from_mins(1)), 10).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!((taken.len(), house.post().await.total()), (1, 0));
    house.clock.advance(Duration::from_mins(1));
    assert_eq!(house.post().await.sent, 1);
}

#[tokio::test]
async fn nobody_is_flooded() {
    let house = House::with_rules(Rules { mails_per_hour: 3, ..Rules::default() });
    house.learner("ada").await;
    for _ in 0..5 {
        house.lyceum.forgot_password(&Actor::Anonymous, &email("ada")).await.unwrap();
    }
    let delivered = house.post().await;
    assert_eq!((delivered.sent, delivered.dropped), (3, 2));
    house.clock.advance(Duration::from_hours(1) + Duration::from_secs(1));
    house.lyceum.forgot_password(&Actor::Anonymous, &email("ada")).await.unwrap();
    assert_eq!(house.post().await.sent, 1);
}

#[tokio::test]
async fn a_placeholder_is_never_mailed() {
    let house = House::new();
    let token = house.providers.issue(house.claims("1", None, false));
    let caller = house.caller(&token).await.unwrap();
    assert!(caller.user.email.is_placeholder());
    house.lyceum.delete_account(&caller, None, None).await.unwrap();
    house.lyceum.forgot_password(&Actor::Anonymous, &caller.user.email).await.unwrap();
    assert_eq!((house.post().await.total(), house.mailer.sent().len()), (0, 0));
}

#[tokio::test]
async fn mail_is_sent_by_the_operator_alone() {
    let house = House::new();
    let mentor = house.mentor("max").await;
    assert_eq!(code(house.lyceum.deliver_mails(&mentor.actor()).await), "forbidden");
    assert_eq!(code(house.lyceum.revive_mails(&Actor::Anonymous).await), "unauthenticated");
}
