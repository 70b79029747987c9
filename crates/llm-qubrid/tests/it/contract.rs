//! What every `ChatModel` keeps.

use async_trait::async_trait;
use lyceum_testkit::contract::chat_model::{ChatModelWorld, Ending, Played, Script};

use crate::{
    model,
    server::{Act, DONE, FINISH, ROLE, SSE_HEAD, Server, chunk, piece},
};

struct World;

#[async_trait]
impl ChatModelWorld for World {
    async fn play(&self, script: Script) -> Played {
        let send = |text: &str| Act::Send(chunk(text));
        let mut acts = vec![Act::Send(SSE_HEAD.into()), send(ROLE)];
        acts.extend(script.pieces.iter().map(|text| send(&piece(text))));
        match script.ending {
            Ending::Done => acts.extend([send(FINISH), send(DONE), Act::Send(b"0\r\n\r\n".into())]),
            Ending::BreaksOff => {}
            Ending::Fails => acts.extend([send("data: {\"error\":{\"message\":\"overloaded\"}}\n\n"), Act::Stay]),
            Ending::Hangs => acts.push(Act::Stay),
        }
        let server = Server::always(acts).await;
        Played { model: Box::new(model(&server.url)), hung_up: Box::pin(server.into_left()) }
    }
}

lyceum_testkit::chat_model_contract!(World);
