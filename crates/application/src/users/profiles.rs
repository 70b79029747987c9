//! Privacy, and what others see.

use lyceum_domain::{
    audit::AuditAction,
    courses::{CourseKey, CourseStatus},
    page::PageRequest,
    policy::{Action, Actor, allow},
    progress::CourseProgressView,
    users::{Identifier, Privacy, ProfileVisibility, User, Username},
};

use crate::{Error, Lyceum, error::denied, sessions::Caller};

/// A change of the privacy settings; what is `None` stays.
#[derive(Debug, Clone, Copy, Default)]
pub struct PrivacyChange {
    /// Who sees the profile.
    pub profile_visibility: Option<ProfileVisibility>,
    /// Whether others see the progress.
    pub show_progress: Option<bool>,
    /// Whether prompts may hold progress and material.
    pub ai_personalization: Option<bool>,
}

/// What others see of a user.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The account.
    pub user: User,
    /// The published courses they are in, if they show their progress; newest activity first.
    pub progress: Option<Vec<CourseProgressView>>,
}

impl Lyceum {
    /// Changes the privacy settings of whoever asks.
    pub async fn change_privacy(
        &self,
        caller: &Caller,
        change: PrivacyChange,
        expected: Option<u32>,
    ) -> Result<User, Error> {
        allow(&caller.actor(), &Action::SecureOwnAccount).map_err(denied("account"))?;
        crate::retry::retry_on_conflict(|| async {
            let mut unit = self.ports.store.begin().await?;
            let mut user = unit.users().find(caller.user.id).await?.ok_or(Error::NotFound("account"))?;
            if expected.is_some_and(|version| version != user.version) {
                return Err(Error::VersionMismatch);
            }
            let before = user.privacy;
            user.privacy = Privacy {
                profile_visibility: change.profile_visibility.unwrap_or(before.profile_visibility),
                show_progress: change.show_progress.unwrap_or(before.show_progress),
                ai_personalization: change.ai_personalization.unwrap_or(before.ai_personalization),
            };
            if user.privacy == before {
                return Ok(user);
            }
            user.updated_at = self.ports.clock.now();
            unit.users().update(&user).await?;
            let event = self.own_event(AuditAction::PrivacyChanged, caller);
            let event = event
                .with("profile_visibility", user.privacy.profile_visibility.as_str())
                .with("show_progress", user.privacy.show_progress)
                .with("ai_personalization", user.privacy.ai_personalization);
            unit.audit().append(&event).await?;
            unit.commit().await?;
            user.version += 1;
            Ok(user)
        })
        .await
    }

    /// The profile behind a username, as far as its owner shows it to `actor`.
    pub async fn profile(&self, actor: &Actor, username: &Username) -> Result<Profile, Error> {
        let read = self.ports.store.read();
        let user = read.user_by(&Identifier::Username(username.clone())).await?.filter(User::is_usable);
        let user = user.ok_or(Error::NotFound("user"))?;
        let action = Action::ReadProfile { owner: user.id, visibility: user.privacy.profile_visibility };
        allow(actor, &action).map_err(denied("user"))?;
        let progress = if user.privacy.show_progress || actor.user() == Some(user.id) {
            Some(self.shown_progress(&user).await?)
        } else {
            None
        };
        Ok(Profile { user, progress })
    }

    /// Drafts and what was archived are nobody else's business.
    async fn shown_progress(&self, user: &User) -> Result<Vec<CourseProgressView>, Error> {
        let read = self.ports.store.read();
        let mut shown = Vec::new();
        for view in read.progress_page(user.id, PageRequest::default()).await?.items {
            let course = read.course(&CourseKey::Id(view.course)).await?;
            if course.is_some_and(|course| course.status == CourseStatus::Published) {
                shown.push(view);
            }
        }
        Ok(shown)
    }
}
