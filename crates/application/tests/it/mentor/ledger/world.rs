//! A world of two servers and some learners in which everything happens that can.

use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
    future::pending,
    rc::Rc,
    time::Duration,
};

use lyceum_application::{
    Rules,
    idempotency::{Answer as Kept, Done, Once},
    mentor::{Answer, Follower, TurnEvent, Watch},
    sessions::Caller,
};
use lyceum_domain::{
    conversations::MessageStatus,
    idempotency::IdempotencyKey,
    ids::{MessageId, UserId},
    mentor::{Allowance, Counted, Quota, Quotas, UsageOutcome, UsageRecord, Used},
    policy::Actor,
    store::Store as _,
    time::{Clock as _, Day, Timestamp, UtcOffset},
};
use lyceum_testkit::{
    ambient::ManualClock,
    chat::{ScriptedModel, Upstream},
    store::MemoryStore,
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::book::{Book, Counting, Dice, play};
use crate::house::{House, question};

/// The last seconds of the 30th of January 2026 (UTC), and of the 31st.
const EVENINGS: [i64; 2] = [1_769_817_590_000_000, 1_769_903_990_000_000];

struct Server {
    house: House,
    upstream: Upstream,
    tasks: RefCell<JoinSet<()>>,
    is_killed: Cell<bool>,
}

/// A question that was asked.
#[derive(Clone)]
struct Asked {
    words: String,
    owner: Caller,
    answer: MessageId,
    server: usize,
}

pub struct World {
    store: MemoryStore,
    clock: ManualClock,
    book: Book,
    servers: [Server; 2],
    learners: Vec<Caller>,
    asked: RefCell<Vec<Asked>>,
    /// Questions whose server was killed before it could write down how they ended.
    lost: RefCell<HashSet<String>>,
    readers: RefCell<JoinSet<()>>,
}

fn kept(answer: &Answer) -> Kept {
    Kept { status: 200, body: answer.message.id.to_string() }
}

impl World {
    /// Lets a world go its way, and looks at the ledger when all is over.
    pub async fn lives(mut dice: Dice) {
        let world = Rc::new(Self::new(&mut dice).await);
        for server in 0..2 {
            world.start(server, dice.other());
        }
        for _ in 0..4 + dice.below(8) {
            let began = Instant::now();
            dice.wait(600).await;
            world.clock.advance(began.elapsed());
            world.something_happens(&mut dice).await;
        }
        world.comes_to_rest().await;
        world.obeys(dice.seed).await;
        for server in &world.servers {
            server.tasks.take().shutdown().await;
        }
    }

    async fn new(dice: &mut Dice) -> Self {
        let (store, book) = (MemoryStore::new(), Book::default());
        let evening = EVENINGS[usize::from(dice.one_in(3))];
        let clock = ManualClock::at(Timestamp::from_micros(evening).unwrap());
        let day = Allowance { requests: Some(4), tokens: Some(12_000) };
        let quota = Quota { day, month: Allowance { requests: Some(7), tokens: None } };
        let linger = Duration::from_millis(if dice.one_in(2) { 100 } else { 800 });
        let quotas = Quotas { free: quota, premium: quota };
        let rules = Rules { linger, quotas, max_answer_tokens: Some(1_000), ..Rules::default() };
        let servers = [0, 1].map(|_| {
            let (model, upstream) = Counting::new(&book);
            let house = House::on(store.clone(), clock.clone(), model, rules.clone());
            Server { house, upstream, tasks: RefCell::default(), is_killed: Cell::new(false) }
        });
        let mut learners = Vec::new();
        for name in ["ada", "bob"] {
            learners.push(servers[0].house.learner(name).await);
        }
        Self {
            store,
            clock,
            book,
            servers,
            learners,
            asked: RefCell::default(),
            lost: RefCell::default(),
            readers: RefCell::default(),
        }
    }

    /// A server keeps what its answers say, and its provider answers.
    fn start(&self, server: usize, mut dice: Dice) {
        let Server { house, upstream, tasks, .. } = &self.servers[server];
        let (lyceum, upstream) = (house.lyceum.clone(), upstream.clone());
        tasks.borrow_mut().spawn_local(async move { lyceum.keep_journal().await });
        tasks.borrow_mut().spawn_local(async move {
            loop {
                let call = upstream.call().await;
                tokio::task::spawn_local(play(call, dice.other()));
            }
        });
    }

    async fn something_happens(self: &Rc<Self>, dice: &mut Dice) {
        let server = usize::from(dice.one_in(2));
        match dice.below(20) {
            0..=9 => self.ask(server, dice).await,
            10 | 11 => self.stop(server, dice).await,
            12 | 13 => drop(self.servers[server].house.lyceum.beat().await),
            14 => self.sweep(server, true).await,
            15 => self.sweep(server, false).await,
            16 => self.is_away_for(dice).await,
            17 => self.clock.advance(Duration::from_secs(21)),
            18 => self.clock.advance(Duration::from_hours(dice.below(26))),
            _ => self.kill(server).await,
        }
    }

    async fn ask(self: &Rc<Self>, server: usize, dice: &mut Dice) {
        let at = &self.servers[server];
        if at.is_killed.get() {
            return;
        }
        let owner = &self.learners[usize::from(dice.one_in(2))];
        let words = format!("Question {}?", self.asked.borrow().len());
        let once = dice.one_in(3).then(|| Once {
            key: IdempotencyKey::parse(&words.replace(' ', "-")).unwrap(),
            operation: "POST chat".to_owned(),
            answer: kept,
        });
        let Ok(Done::Now(turn)) = at.house.lyceum.ask_once(owner, question(&words), once).await else { return };
        let reader = turn.reader();
        let asked = Asked { words, owner: owner.clone(), answer: reader.answer(), server };
        self.asked.borrow_mut().push(asked.clone());
        if dice.one_in(12) {
            // Whoever was to run it is gone.
            return drop(turn);
        }
        at.tasks.borrow_mut().spawn_local(turn.run(pending()));
        let reading = Rc::clone(self).reads(asked, reader.into(), dice.other());
        self.readers.borrow_mut().spawn_local(reading);
    }

    /// Reads, or does not; leaves, or not; comes back, here or at the other server, or not.
    async fn reads(self: Rc<Self>, asked: Asked, mut reader: Follower, mut dice: Dice) {
        let mut text = String::new();
        for _ in 0..4 {
            let patience = dice.below(10);
            let mut heard = 0;
            let ended = loop {
                if heard >= patience {
                    break None;
                }
                match reader.next().await {
                    Some(TurnEvent::Started(_)) => {}
                    Some(TurnEvent::Piece { text: words, end }) => {
                        text += &words;
                        assert_eq!(text.len(), end as usize, "world {}: a piece is missing", dice.seed);
                    }
                    Some(TurnEvent::Ended(ended)) => break Some(ended),
                    None => unreachable!("a reader hears of the end"),
                }
                heard += 1;
            };
            if let Some(ended) = ended {
                if let Ok(answer) = ended {
                    assert_eq!(answer.message.content, text, "world {}", dice.seed);
                }
                return;
            }
            drop(reader);
            if dice.one_in(2) {
                return;
            }
            dice.wait(1_200).await;
            let server = &self.servers[usize::from(dice.one_in(2))];
            match server.house.lyceum.follow(&asked.owner, asked.answer, Some(text.len())).await {
                Ok(follower) => reader = follower,
                Err(_) => return,
            }
        }
    }

    async fn stop(&self, server: usize, dice: &mut Dice) {
        let count = u64::try_from(self.asked.borrow().len()).unwrap();
        if count > 0 {
            let asked = self.asked.borrow()[usize::try_from(dice.below(count)).unwrap()].clone();
            drop(self.servers[server].house.lyceum.stop_answer(&asked.owner, asked.answer).await);
        }
    }

    /// Ends what killed servers left; or what the others did, too, that were only slow.
    async fn sweep(&self, server: usize, are_slow: bool) {
        let others = self.servers.iter().enumerate().filter(|(at, _)| *at != server);
        let gone = others.filter(|(_, other)| are_slow || other.is_killed.get());
        let gone: Vec<_> = gone.map(|(_, other)| other.house.lyceum.ports().answers.instance()).collect();
        drop(self.servers[server].house.lyceum.close_abandoned(&Actor::System, &gone).await);
    }

    async fn is_away_for(self: &Rc<Self>, dice: &mut Dice) {
        self.store.set_away(true);
        let longest = if dice.one_in(3) { 15_000 } else { 900 };
        let (store, millis) = (self.store.clone(), dice.below(longest));
        self.readers.borrow_mut().spawn_local(async move {
            sleep(Duration::from_millis(millis)).await;
            store.set_away(false);
        });
        tokio::task::yield_now().await;
    }

    /// All that a server did is over, at once.
    async fn kill(&self, server: usize) {
        let killed = &self.servers[server];
        if killed.is_killed.replace(true) {
            return;
        }
        let mut tasks = killed.tasks.take();
        tasks.abort_all();
        self.store.set_away(false);
        let asked = self.asked.borrow().clone();
        for asked in asked.iter().filter(|asked| asked.server == server) {
            let record = self.record(asked).await;
            let is_swept = record.error_code.as_deref() == Some("server_gone") && record.cost.is_estimated;
            if record.outcome == UsageOutcome::Open || is_swept {
                self.lost.borrow_mut().insert(asked.words.clone());
            }
        }
        tasks.shutdown().await;
    }

    async fn record(&self, asked: &Asked) -> UsageRecord {
        let all = self.store.read().usage_of(asked.owner.user.id).await.unwrap();
        all.into_iter().find(|record| record.message == asked.answer).expect("a record of each call")
    }

    /// Nobody asks any more, and time passes until nothing happens.
    async fn comes_to_rest(&self) {
        let mut readers = self.readers.take();
        // A provider may hang, and a turn may wait for the store.
        let is_at_rest = async {
            while let Some(read) = readers.join_next().await {
                read.unwrap();
            }
            self.store.set_away(false);
            while self.servers.iter().any(|server| server.house.live() > 0) || self.has_ends_to_write().await {
                sleep(Duration::from_millis(500)).await;
            }
            // What was swept while the store was away is still to be written as it was.
            sleep(Duration::from_secs(2)).await;
        };
        let clock = async {
            for _ in 0..240 {
                sleep(Duration::from_millis(500)).await;
                self.clock.advance(Duration::from_millis(500));
            }
        };
        // Whoever reads what a killed server said hears of the end from a sweep, of a server that lives.
        let third = self.servers[0].house.beside(ScriptedModel::always("nothing"));
        let sweeps = async {
            let mut watch = Watch::default();
            loop {
                for server in self.servers.iter().filter(|server| !server.is_killed.get()) {
                    drop(server.house.lyceum.beat().await);
                }
                drop(third.lyceum.close_silent(&Actor::System, &mut watch).await);
                sleep(Duration::from_secs(5)).await;
            }
        };
        tokio::select! {
            () = is_at_rest => {}
            () = clock => {}
            () = sweeps => {}
        }
        let killed = self.servers.iter().filter(|server| server.is_killed.get());
        let killed: Vec<_> = killed.map(|server| server.house.lyceum.ports().answers.instance()).collect();
        third.lyceum.close_abandoned(&Actor::System, &killed).await.unwrap();
    }

    /// Whether something is under way that a living server will end.
    async fn has_ends_to_write(&self) -> bool {
        let asked = self.asked.borrow().clone();
        for asked in asked.iter().filter(|asked| !self.servers[asked.server].is_killed.get()) {
            if self.record(asked).await.outcome == UsageOutcome::Open {
                return true;
            }
        }
        false
    }

    async fn obeys(&self, seed: u64) {
        for server in &self.servers {
            assert_eq!(server.house.live(), 0, "world {seed}: an answer is under way here");
        }
        let asked = self.asked.borrow().clone();
        for asked in &asked {
            let said = self.store.write().under_way().said(asked.owner.user.id, asked.answer).await.unwrap().unwrap();
            let told = || format!("world {seed}, {}: {:?}", asked.words, said.answer);
            assert!(!said.is_under_way, "{}: is under way", told());
            assert_ne!(said.answer.status, MessageStatus::Streaming, "{}", told());
            self.is_paid_for_once(asked, told).await;
        }
        for learner in &self.learners {
            self.adds_up(learner.user.id, seed).await;
        }
    }

    async fn is_paid_for_once(&self, asked: &Asked, told: impl Fn() -> String) {
        let record = self.record(asked).await;
        let told = || format!("{}: {record:?}", told());
        assert_ne!(record.outcome, UsageOutcome::Open, "{}", told());
        let took = Counted::of(record.cost.tokens);
        if self.lost.borrow().contains(&asked.words) {
            assert_eq!((record.cost.is_estimated, record.counted), (true, took), "{}", told());
            return;
        }
        match self.book.entry(&asked.words) {
            None => assert_eq!(record.counted, Counted::default(), "{}: was never asked", told()),
            Some(entry) if entry.is_free => assert_eq!(record.counted, Counted::default(), "{}: was free", told()),
            Some(entry) => {
                assert_eq!(record.counted, took, "{}", told());
                match entry.counted {
                    Some(counted) => {
                        assert_eq!((record.cost.tokens, record.cost.is_estimated), (counted, false), "{}", told());
                    }
                    None => assert!(record.cost.is_estimated, "{}: nobody counted", told()),
                }
            }
        }
    }

    /// What is used up is what the records say.
    async fn adds_up(&self, user: UserId, seed: u64) {
        let Some(spending) = self.store.read().spending(user).await.unwrap() else { return };
        let records = self.store.read().usage_of(user).await.unwrap();
        let day = |record: &UsageRecord| Day::of(record.created_at, UtcOffset::default());
        let sum = |counts: &dyn Fn(Day) -> bool| {
            records.iter().filter(|record| counts(day(record))).fold(Used::default(), |sum, record| Used {
                requests: sum.requests + record.counted.requests,
                tokens: sum.tokens + u64::from(record.counted.tokens),
            })
        };
        let month = spending.day.first_of_month();
        assert_eq!(sum(&|day| day == spending.day), spending.today, "world {seed}: {records:?}");
        assert_eq!(sum(&|day| day.first_of_month() == month), spending.this_month, "world {seed}: {records:?}");
        assert!(spending.today.requests <= 4 && spending.this_month.requests <= 7, "world {seed}: {spending:?}");
        assert!(Day::of(self.clock.now(), UtcOffset::default()) >= spending.day);
        let asked = self.asked.borrow().iter().filter(|asked| asked.owner.user.id == user).count();
        assert_eq!(records.len(), asked, "world {seed}: a call for each question that was let in, and no other");
    }
}
