//! A house whose every port is a fake that a story can talk to, and the words that stories are told in.

use std::{future::pending, sync::Arc};

use lyceum_application::{
    Bell, Error, Lyceum, Ports, Rules,
    courses::{Import, Imported, NoFiles},
    mail::Delivered,
    mentor::{Answer, Follower, LaneSettings, Lanes, LiveAnswers, Question, Turn, TurnEvent, TurnStarted},
    sessions::{Caller, SignedIn},
    users::{NewAccount, Registration},
};
use lyceum_domain::{
    conversations::{Message, Prompt},
    courses::{Course, CourseDraft, CourseKey, LessonDraft},
    ids::{ConversationId, CourseId, InstanceId, LessonId, UserId},
    mentor::{ChatModel, ChatRequest, Delivery, UsageRecord},
    page::PageRequest,
    policy::Actor,
    sessions::{Client, ExternalClaims},
    store::{Store as _, UnitOfWork},
    time::Clock as _,
    users::{Email, Identifier, Password, ProviderName, Role, User, Username},
};
use lyceum_testkit::{
    ambient::{ManualClock, SequentialIds},
    blobs::MemoryBlobs,
    chat::{ScriptedModel, Upstream, stop},
    mail::{MemoryMailer, PlainLetters},
    media::{PlainPortraits, PlainTexts},
    passwords::PlainHasher,
    providers::PlainProviders,
    store::MemoryStore,
    tokens::{PlainTokens, SequentialSecrets},
};

/// Everybody's password.
pub const PASSWORD: &str = "correct horse 7";

/// The house, and the fakes behind its ports.
pub struct House {
    pub lyceum: Lyceum,
    pub store: MemoryStore,
    pub clock: ManualClock,
    pub passwords: PlainHasher,
    pub tokens: PlainTokens,
    pub mailer: MemoryMailer,
    pub providers: PlainProviders,
    pub blobs: MemoryBlobs,
    pub portraits: PlainPortraits,
    pub texts: PlainTexts,
}

impl House {
    /// A house whose mentor always says the same.
    pub fn new() -> Self {
        Self::with_model(ScriptedModel::always("It bears on itself."))
    }

    /// A house whose mentor is played by the story.
    pub fn with_upstream() -> (Self, Upstream) {
        let (model, upstream) = ScriptedModel::new();
        (Self::with_model(model), upstream)
    }

    pub fn with_model(model: impl ChatModel + 'static) -> Self {
        Self::with(model, Rules::default())
    }

    /// A house with other rules.
    pub fn with_rules(rules: Rules) -> Self {
        Self::with(ScriptedModel::always("It bears on itself."), rules)
    }

    pub fn with(model: impl ChatModel + 'static, rules: Rules) -> Self {
        Self::on(MemoryStore::new(), ManualClock::new(), model, rules)
    }

    /// Another server over the same store.
    pub fn beside(&self, model: impl ChatModel + 'static) -> Self {
        Self::on(self.store.clone(), self.clock.clone(), model, self.lyceum.rules().clone())
    }

    pub fn on(store: MemoryStore, clock: ManualClock, model: impl ChatModel + 'static, rules: Rules) -> Self {
        let mailer = MemoryMailer::new();
        let (passwords, tokens, providers) = (PlainHasher::new(), PlainTokens::new("key"), PlainProviders::new());
        let (blobs, portraits, texts) = (MemoryBlobs::new(), PlainPortraits::new(), PlainTexts::new());
        let patience = std::time::Duration::from_secs(1);
        let lanes = LaneSettings { at_once: 64, waiting: 64, waiting_per_user: 64, patience };
        let ports = Ports {
            store: Arc::new(store.clone()),
            clock: Arc::new(clock.clone()),
            ids: Arc::new(SequentialIds),
            passwords: Arc::new(passwords.clone()),
            access_tokens: Arc::new(tokens.clone()),
            secrets: Arc::new(SequentialSecrets::new()),
            providers: Arc::new(providers.clone()),
            letters: Arc::new(PlainLetters),
            mailer: Arc::new(mailer.clone()),
            mail_bell: Bell::default(),
            blobs: Arc::new(blobs.clone()),
            blob_bell: Bell::default(),
            portraits: Arc::new(portraits.clone()),
            texts: Arc::new(texts.clone()),
            text_bell: Bell::default(),
            model: Arc::new(model),
            lanes: Arc::new(Lanes::new(lanes)),
            answers: Arc::new(LiveAnswers::new(InstanceId::new(&SequentialIds))),
        };
        let lyceum = Lyceum::new(ports, rules);
        Self { lyceum, store, clock, passwords, tokens, mailer, providers, blobs, portraits, texts }
    }

    // ---- people ----

    /// Somebody who was let in by the operator, and shows a token that names no session.
    pub async fn person(&self, name: &str, role: Role) -> Caller {
        let person = NewAccount { email: email(name), username: username(name), display_name: None, role };
        let made = self.lyceum.create_users(&Actor::System, &password(), vec![person]).await;
        Caller::of(made.unwrap().remove(0))
    }

    pub async fn learner(&self, name: &str) -> Caller {
        self.person(name, Role::Learner).await
    }

