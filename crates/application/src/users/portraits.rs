//! Pictures of users.

use lyceum_domain::{
    blobs::{Blob, BlobError, BlobKey, BlobStream, Sha256},
    policy::{Action, allow},
    users::User,
};

use crate::{
    Error, Lyceum,
    blobs::Intake,
    error::denied,
    idempotency::{Begun, Done, Once, Ticket},
    retry::retry_on_conflict,
    sessions::Caller,
};

/// Where portraits are, and nothing else.
const FOLDER: &str = "profile-pictures/";

impl Lyceum {
    /// Makes a portrait of a picture and gives it to whoever asks; the one before goes. `expected` is the version of the
    /// account that the change is about, if they said.
    pub async fn set_portrait(
        &self,
        caller: &Caller,
        picture: BlobStream,
        expected: Option<u32>,
        once: Option<Once<User>>,
    ) -> Result<Done<User>, Error> {
        allow(&caller.actor(), &Action::UseOwnProfile).map_err(denied("account"))?;
        let ticket = match self.begin_once(caller.user.id, once).await? {
            Begun::Ours(ticket) => ticket,
            Begun::Before(kept) => {
                let taken = Intake::of_any(self.rules.max_picture_bytes).drain(picture).await?;
                return kept.for_the_same(&[taken.sha256.as_bytes()]);
            }
        };
        let set = self.make_portrait(caller, picture, expected, &ticket).await;
        self.or_release(&ticket, set).await.map(Done::Now)
    }

    async fn make_portrait(
        &self,
        caller: &Caller,
        picture: BlobStream,
        expected: Option<u32>,
        ticket: &Ticket<User>,
    ) -> Result<User, Error> {
        let intake = Intake::of_any(self.rules.max_picture_bytes);
        let picture = intake.collect(picture).await?;
        let portrait = self.ports.portraits.portrait(picture).await?;
        let key = BlobKey::portrait(caller.user.id, &*self.ports.ids);
        self.note_blobs(std::slice::from_ref(&key)).await?;
        let content = Box::pin(futures_util::stream::once(async move { Ok(portrait.into()) }));
        let set = async {
            self.put_blob(&key, content).await?;
            self.hang_portrait(caller, Some(&key), expected, Some((ticket, intake.taken().sha256))).await
        };
        match set.await {
            Ok(user) => Ok(user),
            Err(error) => {
                self.give_up_blobs(&[key], &error).await;
                Err(error)
            }
        }
    }

    /// Takes the portrait of whoever asks away. `expected` is the version of the account that the change is about, if
    /// they said.
    pub async fn remove_portrait(&self, caller: &Caller, expected: Option<u32>) -> Result<User, Error> {
        allow(&caller.actor(), &Action::UseOwnProfile).map_err(denied("account"))?;
        self.hang_portrait(caller, None, expected, None).await
    }

    /// Puts a portrait, whose key is noted, in the place of the one before, which goes.
    async fn hang_portrait(
        &self,
        caller: &Caller,
        portrait: Option<&BlobKey>,
        expected: Option<u32>,
        ticket: Option<(&Ticket<User>, Sha256)>,
    ) -> Result<User, Error> {
        retry_on_conflict(|| async {
            let mut unit = self.ports.store.begin().await?;
            let user = unit.users().find(caller.user.id).await?.filter(User::is_usable);
            let mut user = user.ok_or(Error::NotFound("account"))?;
            if expected.is_some_and(|version| version != user.version) {
                return Err(Error::VersionMismatch);
            }
            let before = std::mem::replace(&mut user.portrait, portrait.cloned());
            if before.is_none() && portrait.is_none() {
                return Ok(user);
            }
            let now = self.ports.clock.now();
            user.updated_at = now;
            unit.users().update(&user).await?;
            user.version += 1;
            unit.blob_removals().cancel(portrait.map(std::slice::from_ref).unwrap_or_default()).await?;
            unit.blob_removals().schedule(before.as_slice(), now).await?;
            if let Some((ticket, digest)) = &ticket {
                ticket.settle(&mut *unit, &[digest.as_bytes()], &user).await?;
            }
            unit.commit().await?;
            self.ports.blob_bell.ring();
            Ok(user)
        })
        .await
    }

    /// The portrait of a key, for anybody: a key is told to whom its owner's privacy settings say, and cannot be
    /// guessed.
    pub async fn portrait(&self, key: &BlobKey) -> Result<Blob, Error> {
        if !key.as_str().starts_with(FOLDER) {
            return Err(Error::NotFound("picture"));
        }
        match self.ports.blobs.get(key, None).await {
            Err(BlobError::Missing) => Err(Error::NotFound("picture")),
            found => Ok(found?),
        }
    }
}
