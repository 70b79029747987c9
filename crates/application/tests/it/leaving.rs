//! Privacy, taking one's data along, leaving; and what is removed by itself.

use std::time::Duration;

use lyceum_application::{Rules, sessions::Caller, users::PrivacyChange};
use lyceum_domain::{
    audit::{AuditAction, AuditFilter},
    page::PageRequest,
    policy::Actor,
    progress::LessonStatus,
    store::Store as _,
    users::{Identifier, ProfileVisibility},
};

use crate::house::{House, PASSWORD, chapters, code, email, question, username};

impl House {
    /// Somebody who has done all that leaves traces.
    async fn settled(&self, name: &str) -> Caller {
        let author = self.mentor(&format!("author-of-{name}")).await;
        let course = self.publish(&author, &format!("Knots for {name}"), chapters(&["Reef"])).await;
        self.learner(name).await;
        let signed_in = self.sign_in(name).await.unwrap();
        let caller = self.caller(&signed_in.access_token).await.unwrap();
        let lesson = self.lesson(course.id, "Reef").await;
        self.lyceum.record_lesson(&caller.actor(), lesson, LessonStatus::Completed).await.unwrap();
        self.answered(&caller, question("What is a reef knot?")).await;
        assert_eq!(code(self.sign_in_with(name, "wrong horse 7", "203.0.113.9").await), "invalid_credentials");
        caller
    }

    async fn events(&self, action: AuditAction) -> usize {
        let filter = AuditFilter { action: Some(action), ..AuditFilter::default() };
        self.lyceum.audit(&Actor::System, &filter, PageRequest::default()).await.unwrap().items.len()
    }
}

#[tokio::test]
async fn a_profile_is_shown_to_whom_its_owner_says() {
    let house = House::new();
    let ada = house.settled("ada").await;
    let bob = house.learner("bob").await;
    let admin = house.admin().await;
    let sees = async |actor: &Actor| code(house.lyceum.profile(actor, &username("ADA")).await);
    for (visibility, nobody, member) in [
        (ProfileVisibility::Public, "ok", "ok"),
        (ProfileVisibility::Members, "not_found", "ok"),
        (ProfileVisibility::Private, "not_found", "not_found"),
    ] {
        let change = PrivacyChange { profile_visibility: Some(visibility), ..PrivacyChange::default() };
        house.lyceum.change_privacy(&ada, change, None).await.unwrap();
        assert_eq!((sees(&Actor::Anonymous).await, sees(&bob.actor()).await), (nobody, member), "{visibility:?}");
        assert_eq!((sees(&ada.actor()).await, sees(&admin.actor()).await), ("ok", "ok"));
    }
    let progress = async |actor: &Actor| {
        let profile = house.lyceum.profile(actor, &username("ada")).await.unwrap();
        profile.progress.map(|courses| courses.len())
    };
    assert_eq!(progress(&admin.actor()).await, Some(1));
    let hide = PrivacyChange { show_progress: Some(false), ..PrivacyChange::default() };
    house.lyceum.change_privacy(&ada, hide, None).await.unwrap();
    assert_eq!((progress(&admin.actor()).await, progress(&ada.actor()).await), (None, Some(1)));
    house.change_user(ada.user.id, |user| user.is_active = false).await;
    assert_eq!(sees(&admin.actor()).await, "not_found");
}

#[tokio::test]
async fn an_export_holds_everything() {
    let house = House::new();
    let ada = house.settled("ada").await;
    house.settled("bob").await;
    let export = house.lyceum.export(&ada).await.unwrap();
    assert_eq!(export.user.id, ada.user.id);
    assert_eq!((export.sessions.len(), export.courses.len(), export.courses[0].1.len()), (1, 1, 1));
    assert_eq!((export.conversations.len(), export.conversations[0].1.len(), export.usage.len()), (1, 2, 1));
    assert!(export.events.iter().all(|event| event.subject == Some(ada.user.id)));
    assert!(export.events.iter().any(|event| event.action == AuditAction::SignInFailed));
    assert_eq!(house.events(AuditAction::Exported).await, 1);
}

#[tokio::test]
async fn who_leaves_is_out_at_once_and_can_be_brought_back_until_erased() {
    let house = House::new();
    let ada = house.settled("ada").await;
    let access = house.sign_in("ada").await.unwrap().access_token;
    for wrong in [None, Some("wrong horse 7")] {
        assert_eq!(code(house.lyceum.delete_account(&ada, wrong, None).await), "invalid_credentials");
    }
    assert_eq!(code(house.lyceum.delete_account(&ada, Some(PASSWORD), Some(99)).await), "version_mismatch");
    house.clock.advance(Duration::from_secs(1));
    house.lyceum.delete_account(&ada, Some(PASSWORD), None).await.unwrap();
    house.post().await;
    assert_eq!(house.mailer.last_to(&email("ada")).unwrap().subject, "account_deleted");
    assert_eq!(code(house.caller(&access).await), "invalid_token");
    assert_eq!(code(house.sign_in("ada").await), "invalid_credentials");
    assert_eq!(house.lyceum.purge_accounts(&Actor::System).await.unwrap(), 0);

    let identifier = Identifier::Email(email("ada"));
    house.lyceum.restore_account(&Actor::System, &identifier).await.unwrap();
    assert_eq!(code(house.lyceum.restore_account(&Actor::System, &identifier).await), "not_found");
    let back = house.caller(&house.sign_in("ada").await.unwrap().access_token).await.unwrap();
    house.lyceum.delete_account(&back, Some(PASSWORD), None).await.unwrap();
    house.clock.advance(Rules::default().deletion_grace + Duration::from_micros(1));
    assert_eq!(house.lyceum.purge_accounts(&Actor::System).await.unwrap(), 1);
    assert_eq!(code(house.lyceum.restore_account(&Actor::System, &identifier).await), "not_found");
}

