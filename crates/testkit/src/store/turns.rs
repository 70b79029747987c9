//! Turns: what is stored before the model is asked and when the answer has ended.

use lyceum_domain::{
    conversations::{Author, Conversation, Message, TurnEnding, TurnOpening},
    ids::{ConversationId, UserId},
    mentor::{Counted, Reserved},
    store::StoreError,
};

use super::{
    ledger,
    tables::{Tables, UnderWayRow, insert_new, refer},
};

/// The stored conversation, if it is this owner's.
pub(super) fn own(tables: &mut Tables, owner: UserId, id: ConversationId) -> Option<&mut Conversation> {
    tables.conversations.get_mut(&id).filter(|conversation| conversation.owner == owner)
}

fn insert_message(tables: &mut Tables, message: &Message) -> Result<(), StoreError> {
    refer(&tables.conversations, &message.conversation, "conversation")?;
    if let Some(lesson) = &message.lesson {
        refer(&tables.lessons, lesson, "lesson")?;
    }
    insert_new(&mut tables.messages, message.id, message.clone())
}

/// Whether the question that is answered once more is one of this conversation.
fn has_question(tables: &Tables, answer: &Message) -> bool {
    let question = answer.parent.and_then(|question| tables.messages.get(&question));
    question.is_some_and(|found| found.conversation == answer.conversation && found.author == Author::User)
}

/// Stores a turn, or nothing if an allowance is used up.
pub(super) fn begin(tables: &mut Tables, opening: &TurnOpening) -> Result<Reserved, StoreError> {
    let TurnOpening { conversation, answer, call, .. } = opening;
    refer(&tables.users, &conversation.owner, "user")?;
    if !opening.is_new && own(tables, conversation.owner, conversation.id).is_none() {
        return Err(StoreError::Conflict);
    }
    if opening.question.is_none() && !has_question(tables, answer) {
        return Err(StoreError::Conflict);
    }
    let tokens = match ledger::reserve(tables, call.user, &opening.reservation) {
        Reserved::Granted { tokens } => tokens,
        used_up @ Reserved::UsedUp(_) => return Ok(used_up),
    };
    if opening.is_new {
        if let Some(course) = &conversation.course {
            refer(&tables.courses, course, "course")?;
        }
        insert_new(&mut tables.conversations, conversation.id, conversation.clone())?;
    } else if let Some(stored) = own(tables, conversation.owner, conversation.id) {
        stored.updated_at = conversation.updated_at;
    }
    if let Some(question) = &opening.question {
        insert_message(tables, question)?;
    }
    insert_message(tables, answer)?;
    tables.manifests.insert(answer.id, opening.manifest.clone());
    for quoted in &opening.quoted {
        let row = tables.quoted_texts.entry(quoted.digest).or_insert_with(|| (quoted.text.clone(), answer.created_at));
        row.1 = row.1.max(answer.created_at);
        tables.quotations.insert((answer.id, quoted.digest));
    }
    let row = UnderWayRow { instance: opening.instance, is_to_stop: false, followed_at: None };
    tables.under_way.insert(answer.id, row);
    ledger::open(tables, call, Counted { requests: 1, tokens })?;
    Ok(Reserved::Granted { tokens })
}

/// Writes down how a turn ended.
pub(super) fn end(tables: &mut Tables, ending: &TurnEnding) {
    let TurnEnding { answer, call, title } = ending;
    tables.forget_under_way(answer.id);
    if let Some(stored) = tables.messages.get_mut(&answer.id) {
        let feedback = stored.feedback.take();
        *stored = Message { feedback, ..answer.clone() };
        if let Some(title) = title
            && let Some(conversation) = tables.conversations.get_mut(&answer.conversation)
            && conversation.version == 1
        {
            conversation.title.clone_from(title);
            conversation.version += 1;
        }
    }
    ledger::close(tables, call);
}

/// The same, if it has not ended.
pub(super) fn close_abandoned(tables: &mut Tables, ending: &TurnEnding) -> bool {
    let is_under_way = tables.under_way.contains_key(&ending.answer.id);
    if is_under_way {
        end(tables, ending);
    }
    is_under_way
}