    pub async fn mentor(&self, name: &str) -> Caller {
        self.person(name, Role::Mentor).await
    }

    pub async fn admin(&self) -> Caller {
        self.person("the-admin", Role::Admin).await
    }

    /// Registers, and has the mail sent.
    pub async fn register(&self, name: &str) -> Result<(), Error> {
        let registered = self.lyceum.register(&Actor::Anonymous, registration(name, name)).await;
        self.post().await;
        registered
    }

    /// Sends what is due, until nothing is.
    pub async fn post(&self) -> Delivered {
        let mut all = Delivered::default();
        loop {
            let some = self.lyceum.deliver_mails(&Actor::System).await.unwrap();
            if some.total() == 0 {
                return all;
            }
            all.sent += some.sent;
            all.dropped += some.dropped;
            all.postponed += some.postponed;
            all.dead += some.dead;
        }
    }

    /// The code in the last mail to this person.
    pub fn mailed_code(&self, name: &str) -> String {
        let mail = self.mailer.last_to(&email(name)).expect("a mail");
        let (_, rest) = mail.text.split_once("?token=").expect("a link");
        rest.lines().next().unwrap().to_owned()
    }

    pub async fn verify(&self, code: &str) -> Result<(), Error> {
        self.lyceum.verify_email(&Actor::Anonymous, code, &Client::default()).await
    }

    pub async fn sign_in(&self, identifier: &str) -> Result<SignedIn, Error> {
        self.sign_in_with(identifier, PASSWORD, "192.0.2.1").await
    }

    pub async fn sign_in_with(&self, identifier: &str, password: &str, address: &str) -> Result<SignedIn, Error> {
        self.lyceum.sign_in(identifier, password, &at(address)).await
    }

    /// Who is behind a credential.
    pub async fn caller(&self, credential: &str) -> Result<Caller, Error> {
        self.lyceum.authenticate(credential, Client::default()).await
    }

    /// What a provider says about somebody, from now on for a quarter of an hour.
    pub fn claims(&self, subject: &str, email: Option<&str>, is_email_verified: bool) -> ExternalClaims {
        let issued_at = self.clock.now();
        ExternalClaims {
            provider: ProviderName::parse("neon").unwrap(),
            subject: subject.to_owned(),
            email: email.map(self::email),
            is_email_verified,
            name: None,
            issued_at,
            expires_at: issued_at.plus(std::time::Duration::from_mins(15)),
        }
    }

    /// The account as it is stored.
    pub async fn user(&self, name: &str) -> Option<User> {
        self.store.read().user_by(&Identifier::Email(email(name))).await.unwrap()
    }

    /// Changes an account behind everybody's back, and answers who they are then.
    pub async fn change_user(&self, id: UserId, change: impl FnOnce(&mut User)) -> Caller {
        let mut unit = self.begin().await;
        let mut user = unit.users().find(id).await.unwrap().unwrap();
        change(&mut user);
        unit.users().update(&user).await.unwrap();
        unit.commit().await.unwrap();
        Caller::of(self.store.read().user(id).await.unwrap().unwrap())
    }

    /// A unit of work. As long as it is held nobody else changes anything.
    pub async fn begin(&self) -> Box<dyn UnitOfWork> {
        self.store.begin().await.unwrap()
    }

    // ---- courses ----

    pub async fn import(&self, author: &Caller, title: &str, chapters: Vec<LessonDraft>, publish: bool) -> Imported {
        let (draft, files) = (book(title, chapters), Arc::new(NoFiles));
        let import = Import { draft, files, author: Some(author.user.id), publish };
        self.lyceum.import_course(&author.actor(), &author.client, import).await.unwrap()
    }

    /// A published course.
    pub async fn publish(&self, author: &Caller, title: &str, chapters: Vec<LessonDraft>) -> Course {
        self.import(author, title, chapters, true).await.course
    }

    /// The lesson of this title, drafts too.
    pub async fn lesson(&self, course: CourseId, title: &str) -> LessonId {
        let outline = self.store.read().outline(course).await.unwrap();
        outline.0.into_iter().find(|entry| entry.title.as_str() == title).expect("a lesson of this title").id
    }

    /// Changes a course behind everybody's back.
    pub async fn change_course(&self, id: CourseId, change: impl FnOnce(&mut Course)) {
        let mut course = self.store.read().course(&CourseKey::Id(id)).await.unwrap().unwrap();
        change(&mut course);
        let mut unit = self.begin().await;
        unit.courses().update(&course).await.unwrap();
        unit.commit().await.unwrap();
    }

    // ---- the mentor ----

    pub async fn ask(&self, caller: &Caller, question: Question) -> Turn {
        self.lyceum.ask(caller, question).await.unwrap()
    }

    /// Asks a model that answers by itself.
    pub async fn answered(&self, caller: &Caller, question: Question) -> Heard {
        self.listen(self.ask(caller, question).await).await
    }

