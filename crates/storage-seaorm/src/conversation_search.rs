//! Conversations by their words. Titles and messages may be sealed, so no index knows their words: the owner's
//! conversations are walked and read, newest first, and only so much of them at a time.

use lyceum_domain::{
    conversations::{Conversation, ConversationFilter, SearchedWords},
    ids::{ConversationId, MessageId, UserId},
    page::{Page, PageRequest},
    store::StoreError,
    time::Timestamp,
};
use sea_orm::ConnectionTrait;

use crate::{
    conversations::{cursor, listed, of_owner, read},
    row::{Row, each},
    sealing::{Place, Sealing},
    sql::{Sql, Values},
};

/// How many conversations are looked at with one statement.
const CONVERSATIONS: u32 = 50;
/// How many of their messages.
const MESSAGES: usize = 500;
/// How many messages, or conversations without one, are looked at for one page.
const LOOKED_AT: usize = 2000;

/// The next conversations with the texts of their messages, at most `$7`.
const TEXTS: Sql = Sql::same(concat!(
    "SELECT c.*, m.id AS message_id, m.content, m.sealed_with AS content_sealed_with FROM (",
    listed!(),
    ") c LEFT JOIN messages m ON m.conversation_id = c.id AND m.content <> '' \
     ORDER BY c.updated_at DESC, c.id DESC LIMIT $7"
));

/// The texts of one conversation, however many.
const MORE: Sql = Sql::same(
    "SELECT m.id, m.content, m.sealed_with, m.created_at FROM messages m WHERE m.conversation_id = $1 \
     AND (m.created_at, m.id) > ($2, $3) ORDER BY m.created_at, m.id LIMIT $4",
);

/// A conversation that was looked at.
struct Seen {
    conversation: Conversation,
    messages: usize,
    is_found: bool,
}

/// Whether a message that follows in the row has the words.
fn has_words(row: &mut Row<'_>, sealing: &Sealing, words: &SearchedWords) -> Result<bool, StoreError> {
    let Some(id) = row.maybe_id(MessageId::from_uuid)? else { return Ok(false) };
    let Some(stored) = row.maybe_stored()? else { return Ok(false) };
    Ok(words.are_in(&sealing.open(Place::content(id.as_uuid()), stored)?))
}

/// Looks at the next conversations behind the cursor. Empty if there are none.
async fn look(
    db: &impl ConnectionTrait,
    sealing: &Sealing,
    owner: UserId,
    (filter, words): (&ConversationFilter, &SearchedWords),
    page: PageRequest,
) -> Result<Vec<Seen>, StoreError> {
    let most = i64::try_from(MESSAGES).unwrap_or(i64::MAX);
    let values = of_owner(owner, filter, page).number(CONVERSATIONS).number(most);
    let rows = TEXTS.all(db, values).await?;
    let mut seen: Vec<Seen> = Vec::new();
    for row in &rows {
        let mut row = Row::new(row);
        let conversation = read(&mut row, sealing)?;
        if seen.last().is_none_or(|last| last.conversation.id != conversation.id) {
            let is_found = words.are_in(conversation.title.as_str());
            seen.push(Seen { conversation, messages: 0, is_found });
        }
        let Some(last) = seen.last_mut() else { continue };
        last.messages += 1;
        last.is_found = last.is_found || has_words(&mut row, sealing, words)?;
    }
    if rows.len() == MESSAGES {
        // The last one may have more of them. It comes again with the next look, unless it is alone.
        if seen.len() > 1 {
            seen.pop();
        } else if let Some(only) = seen.first_mut().filter(|only| !only.is_found) {
            only.is_found = is_in_any(db, sealing, only.conversation.id, words).await?;
        }
    }
    Ok(seen)
}

/// Whether any message of a long conversation has the words.
async fn is_in_any(
    db: &impl ConnectionTrait,
    sealing: &Sealing,
    conversation: ConversationId,
    words: &SearchedWords,
) -> Result<bool, StoreError> {
    let (mut page, most) = (PageRequest::default(), i64::try_from(MESSAGES).unwrap_or(i64::MAX));
    loop {
        let values = Values::new().id(conversation.as_uuid()).above(page).number(most);
        let looked = each(&MORE.all(db, values).await?, |row| {
            let id = row.id(MessageId::from_uuid)?;
            let text = sealing.open(Place::content(id.as_uuid()), row.stored()?)?;
            Ok((words.are_in(&text), row.time()?, id))
        })?;
        if looked.iter().any(|(is_found, ..)| *is_found) {
            return Ok(true);
        }
        let last: Option<&(bool, Timestamp, MessageId)> = looked.last();
        match last {
            Some((_, at, id)) if looked.len() == MESSAGES => {
                page.after = Some(lyceum_domain::page::Cursor { at: *at, id: id.as_uuid() });
            }
            _ => return Ok(false),
        }
    }
}

pub(crate) async fn page(
    db: &impl ConnectionTrait,
    sealing: &Sealing,
    owner: UserId,
    wanted: (&ConversationFilter, &SearchedWords),
    mut page: PageRequest,
) -> Result<Page<Conversation>, StoreError> {
    let (mut found, mut looked_at) = (Vec::new(), 0);
    loop {
        let seen = look(db, sealing, owner, wanted, page).await?;
        let Some(last) = seen.last() else { return Ok(Page { items: found, next: None }) };
        page.after = Some(cursor(&last.conversation));
        for Seen { conversation, messages, is_found } in seen {
            looked_at += messages;
            if is_found {
                found.push(conversation);
            }
        }
        if found.len() > page.size.get() {
            return Ok(Page::cut(found, page.size, cursor));
        }
        if looked_at >= LOOKED_AT {
            return Ok(Page { items: found, next: page.after });
        }
    }
}
