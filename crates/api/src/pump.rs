//! Turns run in tasks of their own, so that they end well whatever becomes of the request; this is where they start.

use actix_web::web;
use lyceum_application::{
    Error,
    idempotency::Done,
    mentor::{Reader, Turn},
};
use tokio::sync::oneshot;

use crate::{app::App, traces};

/// Starts what `ask` prepares and gives a reader of it. Dropping the reader tells the turn that nobody reads.
///
/// The task begins before the question is written down: a client that leaves at that moment takes the handler along,
/// but not the turn. It lives on its worker, whose connections it uses; the workers are only stopped when all turns
/// have ended.
pub async fn start<F>(
    app: web::Data<App>,
    ask: impl FnOnce(web::Data<App>) -> F + 'static,
) -> Result<Done<Reader>, Error>
where
    F: Future<Output = Result<Done<Turn>, Error>> + 'static,
{
    let (sender, receiver) = oneshot::channel();
    let turns = app.turns.clone();
    turns.spawn_local(traces::carried(async move {
        if app.stopping.is_cancelled() {
            drop(sender.send(Err(Error::ShuttingDown)));
            return;
        }
        let stop = app.stop_turns.clone();
        match ask(app).await {
            Ok(Done::Now(turn)) => {
                // Nobody is there to take it only if the client left; the turn finds out for itself.
                drop(sender.send(Ok(Done::Now(turn.reader()))));
                turn.run(stop.cancelled_owned()).await;
            }
            Ok(Done::Before(answer)) => drop(sender.send(Ok(Done::Before(answer)))),
            Err(error) => drop(sender.send(Err(error))),
        }
    }));
    receiver.await.unwrap_or(Err(Error::Abandoned))
}
