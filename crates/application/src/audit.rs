//! The trail of what happened to accounts.

use lyceum_domain::{
    audit::{AuditAction, AuditActor, AuditEvent, AuditFilter},
    ids::{AuditEventId, UserId},
    page::{Page, PageRequest},
    policy::{Action, Actor, allow},
    sessions::Client,
};

use crate::{Error, Lyceum, error::denied, sessions::Caller};

impl Lyceum {
    /// The trail, newest first.
    pub async fn audit(
        &self,
        actor: &Actor,
        filter: &AuditFilter,
        page: PageRequest,
    ) -> Result<Page<AuditEvent>, Error> {
        allow(actor, &Action::ReadAudit).map_err(denied("audit trail"))?;
        Ok(self.ports.store.read().audit_page(filter, page).await?)
    }

    /// The sign-ins of whoever asks, good and failed, newest first: what one needs to see whether they were one's own.
    pub async fn sign_in_history(&self, caller: &Caller, page: PageRequest) -> Result<Page<AuditEvent>, Error> {
        allow(&caller.actor(), &Action::SecureOwnAccount).map_err(denied("account"))?;
        let filter = AuditFilter { subject: Some(caller.user.id), only_sign_ins: true, ..AuditFilter::default() };
        Ok(self.ports.store.read().audit_page(&filter, page).await?)
    }

    /// An event of this moment.
    pub(crate) fn event(
        &self,
        action: AuditAction,
        actor: impl Into<AuditActor>,
        subject: impl Into<Option<UserId>>,
        client: &Client,
    ) -> AuditEvent {
        let id = AuditEventId::new(&*self.ports.ids);
        AuditEvent::new(id, self.ports.clock.now(), action, actor.into(), subject.into(), client)
    }

    /// An event that the caller brought about on their own account.
    pub(crate) fn own_event(&self, action: AuditAction, caller: &Caller) -> AuditEvent {
        self.event(action, AuditActor::User(caller.user.id), caller.user.id, &caller.client)
    }
}