    /// Asks, answers `text` for the model, and says what the model was asked.
    pub async fn played(
        &self,
        upstream: &Upstream,
        caller: &Caller,
        question: Question,
        text: &str,
    ) -> (ChatRequest, Heard) {
        let turn = self.ask(caller, question).await;
        tokio::join!(
            async {
                let asked = upstream.asked().await;
                upstream.says(text).await;
                upstream.finishes(stop()).await;
                asked
            },
            self.listen(turn)
        )
    }

    /// Runs a turn and hears all of it.
    pub async fn listen(&self, turn: Turn) -> Heard {
        let reader = turn.reader();
        tokio::join!(self.run(turn, pending()), hear(reader)).1
    }

    /// Runs a turn to its end, whoever reads it, while what it says is kept.
    pub async fn run(&self, turn: Turn, stop: impl Future<Output = ()> + Send) {
        tokio::select! {
            () = turn.run(stop) => {}
            () = self.lyceum.keep_journal() => {}
        }
    }

    pub async fn messages(&self, owner: &Caller, conversation: ConversationId) -> Vec<Message> {
        let read = self.store.read();
        read.messages_page(owner.user.id, conversation, PageRequest::default()).await.unwrap().items
    }

    /// The only conversation of this person.
    pub async fn conversation_of(&self, owner: &Caller) -> ConversationId {
        let page = self.lyceum.conversations(&owner.actor(), <_>::default(), PageRequest::default()).await.unwrap();
        assert_eq!(page.items.len(), 1, "one conversation");
        page.items[0].id
    }

    /// The answer in the only turn of this person, and what it cost.
    pub async fn outcome(&self, owner: &Caller) -> (Message, UsageRecord) {
        let mut messages = self.messages(owner, self.conversation_of(owner).await).await;
        let mut usage = self.store.read().usage_of(owner.user.id).await.unwrap();
        assert_eq!((messages.len(), usage.len()), (2, 1), "one turn");
        (messages.remove(1), usage.remove(0))
    }
}

/// What a reader of a turn heard.
#[derive(Debug, Default)]
pub struct Heard {
    pub started: Option<TurnStarted>,
    pub pieces: Vec<String>,
    pub ended: Option<Result<Box<Answer>, Error>>,
}

impl Heard {
    pub fn take(&mut self, event: TurnEvent) {
        assert!(self.ended.is_none(), "nothing follows the end: {event:?}");
        match event {
            TurnEvent::Started(started) => {
                assert!(self.started.is_none() && self.pieces.is_empty(), "a turn starts once, before its first piece");
                self.started = Some(started);
            }
            TurnEvent::Piece { text, end } => {
                assert!(self.started.is_some() && !text.is_empty(), "a piece follows the start and says something");
                self.pieces.push(text);
                assert_eq!(self.pieces.concat().len(), end as usize, "it says how far the answer came");
            }
            TurnEvent::Ended(ended) => self.ended = Some(ended),
        }
    }

    /// The whole answer.
    pub fn answer(self) -> Message {
        self.ended.expect("an end").expect("a good end").message
    }

    /// The code of the error it ended with; `ok` if it ended well.
    pub fn code(self) -> &'static str {
        code(self.ended.expect("an end"))
    }
}

/// Hears all that a reader is told.
pub async fn hear(reader: impl Into<Follower>) -> Heard {
    let mut reader = reader.into();
    let mut heard = Heard::default();
    while let Some(event) = reader.next().await {
        heard.take(event);
    }
    heard
}

/// The code of an error; `ok` if there is none.
pub fn code<T>(result: Result<T, Error>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(error) => error.code(),
    }
}

/// A client at this address.
pub fn at(address: &str) -> Client {
    Client { address: Some(address.parse().unwrap()), ..Client::default() }
}

pub fn email(name: &str) -> Email {
    Email::parse(&format!("{name}@example.com")).unwrap()
}

pub fn username(name: &str) -> Username {
    Username::parse(name).unwrap()
}

pub fn password() -> Password {
    Password::parse(PASSWORD, &[]).unwrap()
}

pub fn registration(email_name: &str, name: &str) -> Registration {
    Registration { email: email(email_name), username: username(name), password: password(), display_name: None }
}

pub fn book(title: &str, chapters: Vec<LessonDraft>) -> CourseDraft {
    CourseDraft {
        title: title.to_owned(),
        description: format!("All about {title}."),
        lessons: chapters,
        ..CourseDraft::default()
    }
}

pub fn chapter(title: &str, text: &str) -> LessonDraft {
    LessonDraft {
        path: Some(format!("{title}.md")),
        title: title.to_owned(),
        content: text.to_owned(),
        ..LessonDraft::default()
    }
}

/// A chapter that is announced, not written.
pub fn announced(title: &str) -> LessonDraft {
    LessonDraft { is_draft: true, ..chapter(title, "") }
}

/// Chapters of these titles, without much in them.
pub fn chapters(titles: &[&str]) -> Vec<LessonDraft> {
    titles.iter().map(|title| chapter(title, &format!("Text of {title}."))).collect()
}

pub fn question(text: &str) -> Question {
    Question {
        prompt: Prompt::parse(text).unwrap(),
        conversation: None,
        course: None,
        lesson: None,
        delivery: Delivery::Pieces,
    }
}
