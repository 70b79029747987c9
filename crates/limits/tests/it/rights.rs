//! A Redis that answers, and does not count.

use lyceum_domain::limits::{Class, Counting, Limiter as _, LimiterError};
use lyceum_limits::{RedisLimiter, RedisSettings};
use lyceum_testkit::contract;

use crate::{faults::demand, redis::settings, server::Server};

/// Tells the server something, as its master.
async fn tell(server: &Server, words: &[&str]) {
    let client = ::redis::Client::open(server.url()).expect("an address");
    let mut connection = client.get_multiplexed_async_connection().await.expect("it answers");
    let mut command = ::redis::cmd(words[0]);
    for word in &words[1..] {
        command.arg(word);
    }
    command.exec_async(&mut connection).await.expect("done");
}

fn limiter(settings: &RedisSettings) -> RedisLimiter {
    RedisLimiter::new(settings).expect("good settings")
}

/// What keeps it from counting, of which a check says the same.
async fn trouble(limiter: &RedisLimiter) -> String {
    let counted = limiter.take(&demand(Class::Writes, 1000)).await;
    let checked = limiter.check().await;
    assert_eq!(counted.is_ok(), matches!(checked, Ok(Counting::Shared)), "{counted:?}, but {checked:?}");
    match (counted, checked) {
        (Err(LimiterError(counting)), Err(LimiterError(checking))) => {
            assert_eq!(counting.to_string(), checking.to_string());
            counting.to_string()
        }
        _ => "none".to_owned(),
    }
}

#[track_caller]
fn is_due_to(trouble: &str, word: &str) {
    assert!(trouble.contains(word), "{word} is expected: {trouble}");
}

#[tokio::test]
async fn a_check_says_so_when_redis_is_full() {
    let name = "a_check_says_so_when_redis_is_full";
    let Some(server) = Server::start().await else { return contract::skip(name, "there is no redis-server") };
    let limiter = limiter(&settings(&server.url(), name));
    assert_eq!(trouble(&limiter).await, "none");
    tell(&server, &["CONFIG", "SET", "maxmemory", "1"]).await;
    is_due_to(&trouble(&limiter).await, "maxmemory");
    tell(&server, &["CONFIG", "SET", "maxmemory", "0"]).await;
    assert_eq!(trouble(&limiter).await, "none");
}

#[tokio::test]
async fn a_check_says_so_when_redis_is_a_replica() {
    let name = "a_check_says_so_when_redis_is_a_replica";
    let Some(server) = Server::start().await else { return contract::skip(name, "there is no redis-server") };
    let limiter = limiter(&settings(&server.url(), name));
    assert_eq!(trouble(&limiter).await, "none");
    // Of itself, which never comes to anything.
    tell(&server, &["REPLICAOF", "127.0.0.1", &server.port().to_string()]).await;
    is_due_to(&trouble(&limiter).await, "replica");
}

#[tokio::test]
async fn a_check_says_so_when_the_user_may_not_run_scripts() {
    let name = "a_check_says_so_when_the_user_may_not_run_scripts";
    let Some(server) = Server::start().await else { return contract::skip(name, "there is no redis-server") };
    let rights = ["~*", "&*", "+@all", "-eval", "-evalsha", "-script"];
    tell(&server, &[&["ACL", "SETUSER", "weak", "on", ">gooseneck-11"], &rights[..]].concat()).await;
    let limiter = limiter(&settings(&server.url_of("weak", "gooseneck-11"), name));
    is_due_to(&trouble(&limiter).await, "permissions");
}

#[tokio::test]
async fn the_rights_that_are_asked_for_are_enough() {
    let name = "the_rights_that_are_asked_for_are_enough";
    let Some(server) = Server::start().await else { return contract::skip(name, "there is no redis-server") };
    let settings = settings(&server.url_of("lyceum", "gooseneck-11").replace("/0", "/3"), name);
    let keys = format!("~{}:limit:*", settings.key_prefix);
    let rights = ["+evalsha", "+script|load", "+time", "+get", "+set", "+select"];
    let user = ["ACL", "SETUSER", "lyceum", "on", ">gooseneck-11", &keys];
    tell(&server, &[&user[..], &rights[..]].concat()).await;
    assert_eq!(trouble(&limiter(&settings)).await, "none");
}
