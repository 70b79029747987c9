//! What lies in the rows if there are keys. The seal of these tests is a toy; the real one is another crate's.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use lyceum_domain::{
    conversations::{
        Comment, Conversation, ConversationFilter, Feedback, Rating, Seal, SealError, Sealed, SearchedWords,
    },
    courses::Title,
    store::{Store as _, StoreError},
};
use lyceum_storage_seaorm::{SeaOrmStore, StorageSettings};
use lyceum_testkit::contract::{
    self,
    fixtures::{Turn, at, full_manifest, word},
    statements::{
        begin_turn, end_turn, first_page, found_conversation, keep_piece, said, set_feedback, stored_user,
        update_conversation,
    },
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection, types::Uuid};

use crate::databases::{postgres_of_its_own, sqlite_file};

/// Turns letters into other ones, by the name of the key; the first key is in use.
struct Toy {
    keys: Vec<&'static str>,
    sealed: AtomicU32,
}

fn toy(keys: &[&'static str]) -> Arc<dyn Seal> {
    Arc::new(Toy { keys: keys.to_vec(), sealed: AtomicU32::new(0) })
}

/// As if it depended on the key, and in digits that no word has.
fn turned(bytes: &[u8], key: &str) -> String {
    let turn = key.bytes().fold(0_u8, u8::wrapping_add);
    let digit = |byte: u8| char::from_digit(u32::from(byte), 16).expect("a digit");
    bytes.iter().map(|byte| byte ^ turn).flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

impl Seal for Toy {
    fn seal(&self, place: &[u8], text: &str) -> Result<Sealed, SealError> {
        let (key, n) = (self.keys[0], self.sealed.fetch_add(1, Ordering::Relaxed));
        let text = format!("{n:08}.{}.{}", turned(place, key), turned(text.as_bytes(), key));
        Ok(Sealed { key: key.to_owned(), text })
    }

    fn open(&self, place: &[u8], sealed: &Sealed) -> Result<String, SealError> {
        let unknown = || SealError::UnknownKey(sealed.key.clone());
        let key = self.keys.iter().find(|key| **key == sealed.key).ok_or_else(unknown)?;
        let mut parts = sealed.text.split('.').skip(1);
        if parts.next() != Some(&turned(place, key)) {
            return Err(SealError::Damaged);
        }
        let text = parts.next().ok_or(SealError::Damaged)?;
        let turn = key.bytes().fold(0_u8, u8::wrapping_add);
        let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).map(|byte| byte ^ turn);
        let bytes: Result<Vec<u8>, _> = (0..text.len()).step_by(2).map(byte).collect();
        String::from_utf8(bytes.map_err(|_| SealError::Damaged)?).map_err(|_| SealError::Damaged)
    }

    fn key(&self) -> &str {
        self.keys[0]
    }
}

/// A server with these keys, or with none.
async fn store(settings: &StorageSettings, keys: &[&'static str]) -> SeaOrmStore {
    let seal = (!keys.is_empty()).then(|| toy(keys));
    SeaOrmStore::connect(&StorageSettings { seal, ..settings.clone() }).await.expect("connects")
}

/// Runs a statement by hand, and answers with the number in its first row.
pub async fn by_hand(settings: &StorageSettings, sql: String) -> i64 {
    let sql = AssertSqlSafe(sql);
    let number = if settings.url.starts_with("sqlite") {
        let mut db = SqliteConnection::connect(&settings.url).await.expect("connects");
        sqlx::query_scalar(sql).fetch_optional(&mut db).await
    } else {
        let mut db = PgConnection::connect(&settings.url).await.expect("connects");
        sqlx::query_scalar(sql).fetch_optional(&mut db).await
    };
    number.expect("an answer").unwrap_or_default()
}

/// An id as the database writes it.
fn id(settings: &StorageSettings, id: Uuid) -> String {
    if settings.url.starts_with("sqlite") { format!("x'{}'", id.as_simple()) } else { format!("'{id}'") }
}

/// The columns in which a word lies in clear.
async fn in_clear(settings: &StorageSettings, word: &str) -> Vec<&'static str> {
    let mut found = Vec::new();
    for (column, table) in [
        ("title", "conversations"),
        ("content", "messages"),
        ("feedback_comment", "messages"),
        ("manifest", "manifests"),
        ("text", "answer_pieces"),
    ] {
        if by_hand(settings, format!("SELECT count(*) FROM {table} WHERE {column} LIKE '%{word}%'")).await > 0 {
            found.push(column);
        }
    }
    found
}

/// A turn that says a word wherever something is said.
struct Telling {
    word: String,
    turn: Turn,
}

impl Telling {
    /// Stored as it begins, with a piece.
    async fn begin(store: &SeaOrmStore) -> Self {
        let owner = stored_user(store).await.id;
        let word = word();
        let mut turn = Turn::asking(owner, &format!("What is {word}?"), at(0));
        turn.manifest = full_manifest(&word);
        begin_turn(store, &turn, true).await.expect("begun");
        keep_piece(store, turn.answer.id, 0, &word).await;
        Self { word, turn }
    }

    /// Stored as it ends, with a comment.
    async fn end(&mut self, store: &SeaOrmStore) {
        let answer = &mut self.turn.answer;
        answer.content = format!("It is {}.", self.word);
        let comment = Some(Comment::parse(&self.word).expect("a comment"));
        answer.feedback = Some(Feedback { rating: Rating::Down, comment });
        answer.updated_at = at(7);
        end_turn(store, &self.turn).await.expect("ended");
        let (owner, answer) = (self.turn.conversation.owner, &self.turn.answer);
        assert!(set_feedback(store, owner, answer.id, answer.feedback.as_ref(), at(7)).await.expect("an answer"));
    }

    /// All of it comes back, whoever looks.
    async fn expect_all(&self, store: &SeaOrmStore) {
        let Turn { conversation, question, answer, manifest, .. } = &self.turn;
        assert_eq!(found_conversation(store, conversation).await, *conversation);
        let messages = store.read().messages_page(conversation.owner, conversation.id, first_page()).await;
        assert_eq!(messages.expect("a page").items, [question.clone(), answer.clone()]);
        let stored = store.read().manifest(answer.id).await.expect("an answer");
        assert_eq!(stored, Some((conversation.owner, manifest.clone())));
        let recent = store.read().recent_messages(conversation.owner, conversation.id, None, 9).await;
        assert_eq!(recent.expect("an answer")[0], *question);
    }

    /// The reasons why nothing of it comes back.
    async fn refusals(&self, store: &SeaOrmStore) -> Vec<String> {
        let Turn { conversation, question, answer, .. } = &self.turn;
        let (owner, read) = (conversation.owner, store.read());
        let refusals = [
            read.conversation(owner, conversation.id).await.err(),
            read.message(owner, question.id).await.err(),
            read.message(owner, answer.id).await.err(),
            read.manifest(answer.id).await.err(),
            read.conversations_page(owner, &ConversationFilter::default(), first_page()).await.err(),
        ];
        let corrupt = |refusal: Option<StoreError>| match refusal {
            Some(StoreError::Corrupt(reason)) => reason,
            other => panic!("{other:?}"),
        };
        refusals.into_iter().map(corrupt).collect()
    }
}

async fn nothing_lies_in_clear(settings: &StorageSettings) {
    let store = store(settings, &["k1"]).await;
    let mut telling = Telling::begin(&store).await;
    let owner = telling.turn.conversation.owner;
    let under_way = said(&store, owner, telling.turn.answer.id).await.expect("an answer").answer;
    assert_eq!(under_way.content, telling.word);
    let abandoned = store.write().under_way().abandoned(&[telling.turn.instance], 9).await.expect("an answer");
    assert!(abandoned.iter().any(|found| found.answer == under_way));
    assert_eq!(in_clear(settings, &telling.word).await, Vec::<&str>::new());
    telling.end(&store).await;
    assert_eq!(in_clear(settings, &telling.word).await, Vec::<&str>::new());
    telling.expect_all(&store).await;

    let words = Some(SearchedWords::parse(&telling.word.to_uppercase()).expect("words"));
    let filter = ConversationFilter { words, ..ConversationFilter::default() };
    let found = store.read().conversations_page(owner, &filter, first_page()).await.expect("a page");
    assert_eq!(found.items, [telling.turn.conversation]);
}

async fn clear_texts_stay_and_sealed_ones_need_their_key(settings: &StorageSettings) {
    let (clear, first) = (store(settings, &[]).await, store(settings, &["k1"]).await);
    let mut open = Telling::begin(&clear).await;
    open.end(&clear).await;
    assert_eq!(in_clear(settings, &open.word).await, ["title", "content", "feedback_comment", "manifest"]);
    open.expect_all(&first).await;

    let mut sealed = Telling::begin(&first).await;
    sealed.end(&first).await;
    sealed.expect_all(&store(settings, &["k2", "k1"]).await).await;
    for reason in sealed.refusals(&clear).await {
        assert!(reason.contains("sealed under the key k1, and no key is set"), "{reason}");
    }
    for reason in sealed.refusals(&store(settings, &["k2"]).await).await {
        assert!(reason.contains("the key k1 is not known"), "{reason}");
    }
}

async fn a_moved_text_does_not_open(settings: &StorageSettings) {
    let store = store(settings, &["k1"]).await;
    let (mut from, mut to) = (Telling::begin(&store).await, Telling::begin(&store).await);
    from.end(&store).await;
    to.end(&store).await;
    let (source, target) = (id(settings, from.turn.answer.id.as_uuid()), id(settings, to.turn.answer.id.as_uuid()));
    let content = format!("(SELECT content FROM messages WHERE id = {source})");
    by_hand(settings, format!("UPDATE messages SET content = {content} WHERE id = {target}")).await;
    let owner = to.turn.conversation.owner;
    let moved = store.read().message(owner, to.turn.answer.id).await;
    assert!(matches!(&moved, Err(StoreError::Corrupt(reason)) if reason.contains("messages.content")), "{moved:?}");
    assert!(store.read().message(owner, to.turn.question.id).await.is_ok());
}

/// Seals anew bit by bit; how many texts that were.
async fn reseal(store: &SeaOrmStore) -> u64 {
    let mut resealed = 0;
    loop {
        let some = store.write().reseal(2).await.expect("resealed");
        assert!(some <= 2, "{some}");
        if some == 0 {
            return resealed;
        }
        resealed += some;
    }
}

/// On a database that nobody else has: all that lies in it is sealed anew.
async fn texts_are_sealed_anew(settings: &StorageSettings) {
    let clear = store(settings, &[]).await;
    let (mut telling, bare) = (Telling::begin(&clear).await, Turn::first(stored_user(&clear).await.id));
    telling.end(&clear).await;
    begin_turn(&clear, &bare, true).await.expect("begun");
    assert_eq!(reseal(&clear).await, 0, "without a key");

    // The title, the question, the answer, the comment and the manifest; and of the bare one, all but the last two
    // texts, as nothing was said.
    let first = store(settings, &["k1"]).await;
    assert_eq!(reseal(&first).await, 5 + 3);
    assert_eq!(in_clear(settings, &telling.word).await, Vec::<&str>::new());
    telling.expect_all(&first).await;
    assert_eq!(reseal(&first).await, 0);

    let second = store(settings, &["k2", "k1"]).await;
    let late = Telling::begin(&second).await;
    assert_eq!(reseal(&second).await, 5 + 3);
    let only = store(settings, &["k2"]).await;
    telling.expect_all(&only).await;
    late.expect_all(&only).await;

    // A key that is older by its name.
    let third = store(settings, &["k0", "k2"]).await;
    assert_eq!(reseal(&third).await, 5 + 3 + 3);
    telling.expect_all(&store(settings, &["k0"]).await).await;
    let lost = store(settings, &["k3"]).await.write().reseal(9).await;
    assert!(matches!(&lost, Err(StoreError::Corrupt(reason)) if reason.contains("k0 is not known")), "{lost:?}");

    who_writes_meanwhile_is_not_undone(settings).await;
}

/// Two servers turn texts over between two keys while somebody renames a conversation again and again.
async fn who_writes_meanwhile_is_not_undone(settings: &StorageSettings) {
    let (one, two) = (store(settings, &["k0", "k9"]).await, store(settings, &["k9", "k0"]).await);
    let turn = Turn::first(stored_user(&one).await.id);
    begin_turn(&one, &turn, true).await.expect("begun");
    let mut sealing = tokio::task::JoinSet::new();
    for store in [one.clone(), two.clone()] {
        sealing.spawn(async move {
            loop {
                store.write().reseal(50).await.expect("resealed");
            }
        });
    }
    let mut conversation = turn.conversation;
    for n in 0..100 {
        let title = Title::parse(&format!("Title {n}")).expect("a title");
        let renamed = Conversation { title, ..conversation.clone() };
        update_conversation(if n % 2 == 0 { &one } else { &two }, &renamed).await.expect("renamed");
        conversation = found_conversation(&two, &renamed).await;
        assert_eq!(conversation, Conversation { version: renamed.version + 1, ..renamed });
    }
    sealing.shutdown().await;
    assert_eq!(found_conversation(&one, &conversation).await, conversation);
}

macro_rules! on_both {
    ($($case:ident on $sqlite:ident and $postgres:ident in $database:expr;)*) => {$(
        #[test]
        fn $sqlite() {
            contract::run(concat!("sealing::", stringify!($sqlite)), async {
                let (settings, _folder) = sqlite_file().await;
                $case(&settings).await;
            });
        }

        #[test]
        fn $postgres() {
            let name = concat!("sealing::", stringify!($postgres));
            contract::run(name, async {
                let Some(settings) = $database.await else {
                    return contract::skip(name, "TEST_DATABASE_URL is not set");
                };
                $case(&settings).await;
            });
        }
    )*};
}

on_both! {
    nothing_lies_in_clear on nothing_that_is_said_lies_in_clear_on_sqlite
        and nothing_that_is_said_lies_in_clear_on_postgres in postgres_of_its_own("clear");
    clear_texts_stay_and_sealed_ones_need_their_key on texts_need_the_key_that_they_were_sealed_under_on_sqlite
        and texts_need_the_key_that_they_were_sealed_under_on_postgres in postgres_of_its_own("keys");
    a_moved_text_does_not_open on a_text_opens_nowhere_else_on_sqlite
        and a_text_opens_nowhere_else_on_postgres in postgres_of_its_own("moved");
    texts_are_sealed_anew on texts_are_put_under_the_key_in_use_on_sqlite
        and texts_are_put_under_the_key_in_use_on_postgres in postgres_of_its_own("reseal");
}
