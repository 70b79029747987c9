//! Forgotten, reset and changed passwords.

use std::time::Duration;

use lyceum_application::Error;
use lyceum_domain::{policy::Actor, sessions::Client};

use crate::house::{House, PASSWORD, code, email};

const NEXT: &str = "battery staple 8";

impl House {
    /// The code of a link that was asked for.
    async fn forgotten(&self, name: &str) -> String {
        self.lyceum.forgot_password(&Actor::Anonymous, &email(name)).await.unwrap();
        self.post().await;
        self.mailed_code(name)
    }

    async fn reset(&self, token: &str, password: &str) -> Result<(), Error> {
        self.lyceum.reset_password(&Actor::Anonymous, token, password, &Client::default()).await
    }
}

#[tokio::test]
async fn a_link_sets_another_password_once_and_ends_every_session() {
    let house = House::new();
    house.learner("ada").await;
    let here = house.sign_in("ada").await.unwrap();
    let (first, second) = (house.forgotten("ada").await, house.forgotten("ada").await);
    house.clock.advance(Duration::from_secs(1));
    for refused in ["short", "ada@example.com1", "password1"] {
        assert_eq!(code(house.reset(&first, refused).await), "validation_failed", "{refused}");
    }
    house.reset(&first, NEXT).await.unwrap();
    // Used up, and its sister with it.
    assert_eq!(code(house.reset(&first, PASSWORD).await), "validation_failed");
    assert_eq!(code(house.reset(&second, PASSWORD).await), "validation_failed");
    assert_eq!(code(house.caller(&here.access_token).await), "invalid_token");
    assert_eq!(code(house.sign_in("ada").await), "invalid_credentials");
    assert_eq!(code(house.sign_in_with("ada", NEXT, "192.0.2.1").await), "ok");
    house.post().await;
    assert_eq!(house.mailer.last_to(&email("ada")).unwrap().subject, "password_changed");
}

#[tokio::test]
async fn a_link_lets_in_who_was_locked_out_and_shows_the_address() {
    let house = House::new();
    let ada = house.learner("ada").await;
    for _ in 0..5 {
        assert_eq!(code(house.sign_in_with("ada", "wrong horse 7", "192.0.2.1").await), "invalid_credentials");
    }
    assert_eq!(code(house.sign_in("ada").await), "account_locked");
    let link = house.forgotten("ada").await;
    house.change_user(ada.user.id, |user| user.email_verified_at = None).await;
    house.store.conflict_at_next_commits(2);
    house.reset(&link, NEXT).await.unwrap();
    assert_eq!(code(house.sign_in_with("ada", NEXT, "192.0.2.1").await), "ok");
}

#[tokio::test]
async fn of_two_who_follow_one_link_at_once_one_sets_the_password() {
    let house = House::new();
    house.learner("ada").await;
    let link = house.forgotten("ada").await;
    // Both look at the token before either takes it.
    let unit = house.begin().await;
    let (first, second, ()) =
        tokio::join!(house.reset(&link, NEXT), house.reset(&link, "third staple 9"), async { drop(unit) });
    assert_eq!((code(first), code(second)), ("ok", "validation_failed"));
    assert_eq!(code(house.sign_in_with("ada", NEXT, "192.0.2.1").await), "ok");
}

#[tokio::test]
async fn a_link_ends_after_an_hour() {
    let house = House::new();
    house.learner("ada").await;
    let link = house.forgotten("ada").await;
    house.clock.advance(Duration::from_hours(1));
    assert_eq!(code(house.reset(&link, NEXT).await), "validation_failed");
    assert_eq!(code(house.sign_in("ada").await), "ok");
}

#[tokio::test]
async fn nobody_gets_a_link_who_has_no_account_to_use_it_for() {
    let house = House::new();
    house.register("waiting").await.unwrap();
    let gone = house.learner("gone").await;
    house.change_user(gone.user.id, |user| user.deleted_at = Some(user.created_at)).await;
    let off = house.learner("off").await;
    house.change_user(off.user.id, |user| user.is_active = false).await;
    // An address that is only claimed.
    let claimed = house.providers.issue(house.claims("1", Some("claimed"), false));
    house.caller(&claimed).await.unwrap();
    for name in ["nobody", "waiting", "gone", "off", "claimed"] {
        house.lyceum.forgot_password(&Actor::Anonymous, &email(name)).await.unwrap();
    }
    let delivered = house.post().await;
    assert_eq!((delivered.sent, delivered.dropped), (0, 5));
}

#[tokio::test]
async fn who_changes_a_password_has_to_know_it_and_stays_in() {
    let house = House::new();
    house.learner("ada").await;
    let (here, there) = (house.sign_in("ada").await.unwrap(), house.sign_in("ada").await.unwrap());
    let caller = house.caller(&here.access_token).await.unwrap();
    let link = house.forgotten("ada").await;
    let change = async |current: &str, new: &str| house.lyceum.change_password(&caller, current, new).await;
    assert_eq!(code(change("wrong horse 7", NEXT).await), "invalid_credentials");
    assert_eq!(code(change(PASSWORD, "short").await), "validation_failed");
    assert_eq!(code(change(PASSWORD, NEXT).await), "ok");
    assert_eq!(code(house.caller(&here.access_token).await), "ok");
    assert_eq!(code(house.caller(&there.access_token).await), "invalid_token");
    // A link of before sets nothing any more; nor does a request that was under way.
    assert_eq!(code(house.reset(&link, PASSWORD).await), "validation_failed");
    assert_eq!(code(change(PASSWORD, "third staple 9").await), "invalid_credentials");
    assert_eq!(code(house.sign_in_with("ada", NEXT, "192.0.2.1").await), "ok");
}

#[tokio::test]
async fn who_guesses_with_a_stolen_session_is_locked() {
    let house = House::new();
    house.learner("ada").await;
    let here = house.sign_in("ada").await.unwrap();
    let caller = house.caller(&here.access_token).await.unwrap();
    for _ in 0..5 {
        let guess = house.lyceum.change_password(&caller, "wrong horse 7", NEXT).await;
        assert_eq!(code(guess), "invalid_credentials");
    }
    assert_eq!(code(house.lyceum.change_password(&caller, PASSWORD, NEXT).await), "account_locked");
    house.clock.advance(Duration::from_secs(30));
    assert_eq!(code(house.lyceum.change_password(&caller, PASSWORD, NEXT).await), "ok");
}
