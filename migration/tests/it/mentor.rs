//! What was asked of the mentor before answers survived their server, and the rules of the house for every table.

use lyceum_migration::{down, up};

use super::{Postgres, TIME, empty, insert_ada, run, sqlite, texts, up_to};

/// An id as the database writes it.
fn id(url: &str, n: u8) -> String {
    if url.starts_with("sqlite") { format!("x'{n:032x}'") } else { format!("'00000000-0000-0000-0000-{n:012x}'") }
}

/// Now, as the database writes it.
fn now(url: &str) -> &'static str {
    if url.starts_with("sqlite") { "strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now')" } else { "now()" }
}

/// A turn of the first conversation that began in this hour, `n` its question and the next number its answer.
fn turn(url: &str, n: u8, hour: u8, status: &str) -> [String; 2] {
    let at = format!("'2026-01-01T{hour:02}:00:00+00:00'");
    let message = |n: u8, author: &str, status: &str| {
        format!(
            "INSERT INTO messages (id, conversation_id, author, content, status, sources, created_at, updated_at) \
             VALUES ({}, {}, '{author}', '{author} {n}', '{status}', '[]', {at}, {at})",
            id(url, n),
            id(url, 1)
        )
    };
    [message(n, "user", "complete"), message(n + 1, "assistant", status)]
}

/// A call for an answer.
fn call(url: &str, answer: u8, outcome: &str, at: &str) -> String {
    format!(
        "INSERT INTO usage_records (id, user_id, conversation_id, message_id, provider, model, outcome, prompt_tokens, \
         completion_tokens, is_estimated, created_at, updated_at) VALUES ({}, {}, {}, {}, 'offline', 'm', '{outcome}', \
         {answer}, 100, TRUE, {at}, {at})",
        id(url, 100 + answer),
        id(url, 1),
        id(url, 1),
        id(url, answer)
    )
}

async fn turns_go_on(url: &str) {
    empty(url).await;
    up_to(url, 13).await;
    let conversation = format!(
        "INSERT INTO conversations (id, owner_id, title, is_archived, created_at, updated_at, version) \
         VALUES ({}, {}, 'Knots', FALSE, {TIME}, {TIME}, 3)",
        id(url, 1),
        id(url, 1)
    );
    let mut statements = vec![insert_ada(&id(url, 1)), conversation];
    // The third answer's server died before the call was written down.
    for (n, hour, status) in [(10, 1, "complete"), (12, 2, "streaming"), (14, 3, "streaming")] {
        statements.extend(turn(url, n, hour, status));
    }
    statements.push(call(url, 11, "complete", "'2020-02-01T23:59:59.5+00:00'"));
    statements.push(call(url, 13, "open", now(url)));
    run(url, &statements.iter().map(String::as_str).collect::<Vec<_>>()).await;

    up_to(url, 14).await;
    let answers = "SELECT a.content || ' to ' || q.content || ': ' || a.status FROM messages a \
                   JOIN messages q ON q.id = a.parent_id ORDER BY a.content";
    let expected = [
        "assistant 11 to user 10: complete",
        "assistant 13 to user 12: streaming",
        "assistant 15 to user 14: interrupted",
    ];
    assert_eq!(texts(url, answers).await, expected);
    assert_eq!(texts(url, "SELECT content FROM messages WHERE parent_id IS NULL").await.len(), 3, "the questions");
    let under_way = "SELECT m.content || ' ' || r.outcome FROM turns_under_way u JOIN messages m ON m.id = u.message_id \
                     JOIN usage_records r ON r.id = u.usage_id WHERE NOT EXISTS (SELECT 1 FROM instances i \
                     WHERE i.id = u.instance_id)";
    assert_eq!(texts(url, under_way).await, ["assistant 13 open"]);
    let counted =
        "SELECT counted_requests || ' ' || counted_tokens || ' ' || micros FROM usage_records ORDER BY created_at";
    assert_eq!(texts(url, counted).await, ["1 111 0", "1 113 0"]);
    let day = "SELECT CAST(day AS text) FROM usage_records ORDER BY created_at";
    assert_eq!(texts(url, day).await[0], "18293", "the first of February 2020");
    let spent = "SELECT day_requests || ' ' || day_tokens || ' ' || month_requests || ' ' || month_tokens FROM spending s \
                 JOIN usage_records r ON r.user_id = s.user_id AND r.day = s.day WHERE s.month <= s.day \
                 AND s.day - s.month < 31";
    assert_eq!(texts(url, spent).await, ["1 113 1 113"]);

    let manifest = format!(
        "INSERT INTO manifests (message_id, manifest, created_at, updated_at) VALUES ({}, '{{}}', {TIME}, {TIME})",
        id(url, 11)
    );
    let piece = format!(
        "INSERT INTO answer_pieces (message_id, bytes_before, text, created_at, updated_at) \
         VALUES ({}, 0, 'Said', {TIME}, {TIME})",
        id(url, 13)
    );
    let stop = "UPDATE messages SET status = 'stopped' WHERE content = 'assistant 11'";
    let seal = "UPDATE messages SET content = 'c2VhbGVk', sealed_with = 'k' WHERE content = 'user 10'";
    let seal_title = "UPDATE conversations SET title = 'c2VhbGVk', sealed_with = 'k'";
    run(url, &[&manifest, &piece, stop, seal, seal_title]).await;

    down(url, 1).await.expect("down");
    let left = "SELECT content || ': ' || status FROM messages ORDER BY created_at, id";
    let expected = [
        ": complete",
        "assistant 11: interrupted",
        "user 12: complete",
        "assistant 13: streaming",
        "user 14: complete",
        "assistant 15: interrupted",
    ];
    assert_eq!(texts(url, left).await, expected, "what is sealed is gone");
    assert_eq!(texts(url, "SELECT title FROM conversations").await, ["Conversation"]);

    up(url).await.expect("up");
    run(url, &[&piece, "DELETE FROM conversations"]).await;
    for table in ["messages", "manifests", "turns_under_way", "answer_pieces"] {
        let left = format!("SELECT CAST(count(*) AS text) FROM {table}");
        assert_eq!(texts(url, &left).await, ["0"], "{table} go with their conversation");
    }
    run(url, &["DELETE FROM users"]).await;
    assert_eq!(texts(url, "SELECT CAST(count(*) AS text) FROM spending").await, ["0"]);
}

