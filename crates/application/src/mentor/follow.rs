//! Reading an answer again, or along: after a lost connection, in a second tab, at another server, after a crash.

use std::time::Duration;

use lyceum_domain::{
    conversations::{Message, MessageStatus},
    ids::MessageId,
};
use tokio::time::Instant;

use super::{
    Answer, TurnEvent, TurnStarted,
    live::{Reader, offset, portion},
};
use crate::{Error, Lyceum, sessions::Caller};

/// How often an answer that another server gives is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// How often that server is told that somebody reads it, and after how long it no longer believes so if it is not.
pub(super) const TELL: Duration = Duration::from_secs(1);
pub(super) const BELIEVED: Duration = Duration::from_secs(3);

/// How long a store is waited for that is away.
const PATIENCE: Duration = Duration::from_secs(10);

/// How far somebody had come in an answer: so many bytes (UTF-8) of it.
pub type Place = usize;

/// Somebody who reads an answer from wherever it is given.
pub struct Follower(Source);

enum Source {
    /// This process gives it.
    Here(Reader),
    /// Another one does, or it has ended.
    Stored(Box<Stored>),
}

struct Stored {
    lyceum: Lyceum,
    caller: Caller,
    message: Message,
    has_started: bool,
    at: Place,
    told_at: Option<Instant>,
    has_ended: bool,
}

impl Lyceum {
    /// Reads an answer of the caller, from the beginning or on from a place. It need not have ended.
    pub async fn follow(&self, caller: &Caller, id: MessageId, from: Option<Place>) -> Result<Follower, Error> {
        self.may_ask(caller)?;
        let owner = caller.user.id;
        if let Some(live) = self.ports.answers.find(owner, id) {
            let reader = from.map_or_else(|| Reader::new(&live), |at| Reader::resume(&live, at));
            return Ok(Follower(Source::Here(reader)));
        }
        let Some(said) = self.ports.store.write().under_way().said(owner, id).await? else {
            let message = self.ports.store.read().message(owner, id).await?;
            return Err(message.map_or(Error::NotFound("message"), |_| Error::NotAnAnswer));
        };
        Ok(Follower(Source::Stored(Box::new(Stored {
            lyceum: self.clone(),
            caller: caller.clone(),
            message: said.answer,
            has_started: from.is_some(),
            at: from.unwrap_or(0),
            told_at: None,
            has_ended: false,
        }))))
    }
}

impl Follower {
    /// Whether the model has not begun, and nobody was told that it had: an error that comes now is the answer to whoever
    /// asked.
    pub fn is_fresh(&self) -> bool {
        matches!(&self.0, Source::Here(reader) if reader.is_fresh())
    }

    /// What happens next; `None` after the end.
    pub async fn next(&mut self) -> Option<TurnEvent> {
        match &mut self.0 {
            Source::Here(reader) => reader.next().await,
            Source::Stored(stored) => stored.next().await,
        }
    }
}

impl Follower {
    /// Waits for the whole answer.
    pub async fn to_the_end(mut self) -> Result<Box<Answer>, Error> {
        while let Some(event) = self.next().await {
            if let TurnEvent::Ended(ended) = event {
                return ended;
            }
        }
        Err(Error::Abandoned)
    }
}

impl From<Reader> for Follower {
    fn from(reader: Reader) -> Self {
        Self(Source::Here(reader))
    }
}

impl Stored {
    async fn next(&mut self) -> Option<TurnEvent> {
        if self.has_ended {
            return None;
        }
        let Some(question) = self.message.parent else {
            return Some(self.end(Err(Error::NotAnAnswer)));
        };
        if !self.has_started {
            self.has_started = true;
            return Some(TurnEvent::Started(TurnStarted::of(&self.message, question)));
        }
        loop {
            let content = &self.message.content;
            if content.len() > self.at {
                // Whoever comes back may have counted into a character.
                let from = content.floor_char_boundary(self.at);
                let text = portion(&content[from..]).to_owned();
                self.at = from + text.len();
                return Some(TurnEvent::Piece { text, end: offset(self.at) });
            }
            match self.message.status {
                MessageStatus::Streaming => {}
                MessageStatus::Complete | MessageStatus::Stopped => {
                    return Some(self.end(Ok(Box::new(Answer { message: self.message.clone() }))));
                }
                status @ (MessageStatus::Interrupted | MessageStatus::Failed) => {
                    return Some(self.end(Err(Error::AnswerBroken(status))));
                }
            }
            if let Err(error) = self.look().await {
                return Some(self.end(Err(error)));
            }
        }
    }

    fn end(&mut self, ended: Result<Box<Answer>, Error>) -> TurnEvent {
        self.has_ended = true;
        TurnEvent::Ended(ended)
    }

    /// Waits a moment and looks what there is now.
    async fn look(&mut self) -> Result<(), Error> {
        let began = Instant::now();
        loop {
            tokio::time::sleep(LOOK).await;
            match self.look_once().await {
                Err(Error::StoreUnavailable(_)) if began.elapsed() < PATIENCE => {}
                looked => return looked,
            }
        }
    }

    /// If the server that gives it is gone, [somebody finds out](Lyceum::close_silent) and ends it.
    async fn look_once(&mut self) -> Result<(), Error> {
        let (ports, id) = (&self.lyceum.ports, self.message.id);
        let under_way = ports.store.write().under_way();
        if self.told_at.is_none_or(|told| told.elapsed() >= TELL) {
            // Servers of version 0.1.0, beside which this one runs during an upgrade, believe it until that time.
            under_way.follow(id, ports.clock.now().plus(BELIEVED)).await?;
            self.told_at = Some(Instant::now());
        }
        self.message = under_way.said(self.caller.user.id, id).await?.ok_or(Error::NotFound("message"))?.answer;
        Ok(())
    }
}
