//! Mail survives a mail server that goes away, and a server of ours that dies.

use std::{collections::BTreeSet, time::Duration};

use lyceum_e2e::{
    database::Database,
    house::House,
    on_both_databases,
    post_office::PostOffice,
    wait::{eventually, within},
};
use serde_json::json;

on_both_databases!(every_mail_arrives_once_the_mail_server_is_back);

async fn every_mail_arrives_once_the_mail_server_is_back(database: Database) {
    let mut office = PostOffice::closed().await;
    let house = House::new(database)
        .with("LYCEUM__MAIL__TRANSPORT", "smtp")
        .with("SMTP_URL", office.url())
        .with("LYCEUM__MAIL__TIMEOUT_SECONDS", 1);
    let server = house.start().await;
    let register = async |server: &lyceum_e2e::server::Server, name: &str| {
        let email = format!("{name}@learners.example");
        let body = json!({"email": email, "username": name, "password": "topsail-Schooner-77"});
        server.post("/api/v1/auth/register", &body).await.is(202);
    };
    for n in 0..10 {
        register(&server, &format!("early-{n}")).await;
    }
    // Attempts fail, and the server dies between them.
    let log = async || server.log().matches("a mail has to wait").count();
    within(Duration::from_secs(20), "failed attempts", async || (log().await >= 10).then_some(())).await;
    server.kill();
    let server = house.start().await;
    for n in 0..10 {
        register(&server, &format!("late-{n}")).await;
    }
    office.open().await;
    let arrived = async || {
        let mails = office.mails();
        (mails.len() >= 20).then_some(mails)
    };
    // What the dead one had taken is free again after its lease.
    let mails = within(Duration::from_mins(1), "all mails", arrived).await;
    let to: BTreeSet<_> = mails.iter().filter_map(|mail| mail.lines().find(|line| line.starts_with("To: "))).collect();
    assert_eq!((mails.len(), to.len()), (20, 20), "each once");
    let waiting = house.run(&["mail", "status"]).succeeded().stdout;
    assert!(waiting.starts_with("0 mails wait") && waiting.contains("0 were given up"), "{waiting}");
    for mail in &mails {
        let (_, rest) = mail.split_once("token=").expect("a link");
        let token: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
        server.post("/api/v1/auth/verify-email", &json!({"token": token})).await.is(204);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_a_mail_server_refuses_is_not_told_to_the_log() {
    let mut office = PostOffice::closed().await;
    office.open().await;
    let house = House::small().with("LYCEUM__MAIL__TRANSPORT", "smtp").with("SMTP_URL", office.url());
    let server = house.start().await;
    let email = "Reject.Ada@learners.example";
    let body = json!({"email": email, "username": "ada", "password": "topsail-Schooner-77"});
    server.post("/api/v1/auth/register", &body).await.is(202);
    let refused = async || server.log().lines().find(|line| line.contains("refused for good")).map(str::to_owned);
    let line = eventually("the refusal", refused).await;
    assert!(line.contains("[address]") && line.contains("no such mailbox"), "{line}");
    assert!(!line.to_ascii_lowercase().contains("reject.ada"), "{line}");
}
