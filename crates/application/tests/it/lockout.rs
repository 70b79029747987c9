//! Failed sign-ins, and who has to wait for them.

use std::time::Duration;

use futures_util::future::join_all;
use lyceum_application::{Error, Rules, users::AccountChange};
use lyceum_domain::{page::PageRequest, sessions::Lockout};
use tokio::join;

use crate::house::{House, PASSWORD, code};

impl House {
    /// Guesses so often from there; each is wrong.
    async fn guess(&self, name: &str, times: u32, address: &str) {
        for _ in 0..times {
            let refused = self.sign_in_with(name, "wrong horse 7", address).await;
            assert_eq!(code(refused), "invalid_credentials");
        }
    }

    /// How long who knows the password has to wait there.
    async fn wait(&self, name: &str, address: &str) -> u64 {
        match self.sign_in_with(name, PASSWORD, address).await {
            Err(Error::AccountLocked { retry_after }) => retry_after.as_secs(),
            other => panic!("not locked: {other:?}"),
        }
    }
}

#[tokio::test]
async fn five_failures_lock_from_there_and_from_nowhere_else() {
    let house = House::new();
    house.learner("ada").await;
    house.guess("ada", 5, "203.0.113.9").await;
    assert_eq!(house.wait("ada", "203.0.113.9").await, 30);
    house.guess("ada", 1, "203.0.113.9").await;
    assert_eq!(house.wait("ada", "203.0.113.9").await, 60);
    assert_eq!(code(house.sign_in_with("ada", PASSWORD, "192.0.2.1").await), "ok");
    // An IPv6 client has as many addresses as it likes.
    house.guess("ada", 3, "2001:db8::1").await;
    house.guess("ada", 2, "2001:db8::2").await;
    assert_eq!(house.wait("ada", "2001:db8::3").await, 30);
    house.clock.advance(Duration::from_mins(1));
    assert_eq!(code(house.sign_in_with("ada", PASSWORD, "203.0.113.9").await), "ok");
    // Who got in begins anew.
    house.guess("ada", 4, "203.0.113.9").await;
    assert_eq!(code(house.sign_in_with("ada", PASSWORD, "203.0.113.9").await), "ok");
}

#[tokio::test]
async fn who_goes_on_guessing_is_not_even_told_that_one_was_right() {
    let house = House::new();
    house.learner("ada").await;
    house.guess("ada", 10, "203.0.113.9").await;
    assert_eq!(code(house.sign_in_with("ada", PASSWORD, "203.0.113.9").await), "invalid_credentials");
    // Guesses that are not looked at keep the lock no longer.
    house.guess("ada", 20, "203.0.113.9").await;
    house.clock.advance(Duration::from_mins(15));
    assert_eq!(code(house.sign_in_with("ada", PASSWORD, "203.0.113.9").await), "ok");
}

#[tokio::test]
async fn a_name_without_an_account_is_the_same_work() {
    let house = House::new();
    house.learner("ada").await;
    for (n, name) in (1..).zip(["ada", "nobody"]) {
        house.guess(name, 12, "203.0.113.9").await;
        assert_eq!(house.passwords.verified(), n * 24, "{name}");
    }
}

#[tokio::test]
async fn a_registration_is_guessed_no_further_by_writing_its_name_in_other_ways() {
    let house = House::new();
    house.register("una").await.unwrap();
    for name in ["una", "UNA", " una", "una@example.com", " Una@example.com "] {
        house.guess(name, 1, "203.0.113.9").await;
    }
    assert_eq!(house.wait("una", "203.0.113.9").await, 30);
    assert_eq!(code(house.sign_in_with("una", PASSWORD, "192.0.2.1").await), "email_not_verified");
}

#[tokio::test]
async fn guesses_at_once_get_no_further_than_guesses_in_turn() {
    for (wrong, expected) in [(4, "ok"), (5, "account_locked"), (10, "invalid_credentials")] {
        let house = House::new();
        house.learner("ada").await;
        // All see that nothing is locked before any is counted; the right one is last.
        let unit = house.begin().await;
        let guesses = join_all((0..=wrong).map(|n| {
            let password = if n < wrong { "wrong horse 7" } else { PASSWORD };
            house.sign_in_with("ada", password, "203.0.113.9")
        }));
        let (mut guesses, ()) = join!(guesses, async { drop(unit) });
        assert_eq!(code(guesses.pop().unwrap()), expected, "after {wrong}");
        let ada = house.caller(&house.sign_in("ada").await.unwrap().access_token).await.unwrap();
        let history = house.lyceum.sign_in_history(&ada, PageRequest::default()).await.unwrap().items;
        assert_eq!(history.len(), wrong + 2, "each is written down");
    }
}

#[tokio::test]
async fn guesses_from_everywhere_lock_out_nobody_where_the_owner_was_before() {
    let lockout = Lockout { overall_after: 20, ..Lockout::default() };
    let house = House::with_rules(Rules { lockout, ..Rules::default() });
    house.learner("ada").await;
    assert_eq!(code(house.sign_in_with("ada", PASSWORD, "192.0.2.1").await), "ok");
    for n in 0..10 {
        house.guess("ada", 2, &format!("203.0.113.{n}")).await;
    }
    assert_eq!(code(house.sign_in_with("ada", PASSWORD, "198.51.100.1").await), "invalid_credentials");
    assert_eq!(code(house.sign_in_with("ada", PASSWORD, "192.0.2.1").await), "ok");
    house.clock.advance(Duration::from_mins(15));
    assert_eq!(code(house.sign_in_with("ada", PASSWORD, "198.51.100.1").await), "ok");
}

#[tokio::test]
async fn an_admin_lets_somebody_in_again() {
    let house = House::new();
    let (ada, admin) = (house.learner("ada").await, house.admin().await);
    house.guess("ada", 5, "203.0.113.9").await;
    house.wait("ada", "203.0.113.9").await;
    let unlock = AccountChange { unlock: true, ..AccountChange::default() };
    assert_eq!(code(house.lyceum.change_account(&ada, ada.user.id, unlock, None).await), "forbidden");
    house.lyceum.change_account(&admin, ada.user.id, unlock, None).await.unwrap();
    assert_eq!(code(house.sign_in_with("ada", PASSWORD, "203.0.113.9").await), "ok");
}

#[tokio::test]
async fn the_owner_sees_who_tried() {
    let house = House::new();
    let ada = house.learner("ada").await;
    house.learner("bob").await;
    house.guess("ada", 5, "203.0.113.9").await;
    house.wait("ada", "203.0.113.9").await;
    house.guess("bob", 1, "203.0.113.9").await;
    house.sign_in_with("ada", PASSWORD, "192.0.2.1").await.unwrap();
    let history = house.lyceum.sign_in_history(&ada, PageRequest::default()).await.unwrap().items;
    let told: Vec<_> = history
        .iter()
        .map(|event| (event.ip_address.as_deref().unwrap(), event.action.as_str(), event.details[0].1.as_str()))
        .collect();
    assert_eq!(told.len(), 7);
    assert_eq!((told[0].0, told[0].1), ("192.0.2.1", "session.signed_in"));
    assert_eq!(told[1], ("203.0.113.9", "session.sign_in_failed", "locked"));
    assert!(told[2..].iter().all(|one| *one == ("203.0.113.9", "session.sign_in_failed", "wrong_password")));
}
