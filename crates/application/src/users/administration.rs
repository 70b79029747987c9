//! What the operator and admins do to accounts.

use lyceum_domain::{
    audit::AuditAction,
    ids::UserId,
    page::{Page, PageRequest},
    policy::{Action, Actor, allow},
    sessions::{AccountKey, Client},
    users::{DisplayName, Email, Identifier, Password, Plan, Role, User, UserFilter, Username},
};

use super::Registration;
use crate::{Error, Lyceum, error::denied, sessions::Caller};

/// An account that the operator makes.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// Where mail goes.
    pub email: Email,
    /// The public name.
    pub username: Username,
    /// What other people call them.
    pub display_name: Option<DisplayName>,
    /// What they may do.
    pub role: Role,
}

/// What an admin changes about an account; what is `None` stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccountChange {
    /// What the user may do.
    pub role: Option<Role>,
    /// What the user paid for.
    pub plan: Option<Plan>,
    /// Whether the account is on.
    pub is_active: Option<bool>,
    /// Whether failed sign-ins are to be forgotten.
    pub unlock: bool,
}

impl Lyceum {
    /// Makes an account that is active and verified.
    pub async fn create_user(&self, actor: &Actor, registration: Registration, role: Role) -> Result<User, Error> {
        let Registration { email, username, password, display_name } = registration;
        let person = NewAccount { email, username, display_name, role };
        let mut made = self.create_users(actor, &password, vec![person]).await?;
        made.pop().ok_or_else(|| Error::Internal("no account was made".to_owned()))
    }

    /// Makes accounts that are active and verified and begin with the same password: all of them or none.
    pub async fn create_users(
        &self,
        actor: &Actor,
        password: &Password,
        people: Vec<NewAccount>,
    ) -> Result<Vec<User>, Error> {
        allow(actor, &Action::ManageUsers).map_err(denied("account"))?;
        let hash = self.ports.passwords.hash(password).await?;
        let now = self.ports.clock.now();
        let mut unit = self.ports.store.begin().await?;
        let mut made = Vec::new();
        for NewAccount { email, username, display_name, role } in people {
            let id = UserId::new(&*self.ports.ids);
            let mut user = User::register(id, email, username, display_name, Some(hash.clone()), now);
            user.role = role;
            user.verify_email(now);
            unit.users().insert(&user).await?;
            unit.registrations().remove_all_of(&user.email).await?;
            let event = self.event(AuditAction::Created, actor, id, &Client::default());
            unit.audit().append(&event.with("role", role)).await?;
            made.push(user);
        }
        unit.commit().await?;
        Ok(made)
    }

    /// Gives an account another role; for the operator.
    pub async fn promote(&self, actor: &Actor, identifier: &Identifier, role: Role) -> Result<User, Error> {
        allow(actor, &Action::ManageUsers).map_err(denied("account"))?;
        let user = self.find_user(actor, identifier).await?.ok_or(Error::NotFound("account"))?;
        let change = AccountChange { role: Some(role), ..AccountChange::default() };
        self.apply_change(actor, user.id, change, None, &Client::default()).await
    }

    /// An account by name; for the operator.
    pub async fn find_user(&self, actor: &Actor, identifier: &Identifier) -> Result<Option<User>, Error> {
        allow(actor, &Action::ManageUsers).map_err(denied("account"))?;
        Ok(self.ports.store.read().user_by(identifier).await?.filter(|user| user.deleted_at.is_none()))
    }

    /// Accounts, newest first.
    pub async fn users(&self, actor: &Actor, filter: &UserFilter, page: PageRequest) -> Result<Page<User>, Error> {
        allow(actor, &Action::ManageUsers).map_err(denied("account"))?;
        Ok(self.ports.store.read().users_page(filter, page).await?)
    }

    /// An account by id, deleted ones too.
    pub async fn account(&self, actor: &Actor, id: UserId) -> Result<User, Error> {
        allow(actor, &Action::ManageUsers).map_err(denied("account"))?;
        self.ports.store.read().user(id).await?.ok_or(Error::NotFound("account"))
    }

    /// Changes an account. It holds from the very next request of that user on, wherever it arrives. No admin takes the
    /// admin's rights from themselves: the last one could.
    pub async fn change_account(
        &self,
        caller: &Caller,
        id: UserId,
        change: AccountChange,
        expected: Option<u32>,
    ) -> Result<User, Error> {
        let actor = caller.actor();
        allow(&actor, &Action::ManageUsers).map_err(denied("account"))?;
        let loses_rights = change.role.is_some_and(|role| role < Role::Admin) || change.is_active == Some(false);
        if id == caller.user.id && loses_rights {
            return Err(Error::OwnAccount);
        }
        self.apply_change(&actor, id, change, expected, &caller.client).await
    }

    async fn apply_change(
        &self,
        actor: &Actor,
        id: UserId,
        change: AccountChange,
        expected: Option<u32>,
        client: &Client,
    ) -> Result<User, Error> {
        crate::retry::retry_on_conflict(|| async {
            let now = self.ports.clock.now();
            let mut unit = self.ports.store.begin().await?;
            let user = unit.users().find(id).await?.filter(|user| user.deleted_at.is_none());
            let mut user = user.ok_or(Error::NotFound("account"))?;
            if expected.is_some_and(|version| version != user.version) {
                return Err(Error::VersionMismatch);
            }
            let before = user.clone();
            let event = |action| self.event(action, actor, id, client);
            if let Some(role) = change.role.filter(|role| *role != before.role) {
                user.role = role;
                let event = event(AuditAction::RoleChanged);
                unit.audit().append(&event.with("from", before.role).with("to", role)).await?;
            }
            if let Some(plan) = change.plan.filter(|plan| *plan != before.plan) {
                user.plan = plan;
                let event = event(AuditAction::PlanChanged);
                unit.audit().append(&event.with("from", before.plan.as_str()).with("to", plan.as_str())).await?;
            }
            match change.is_active.filter(|is_active| *is_active != before.is_active) {
                Some(true) => {
                    user.is_active = true;
                    unit.audit().append(&event(AuditAction::Activated)).await?;
                }
                Some(false) => {
                    user.is_active = false;
                    // Switched on again, the user signs in anew.
                    user.tokens_valid_from = now;
                    unit.sessions().revoke_all(id, None, now).await?;
                    unit.audit().append(&event(AuditAction::Deactivated)).await?;
                }
                None => {}
            }
            if change.unlock {
                unit.sign_in_failures().forget_all(&AccountKey::of_user(id)).await?;
                unit.audit().append(&event(AuditAction::Unlocked)).await?;
            }
            if user != before {
                user.updated_at = now;
                unit.users().update(&user).await?;
                user.version += 1;
            }
            unit.commit().await?;
            Ok(user)
        })
        .await
    }
}
