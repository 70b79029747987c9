//! Turns run in tasks of their own, so that they end well whatever becomes of the request; this is where they start.

use lyceum_application::mentor::{Turn, TurnEvent};
use tokio::sync::mpsc::{self, Receiver};

use crate::app::App;

/// How many pieces wait for a slow reader before the model has to.
const BACKLOG: usize = 32;

/// Starts a turn and gives its reader's end. Dropping it tells the turn that the reader is gone. The turn lives on its
/// worker, whose connections it uses; the workers are only stopped when all turns have ended.
pub fn start(app: &App, turn: Turn) -> Receiver<TurnEvent> {
    let (sender, receiver) = mpsc::channel(BACKLOG);
    let stop = app.stop_turns.clone();
    app.turns.spawn_local(turn.run(sender, stop.cancelled_owned()));
    receiver
}
