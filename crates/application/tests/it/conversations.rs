//! Finding, renaming, archiving and deleting one's conversations.

use std::time::Duration;

use lyceum_application::{conversations::ConversationChange, mentor::Question, sessions::Caller};
use lyceum_domain::{
    conversations::{Conversation, ConversationFilter},
    courses::Title,
    ids::ConversationId,
    page::{PageRequest, PageSize},
    policy::Actor,
    store::Store as _,
};
use tokio::join;

use crate::house::{House, code, question};

impl House {
    /// A conversation that began with this question.
    async fn conversation(&self, owner: &Caller, text: &str) -> Conversation {
        self.clock.advance(Duration::from_secs(1));
        let heard = self.answered(owner, question(text)).await;
        let id = heard.started.unwrap().conversation;
        self.lyceum.conversation(&owner.actor(), id).await.unwrap()
    }

    async fn conversation_titles(&self, owner: &Caller, is_archived: Option<bool>) -> Vec<String> {
        let filter = ConversationFilter { is_archived, words: None };
        let page = self.lyceum.conversations(&owner.actor(), filter, PageRequest::default()).await.unwrap();
        page.items.into_iter().map(|conversation| conversation.title.to_string()).collect()
    }
}

fn rename(title: &str) -> ConversationChange {
    ConversationChange { title: Some(Title::parse(title).unwrap()), is_archived: None }
}

fn archive(is_archived: bool) -> ConversationChange {
    ConversationChange { title: None, is_archived: Some(is_archived) }
}

#[tokio::test]
async fn the_latest_conversation_is_first() {
    let house = House::new();
    let (ada, bob) = (house.learner("ada").await, house.learner("bob").await);
    let knots = house.conversation(&ada, "Knots?").await;
    house.conversation(&ada, "Sails?").await;
    house.conversation(&bob, "Oars?").await;
    assert_eq!(house.conversation_titles(&ada, None).await, ["Sails?", "Knots?"]);
    house.clock.advance(Duration::from_secs(1));
    house.answered(&ada, Question { conversation: Some(knots.id), ..question("More?") }).await;
    assert_eq!(house.conversation_titles(&ada, None).await, ["Knots?", "Sails?"]);

    let size = PageSize::parse(1).unwrap();
    let actor = ada.actor();
    let page = |after| house.lyceum.conversations(&actor, <_>::default(), PageRequest { size, after });
    let first = page(None).await.unwrap();
    let second = page(first.next).await.unwrap();
    assert_eq!((first.items[0].id, second.items[0].title.as_str(), second.next), (knots.id, "Sails?", None));
}

#[tokio::test]
async fn messages_come_oldest_first_in_pages() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let id = house.conversation(&ada, "Knots?").await.id;
    house.clock.advance(Duration::from_secs(1));
    house.answered(&ada, Question { conversation: Some(id), ..question("Sails?") }).await;
    let (mut said, mut after) = (Vec::new(), None);
    loop {
        let page = PageRequest { size: PageSize::parse(3).unwrap(), after };
        let page = house.lyceum.messages(&ada.actor(), id, page).await.unwrap();
        said.extend(page.items.into_iter().map(|message| message.content));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(said, ["Knots?", "It bears on itself.", "Sails?", "It bears on itself."]);
}

#[tokio::test]
async fn a_conversation_is_called_after_its_first_question_until_it_is_renamed() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let begun = house.conversation(&ada, &"many words ".repeat(50)).await;
    assert!(begun.title.as_str().starts_with("many words") && begun.title.as_str().chars().count() <= 61);
    house.clock.advance(Duration::from_secs(1));
    let renamed =
        house.lyceum.change_conversation(&ada.actor(), begun.id, rename("Knots"), Some(begun.version)).await.unwrap();
    assert_eq!((renamed.title.as_str(), renamed.version), ("Knots", begun.version + 1));
    assert!(renamed.updated_at > begun.updated_at && !renamed.is_archived);
    assert_eq!(house.lyceum.conversation(&ada.actor(), begun.id).await.unwrap(), renamed);
}