/// Tables without times, and references that no index leads back from.
async fn house_rules(url: &str) {
    up(url).await.expect("up");
    let (times, references) = if url.starts_with("sqlite") {
        (
            "SELECT t.name FROM pragma_table_list t WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE \
             'sqlite%' AND t.name NOT LIKE 'seaql%' AND (SELECT count(*) FROM pragma_table_info(t.name) c WHERE c.name \
             IN ('created_at', 'updated_at') AND c.\"notnull\") < 2",
            "SELECT t.name || '.' || f.\"from\" FROM pragma_table_list t JOIN pragma_foreign_key_list(t.name) f \
             WHERE t.schema = 'main' AND f.seq = 0 AND NOT EXISTS (SELECT 1 FROM pragma_index_list(t.name) i JOIN \
             pragma_index_info(i.name) c WHERE c.seqno = 0 AND c.name = f.\"from\" AND i.partial = 0)",
        )
    } else {
        (
            "SELECT t.table_name::text FROM information_schema.tables t WHERE t.table_schema = 'public' \
             AND t.table_name NOT LIKE 'seaql%' AND (SELECT count(*) FROM information_schema.columns c \
             WHERE c.table_schema = 'public' AND c.table_name = t.table_name AND c.is_nullable = 'NO' \
             AND c.column_name IN ('created_at', 'updated_at')) < 2",
            "SELECT c.conrelid::regclass || '.' || a.attname FROM pg_constraint c JOIN pg_attribute a \
             ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] WHERE c.contype = 'f' AND NOT EXISTS (SELECT 1 \
             FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1] AND i.indpred IS NULL)",
        )
    };
    assert_eq!(texts(url, times).await, Vec::<String>::new(), "tables that do not say when");
    assert_eq!(texts(url, references).await, Vec::<String>::new(), "references without an index");
}

#[tokio::test]
async fn turns_that_were_there_go_on_on_sqlite() {
    let (url, _folder) = sqlite();
    turns_go_on(&url).await;
}

#[tokio::test]
async fn turns_that_were_there_go_on_on_postgres() {
    if let Some(postgres) = Postgres::make("turns").await {
        turns_go_on(&postgres.url).await;
        postgres.drop_it().await;
    }
}

#[tokio::test]
async fn tables_say_when_and_references_have_an_index_on_sqlite() {
    let (url, _folder) = sqlite();
    house_rules(&url).await;
}

#[tokio::test]
async fn tables_say_when_and_references_have_an_index_on_postgres() {
    if let Some(postgres) = Postgres::make("rules").await {
        house_rules(&postgres.url).await;
        postgres.drop_it().await;
    }
}
