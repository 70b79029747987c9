//! The key shows in no error, whoever repeats it.

use lyceum_domain::mentor::{ChatModel as _, Delivery};

use crate::{
    KEY, ask, model,
    server::{Server, plain, stream},
};

#[tokio::test]
async fn the_key_is_in_no_error() {
    let json = "Content-Type: application/json\r\n";
    let echo = format!("{{\"error\":{{\"message\":\"bad key {KEY}\",\"code\":\"{KEY}\",\"type\":\"{KEY}\"}}}}");
    for acts in [
        plain("401 Unauthorized", json, &echo),
        plain("500 Oops", "Content-Type: text/html\r\n", &format!("<p>{KEY}</p>")),
        plain("200 OK", json, &echo),
        plain("200 OK", json, &format!("{{\"content\":\"{KEY}")),
        plain("200 OK", json, &format!("{{\"choices\":\"{KEY}\"}}")),
        stream(&format!("data: {echo}\n\n")),
        stream(&format!("data: {{\"choices\":\"{KEY}\"}}\n\n")),
        vec![],
    ] {
        let server = Server::always(acts).await;
        let model = model(&server.url);
        let failed = ask(&model, Delivery::Pieces).await.1.expect_err("no answer");
        let checked = model.check().await;
        assert!(!format!("{failed} {failed:?} {checked:?}").contains(KEY), "{failed:?}");
    }
}
