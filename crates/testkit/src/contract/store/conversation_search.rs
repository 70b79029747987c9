//! The search in conversations.

use std::collections::BTreeSet;

use lyceum_domain::{
    conversations::{Conversation, ConversationFilter, SearchedWords},
    courses::Title,
    ids::{ConversationId, UserId},
    page::{Cursor, Page, PageRequest, PageSize},
    store::Store,
};

use crate::contract::{
    fixtures::{HOSTILE, Turn, at, word},
    statements::{
        begin_turn, delete_conversation, end_turn, keep_piece, stored_turn, stored_user, update_conversation,
    },
};

fn words(text: &str) -> SearchedWords {
    SearchedWords::parse(&text.replace(['\n', '\t'], " ")).expect("words")
}

/// All that a search finds, page by page, each cursor through its text. Pages may be short, and even empty, but those that
/// follow go on behind them.
async fn walk(store: &dyn Store, owner: UserId, filter: &ConversationFilter, size: u32) -> Vec<Conversation> {
    let size = PageSize::parse(size).expect("a size");
    let mut found: Vec<Conversation> = Vec::new();
    let mut after: Option<Cursor> = None;
    for _ in 0..1000 {
        let request = PageRequest { size, after };
        let Page { items, next } = store.read().conversations_page(owner, filter, request).await.expect("a page");
        assert!(items.len() <= size.get(), "more than were asked for");
        found.extend(items);
        let Some(next) = next else { return found };
        let is_further = |before: Cursor| (next.at, next.id) < (before.at, before.id);
        assert!(after.is_none_or(is_further), "a cursor that does not go on");
        after = Some(Cursor::decode(&next.encode()).expect("the cursor that was written"));
    }
    panic!("the search does not end");
}

/// What is found by these words.
async fn found(store: &dyn Store, owner: UserId, text: &str) -> BTreeSet<ConversationId> {
    let filter = ConversationFilter { words: Some(words(text)), ..ConversationFilter::default() };
    walk(store, owner, &filter, 100).await.into_iter().map(|found| found.id).collect()
}

/// A conversation in which this is asked and that is answered.
async fn stored(store: &dyn Store, owner: UserId, question: &str, answer: &str) -> Conversation {
    let mut turn = Turn::asking(owner, question, at(0));
    begin_turn(store, &turn, true).await.expect("a first turn");
    answer.clone_into(&mut turn.answer.content);
    end_turn(store, &turn).await.expect("ended");
    turn.conversation
}

/// A conversation is found by its title, by any of its questions and by any of its answers, siblings too; by a part of a
/// word, and not by what is in none of them.
pub async fn a_conversation_is_found_by_its_title_and_its_messages(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let [title, question, answer, sibling, further] = std::array::from_fn(|_| word());
    let mut first = Turn::asking(owner, &format!("{} {question}?", "Why so long? ".repeat(9)), at(0));
    begin_turn(store, &first, true).await.expect("a first turn");
    assert!(!first.conversation.title.as_str().contains(&question));
    first.answer.content = format!("Because {answer}.");
    end_turn(store, &first).await.expect("ended");
    let mut again = first.again(at(1));
    begin_turn(store, &again, false).await.expect("begun");
    again.answer.content = format!("Or {sibling}.");
    end_turn(store, &again).await.expect("ended");
    let mut next = Turn::next(&first.conversation, at(2));
    next.question.content = format!("And {further}?");
    begin_turn(store, &next, false).await.expect("a further turn");
    let renamed = Conversation {
        title: Title::parse(&format!("About {title}")).expect("a title"),
        updated_at: at(2),
        ..first.conversation.clone()
    };
    update_conversation(store, &renamed).await.expect("saved");
    stored_turn(store, owner).await;

    let expected = BTreeSet::from([first.conversation.id]);
    for text in [&title, &question, &answer, &sibling, &further] {
        assert_eq!(found(store, owner, text).await, expected, "{text}");
        assert_eq!(found(store, owner, &text[3..20]).await, expected, "a part of {text}");
        assert_eq!(found(store, owner, &format!("{text}x")).await, BTreeSet::new());
    }
    assert_eq!(found(store, owner, &format!("or {sibling}.")).await, expected);
    assert_eq!(found(store, owner, &format!("{question} {answer}")).await, BTreeSet::new(), "not across messages");
}

