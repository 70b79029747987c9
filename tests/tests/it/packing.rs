//! What is packed can be unpacked: errors too.

use std::io::Read as _;

use lyceum_e2e::house::House;
use reqwest::{Method, header};
use serde_json::Value;

#[tokio::test]
async fn whoever_takes_gzip_can_read_errors_too() {
    let server = House::small().start().await;
    for (path, member) in [("/api/v1/courses/nowhere", "/code"), ("/openai/v1/models", "/error/code"), ("/x", "/code")]
    {
        let asked = server.request(Method::GET, path).header(header::ACCEPT_ENCODING, "gzip, deflate, br");
        let response = asked.send().await.expect("an answer");
        let packing = response.headers().get(header::CONTENT_ENCODING).cloned();
        let body = response.bytes().await.expect("a body");
        let text = match packing {
            None => String::from_utf8(body.to_vec()).expect("text"),
            Some(packing) => {
                assert_eq!(packing, "gzip", "{path}");
                let mut text = String::new();
                flate2::read::GzDecoder::new(&*body).read_to_string(&mut text).expect("gzip");
                text
            }
        };
        let problem: Value = serde_json::from_str(&text).expect("JSON");
        assert!(problem.pointer(member).is_some_and(Value::is_string), "{path}: {text}");
    }
}
