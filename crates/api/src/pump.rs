//! Turns run in tasks of their own, so that they end well whatever becomes of the request; this is where they start.

use actix_web::web;
use lyceum_application::{
    Error,
    mentor::{Question, TurnEvent},
    sessions::Caller,
};
use tokio::sync::mpsc::{self, Receiver};

use crate::app::App;

/// How many pieces wait for a slow reader before the model has to.
const BACKLOG: usize = 32;

/// Starts a turn and gives its reader's end. Dropping it tells the turn that the reader is gone.
///
/// The task begins before the question is written down: a client that leaves at that moment takes the handler along,
/// but not the turn. It lives on its worker, whose connections it uses; the workers are only stopped when all turns
/// have ended.
pub fn start(app: web::Data<App>, caller: Caller, question: Question) -> Receiver<TurnEvent> {
    let (sender, receiver) = mpsc::channel(BACKLOG);
    let turns = app.turns.clone();
    turns.spawn_local(async move {
        let turn = if app.stopping.is_cancelled() {
            Err(Error::ShuttingDown)
        } else {
            app.lyceum.ask(&caller, question).await
        };
        match turn {
            Ok(turn) => turn.run(sender, app.stop_turns.clone().cancelled_owned()).await,
            // Nobody is there to hear it only if the client left.
            Err(error) => drop(sender.send(TurnEvent::Ended(Err(error))).await),
        }
    });
    receiver
}
