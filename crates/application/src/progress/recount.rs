//! Making the rows of learners follow when lessons of their course went or came back. Answers are right before that; this
//! keeps them quick.

use lyceum_domain::policy::{Action, Actor, allow};

use crate::{Error, Lyceum, error::denied, retry::retry_on_conflict};

/// How many courses are looked after at a time.
const COURSES: u32 = 100;
/// The most learners that one unit of work counts: others have to get their turn.
const BATCH: u32 = 500;

impl Lyceum {
    /// Counts anew where that is due, and says for how many learners.
    pub async fn recount_progress(&self, actor: &Actor) -> Result<u64, Error> {
        allow(actor, &Action::KeepHouse).map_err(denied("progress"))?;
        let mut counted = 0;
        for (course, outline_revision) in self.ports.store.read().courses_to_recount(COURSES).await? {
            loop {
                let some = retry_on_conflict(|| async {
                    let mut unit = self.ports.store.begin().await?;
                    let some = unit.progress().recount(course, BATCH).await?;
                    unit.commit().await?;
                    Ok(some)
                })
                .await?;
                counted += some;
                if some == 0 {
                    break;
                }
            }
            // Does nothing if the outline changed again meanwhile: the next round sees to it.
            let mut unit = self.ports.store.begin().await?;
            unit.courses().mark_counted(course, outline_revision).await?;
            unit.commit().await?;
        }
        Ok(counted)
    }
}
