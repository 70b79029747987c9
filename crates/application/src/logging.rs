//! What the server logs, as far as people decide about it.

use lyceum_domain::{
    audit::AuditAction,
    policy::{Action, Actor, allow},
};

use crate::{Error, Lyceum, error::denied, sessions::Caller};

impl Lyceum {
    /// Whether somebody may see and change what is logged.
    pub fn may_steer_logging(&self, actor: &Actor) -> Result<(), Error> {
        allow(actor, &Action::SteerLogging).map_err(denied("log level"))
    }

    /// Writes down that somebody changes what is logged: whoever reads the log has to know why it became silent.
    pub async fn note_log_level(&self, caller: &Caller, level: &str) -> Result<(), Error> {
        self.may_steer_logging(&caller.actor())?;
        let event = self.event(AuditAction::LogLevelChanged, &caller.actor(), None, &caller.client);
        let mut unit = self.ports.store.begin().await?;
        unit.audit().append(&event.with("level", level)).await?;
        Ok(unit.commit().await?)
    }
}
