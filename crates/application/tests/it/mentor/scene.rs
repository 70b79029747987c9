//! What stories about turns have in common.

use std::{cell::Cell, time::Duration};

use lyceum_application::{
    Error,
    mentor::{Answer, Follower, Turn, TurnEvent, Watch},
    sessions::Caller,
};
use lyceum_domain::{
    conversations::Message,
    ids::MessageId,
    mentor::{Spending, UsageRecord},
    policy::Actor,
    store::Store as _,
};
use lyceum_testkit::chat::Upstream;
use tokio::time::{sleep, timeout};

use crate::house::{House, question};

/// The clock goes in such steps.
const STEP: Duration = Duration::from_millis(50);
/// How often servers look for others that are silent.
const SWEEP: Duration = Duration::from_secs(5);

/// A house, a learner, and a turn of theirs that waits to be run.
pub async fn turn() -> (House, Upstream, Caller, Turn) {
    let (house, upstream) = House::with_upstream();
    let ada = house.learner("ada").await;
    let turn = house.ask(&ada, question("Why does it not slip?")).await;
    (house, upstream, ada, turn)
}

/// A moment, in which all that can happen does.
pub async fn a_moment() {
    sleep(Duration::from_millis(100)).await;
}

impl House {
    /// Tells a story while this server lives: it keeps what answers say, and the clock goes as time does.
    pub async fn living<T>(&self, story: impl Future<Output = T>) -> T {
        let clock = async {
            loop {
                sleep(STEP).await;
                self.clock.advance(STEP);
            }
        };
        tokio::select! {
            biased;
            told = self.keeping(story) => told,
            () = clock => unreachable!("time goes on"),
        }
    }

    /// Tells a story while this server keeps what answers say; for a second one on the same clock.
    pub async fn keeping<T>(&self, story: impl Future<Output = T>) -> T {
        tokio::select! {
            biased;
            told = story => told,
            () = self.lyceum.keep_journal() => unreachable!("a journal is kept for ever"),
        }
    }

    /// What is stored of an answer, under way or not.
    pub async fn said(&self, owner: &Caller, answer: MessageId) -> Message {
        self.store.write().under_way().said(owner.user.id, answer).await.unwrap().unwrap().answer
    }

    /// Whether it is under way, as far as the store knows.
    pub async fn is_under_way(&self, owner: &Caller, answer: MessageId) -> bool {
        self.store.write().under_way().said(owner.user.id, answer).await.unwrap().unwrap().is_under_way
    }

    /// All that somebody's calls cost, oldest first.
    pub async fn usage(&self, owner: &Caller) -> Vec<UsageRecord> {
        self.store.read().usage_of(owner.user.id).await.unwrap()
    }

    /// What somebody used up.
    pub async fn spending(&self, owner: &Caller) -> Spending {
        self.lyceum.balance(owner).await.unwrap().spending
    }

    /// Answers that this server gives.
    pub fn live(&self) -> usize {
        self.lyceum.ports().answers.count()
    }

    /// Ends what servers left that are gone.
    pub async fn close_abandoned(&self, gone: &[&House]) -> u64 {
        let gone: Vec<_> = gone.iter().map(|house| house.lyceum.ports().answers.instance()).collect();
        self.lyceum.close_abandoned(&Actor::System, &gone).await.unwrap()
    }

    /// Looks every few seconds for servers that are silent, as a server does as long as it lives.
    pub async fn sweeping(&self, ended: &Cell<u64>) {
        let mut watch = Watch::default();
        loop {
            ended.set(ended.get() + self.lyceum.close_silent(&Actor::System, &mut watch).await.unwrap());
            sleep(SWEEP).await;
        }
    }

    /// What it ended in so many seconds.
    pub async fn swept_in(&self, seconds: u64) -> u64 {
        let ended = Cell::default();
        let _ = timeout(Duration::from_secs(seconds), self.sweeping(&ended)).await;
        ended.get()
    }

    pub async fn follow(&self, caller: &Caller, answer: MessageId, from: Option<usize>) -> Follower {
        self.lyceum.follow(caller, answer, from).await.unwrap()
    }
}

/// The next words.
pub async fn words(reader: &mut Follower) -> String {
    loop {
        match reader.next().await {
            Some(TurnEvent::Started(_)) => {}
            Some(TurnEvent::Piece { text, .. }) => return text,
            other => panic!("no words, but {other:?}"),
        }
    }
}

/// The rest of an answer, for somebody who knows how it started.
pub async fn rest(mut reader: Follower) -> (String, Result<Box<Answer>, Error>) {
    let mut text = String::new();
    loop {
        match reader.next().await {
            Some(TurnEvent::Piece { text: words, .. }) => text += &words,
            Some(TurnEvent::Ended(ended)) => return (text, ended),
            other => panic!("neither words nor an end, but {other:?}"),
        }
    }
}