#[tokio::test]
async fn nothing_is_left_of_who_is_erased_but_that_somebody_was() {
    let house = House::new();
    let ada = house.settled("ada").await;
    let bob = house.settled("bob").await;
    house.lyceum.erase_account(&Actor::System, &Identifier::Email(email("ada"))).await.unwrap();
    let (read, id) = (house.store.read(), ada.user.id);
    assert_eq!(house.user("ada").await, None);
    assert!(read.usage_of(id).await.unwrap().is_empty());
    let page = PageRequest::default();
    assert!(read.conversations_page(id, &<_>::default(), page).await.unwrap().items.is_empty());
    assert!(read.progress_page(id, page).await.unwrap().items.is_empty());
    let about = AuditFilter { subject: Some(id), ..AuditFilter::default() };
    assert!(read.audit_page(&about, page).await.unwrap().items.is_empty());
    assert_eq!(house.events(AuditAction::Erased).await, 1);
    assert_eq!(read.usage_of(bob.user.id).await.unwrap().len(), 1);
    assert_eq!(code(house.lyceum.erase_account(&bob.actor(), &Identifier::Email(email("bob"))).await), "forbidden");
    // The names are free.
    assert_eq!(code(house.register("ada").await), "ok");
}

#[tokio::test]
async fn many_accounts_are_erased_a_few_at_a_time() {
    let house = House::new();
    for number in 0..60 {
        let leaver = house.settled(&format!("leaver{number}")).await;
        house.lyceum.delete_account(&leaver, Some(PASSWORD), None).await.unwrap();
    }
    house.clock.advance(Rules::default().deletion_grace + Duration::from_micros(1));
    let mut purged = Vec::new();
    for _ in 0..3 {
        purged.push(house.lyceum.purge_accounts(&Actor::System).await.unwrap());
    }
    assert_eq!(purged, [50, 10, 0]);
}

#[tokio::test]
async fn what_cannot_be_removed_keeps_nothing_else() {
    let house = House::new();
    for name in ["ada", "bob"] {
        let leaver = house.settled(name).await;
        house.lyceum.delete_account(&leaver, Some(PASSWORD), None).await.unwrap();
    }
    house.register("never").await.unwrap();
    house.clock.advance(Rules::default().deletion_grace + Duration::from_micros(1));
    house.store.conflict_at_next_commits(1);
    assert_eq!(house.lyceum.purge_accounts(&Actor::System).await.unwrap(), 1);
    assert_eq!(house.lyceum.purge_accounts(&Actor::System).await.unwrap(), 1);

    house.clock.advance(Duration::from_hours(24 * 400));
    house.store.conflict_at_next_commits(1);
    let some = house.lyceum.tidy(&Actor::System).await.unwrap();
    let rest = house.lyceum.tidy(&Actor::System).await.unwrap();
    assert!(some > 0 && rest > 0, "{some} and {rest}");
    house.store.set_away(true);
    assert_eq!(code(house.lyceum.tidy(&Actor::System).await), "database_unavailable");
}

#[tokio::test]
async fn what_is_over_is_removed_and_nothing_else() {
    let house = House::new();
    house.settled("ada").await;
    house.register("never").await.unwrap();
    while house.lyceum.tidy(&Actor::System).await.unwrap() > 0 {}
    assert_eq!(code(house.sign_in("never").await), "email_not_verified");
    let before = house.events(AuditAction::SignedIn).await;
    assert!(before > 0);
    // Failures after a day, the registration after a week, sessions after their end and 30 days, the trail after a year.
    house.clock.advance(Duration::from_hours(24 * 100));
    let removed = house.lyceum.tidy(&Actor::System).await.unwrap();
    assert!(removed >= 5, "{removed}");
    assert_eq!(house.events(AuditAction::SignedIn).await, before);
    house.clock.advance(Duration::from_hours(24 * 366));
    while house.lyceum.tidy(&Actor::System).await.unwrap() > 0 {}
    assert_eq!(house.events(AuditAction::SignedIn).await, 0);
    let ada = house.user("ada").await.unwrap();
    // What calls cost after two years.
    assert_eq!(house.store.read().usage_of(ada.id).await.unwrap().len(), 1);
    house.clock.advance(Duration::from_hours(24 * 366));
    while house.lyceum.tidy(&Actor::System).await.unwrap() > 0 {}
    assert!(house.store.read().usage_of(ada.id).await.unwrap().is_empty());
    assert_eq!(code(house.lyceum.tidy(&Actor::Anonymous).await), "unauthenticated");
}