#[tokio::test]
async fn what_is_put_away_can_be_taken_out_again() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let id = house.conversation(&ada, "Knots?").await.id;
    house.conversation(&ada, "Sails?").await;
    house.lyceum.change_conversation(&ada.actor(), id, archive(true), None).await.unwrap();
    assert_eq!(house.conversation_titles(&ada, Some(true)).await, ["Knots?"]);
    assert_eq!(house.conversation_titles(&ada, Some(false)).await, ["Sails?"]);
    assert_eq!(house.conversation_titles(&ada, None).await.len(), 2);
    let back = house.lyceum.change_conversation(&ada.actor(), id, archive(false), None).await.unwrap();
    assert_eq!((back.title.as_str(), back.is_archived, back.version), ("Knots?", false, 3));
}

#[tokio::test]
async fn a_change_is_about_the_version_that_was_seen() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let seen = house.conversation(&ada, "Knots?").await;
    let actor = ada.actor();
    let change = |change| house.lyceum.change_conversation(&actor, seen.id, change, Some(seen.version));
    // A further turn is no change of the conversation.
    house.answered(&ada, Question { conversation: Some(seen.id), ..question("More?") }).await;
    house.store.conflict_at_next_commits(2);
    assert_eq!(change(rename("Mine")).await.unwrap().version, seen.version + 1);
    assert_eq!(code(change(rename("Late")).await), "version_mismatch");
    let delete = |version| house.lyceum.delete_conversation(&actor, seen.id, version);
    assert_eq!(code(delete(Some(seen.version)).await), "version_mismatch");
    assert_eq!(house.conversation_titles(&ada, None).await, ["Mine"]);
    assert_eq!(code(delete(Some(seen.version + 1)).await), "ok");
}

#[tokio::test]
async fn of_two_changes_at_once_neither_is_lost() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let seen = house.conversation(&ada, "Knots?").await;
    let actor = ada.actor();
    let change = |change, version| house.lyceum.change_conversation(&actor, seen.id, change, version);
    let unit = house.begin().await;
    let (first, second, ()) = join!(change(rename("Mine"), None), change(archive(true), None), async { drop(unit) });
    assert!(first.is_ok());
    let both = second.unwrap();
    assert_eq!((both.title.as_str(), both.is_archived, both.version), ("Mine", true, 3));
    // Where both name the version they saw, one is told.
    let unit = house.begin().await;
    let (first, second, ()) = join!(change(rename("A"), Some(3)), change(rename("B"), Some(3)), async { drop(unit) });
    assert_eq!((code(first), code(second)), ("ok", "version_mismatch"));
}

#[tokio::test]
async fn a_deleted_conversation_is_gone_and_what_it_cost_is_not() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let id = house.conversation(&ada, "Knots?").await.id;
    house.lyceum.delete_conversation(&ada.actor(), id, None).await.unwrap();
    assert!(house.conversation_titles(&ada, None).await.is_empty());
    assert!(house.messages(&ada, id).await.is_empty());
    assert_eq!(house.store.read().usage_of(ada.user.id).await.unwrap().len(), 1);
    assert_eq!(code(house.lyceum.delete_conversation(&ada.actor(), id, None).await), "not_found");
    let late = Question { conversation: Some(id), ..question("Still there?") };
    assert_eq!(code(house.lyceum.ask(&ada, late).await), "not_found");
}

#[tokio::test]
async fn a_conversation_is_there_for_its_owner_alone() {
    let house = House::new();
    let (ada, bob, admin) = (house.learner("ada").await, house.learner("bob").await, house.admin().await);
    let conversation = house.conversation(&ada, "Knots?").await;
    let attempts = async |actor: Actor, id: ConversationId| {
        [
            code(house.lyceum.conversation(&actor, id).await),
            code(house.lyceum.messages(&actor, id, PageRequest::default()).await),
            code(house.lyceum.change_conversation(&actor, id, rename("Mine"), None).await),
            code(house.lyceum.delete_conversation(&actor, id, None).await),
        ]
    };
    for (actor, expected) in [
        (bob.actor(), "not_found"),
        (admin.actor(), "not_found"),
        (Actor::Anonymous, "unauthenticated"),
        (Actor::System, "forbidden"),
    ] {
        assert_eq!(attempts(actor, conversation.id).await, [expected; 4], "{actor:?}");
    }
    assert!(house.conversation_titles(&bob, None).await.is_empty());
    let listed = house.lyceum.conversations(&Actor::Anonymous, <_>::default(), PageRequest::default()).await;
    assert_eq!(code(listed), "unauthenticated");
    assert_eq!(house.lyceum.conversation(&ada.actor(), conversation.id).await.unwrap(), conversation);
}