/// Letters are the same in any case, also those outside of ASCII.
pub async fn a_search_takes_letters_in_any_case(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let texts = [
        "Was ist ÜBERLADUNG?",
        "Überladung ist etwas.",
        "Что такое ВЛАДЕНИЕ?",
        "Τι είναι η ΑΘΗΝΑ;",
        "İstanbul'da KİM var?",
        "PLAIN ascii Words",
        "A stra\u{df}e is a STRASSE",
        "E\u{301} is not \u{c9}",
    ];
    let mut conversations = Vec::new();
    for text in texts {
        conversations.push((stored(store, owner, &format!("{}?", word()), text).await.id, text));
        conversations.push((stored(store, owner, text, "Nothing.").await.id, text));
    }
    for text in [
        "überladung",
        "ÜBERLADUNG",
        "Überl",
        "владение",
        "ВЛАДЕНИЕ",
        "αθηνα",
        "ΑΘΗΝΑ",
        "istanbul",
        "İSTANBUL",
        "kim",
        "pLAIN Ascii",
        "STRASSE",
        "straße",
        "\u{e9}",
        "\u{c9}",
        "e\u{301}",
        "ERLADUNG I",
    ] {
        let wanted = words(text);
        let expected = conversations.iter().filter(|(_, said)| wanted.are_in(said)).map(|(id, _)| *id).collect();
        assert_eq!(found(store, owner, text).await, expected, "{text}");
    }
    assert_eq!(found(store, owner, "ÜBERLADUNG").await.len(), 4);
}

/// What is searched for is plain text, whatever it holds, and found as it stands.
pub async fn searched_text_is_no_query_language(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let mut conversations = Vec::new();
    for text in HOSTILE {
        let line = text.replace(['\n', '\t'], " ");
        conversations.push((stored(store, owner, &format!("{}?", word()), &line).await.id, line));
    }
    for text in HOSTILE.into_iter().chain(["%", "_", "\\", "'", "\"", "*", "(", "a%b", "%%"]) {
        let wanted = words(text);
        let expected = conversations.iter().filter(|(_, said)| wanted.are_in(said)).map(|(id, _)| *id).collect();
        assert_eq!(found(store, owner, text).await, expected, "{text}");
    }
}

/// Nobody finds another's conversations, and nobody one that was deleted.
pub async fn a_search_finds_ones_own_conversations(store: &dyn Store) {
    let (owner, other) = (stored_user(store).await.id, stored_user(store).await.id);
    let word = word();
    let mine = stored(store, owner, &format!("{word}?"), &word).await;
    let theirs = stored(store, other, &format!("{word}?"), &word).await;
    assert_eq!(found(store, owner, &word).await, BTreeSet::from([mine.id]));
    assert_eq!(found(store, other, &word).await, BTreeSet::from([theirs.id]));
    assert!(delete_conversation(store, owner, mine.id).await.expect("an answer"));
    assert_eq!(found(store, owner, &word).await, BTreeSet::new());
}

/// A search keeps to the archived conversations or to the others, if it is told.
pub async fn a_search_keeps_to_what_is_archived(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let word = word();
    let open = stored(store, owner, &word, "Yes.").await;
    let archived = Conversation { is_archived: true, ..stored(store, owner, &word, "Yes.").await };
    update_conversation(store, &archived).await.expect("saved");
    for (is_archived, expected) in
        [(Some(true), vec![archived.id]), (Some(false), vec![open.id]), (None, vec![archived.id, open.id])]
    {
        let filter = ConversationFilter { is_archived, words: Some(words(&word)) };
        let found: Vec<_> = walk(store, owner, &filter, 20).await.into_iter().map(|found| found.id).collect();
        assert_eq!(found, expected);
    }
}

/// Page by page, of whatever size, each match is given once and newest first, however many others lie between; also those
/// of the same time, and those in which much was said.
pub async fn walking_a_search_gives_each_match_once(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let word = word();
    let mut expected = Vec::new();
    for n in 0..60_u64 {
        let is_match = n % 7 == 3 || n > 56;
        let question = if n % 2 == 1 && is_match { format!("{word}?") } else { format!("Question {n}?") };
        let mut turn = Turn::asking(owner, &question, at(n / 4));
        begin_turn(store, &turn, true).await.expect("a first turn");
        let answer = if is_match { format!("It is {}.", word.to_uppercase()) } else { "No.".to_owned() };
        turn.answer.content = answer.repeat(1 + usize::try_from(n).expect("few"));
        end_turn(store, &turn).await.expect("ended");
        if is_match {
            expected.push(turn.conversation);
        }
    }
    expected.sort_by_key(|conversation| std::cmp::Reverse((conversation.updated_at, conversation.id)));
    assert_eq!(expected.len(), 11);
    let filter = ConversationFilter { words: Some(words(&word)), ..ConversationFilter::default() };
    for size in [1, 2, 7, 10, 11, 12, 100] {
        assert_eq!(walk(store, owner, &filter, size).await, expected, "pages of {size}");
    }
}

/// What is said of an answer under way is no message yet; it is found once it has ended.
pub async fn an_answer_is_found_once_it_has_ended(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let word = word();
    let mut turn = stored_turn(store, owner).await;
    keep_piece(store, turn.answer.id, 0, &word).await;
    assert_eq!(found(store, owner, &word).await, BTreeSet::new());
    turn.answer.content.clone_from(&word);
    end_turn(store, &turn).await.expect("ended");
    assert_eq!(found(store, owner, &word).await, BTreeSet::from([turn.conversation.id]));
}
