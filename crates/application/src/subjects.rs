//! A learner's own subjects, and the documents in them.

mod documents;
mod texts;

use lyceum_domain::{
    courses::Title,
    ids::SubjectId,
    page::{Page, PageRequest},
    policy::{Action, allow},
    store::StoreError,
    subjects::{Color, Subject},
};

pub use documents::NewDocument;
pub use texts::TextsRead;

use crate::{Error, Lyceum, error::denied, sessions::Caller, users::Change};

/// A subject that is wanted.
#[derive(Debug, Clone)]
pub struct NewSubject {
    /// What it is called.
    pub title: Title,
    /// What it is about.
    pub description: String,
    /// How it is shown.
    pub color: Option<Color>,
    /// Whether it is put away at once.
    pub is_archived: bool,
}

/// What of a subject is to change.
#[derive(Debug, Clone, Default)]
pub struct SubjectChange {
    /// What it is called.
    pub title: Option<Title>,
    /// What it is about.
    pub description: Option<String>,
    /// How it is shown.
    pub color: Change<Color>,
    /// Whether it is put away.
    pub is_archived: Option<bool>,
}

impl Lyceum {
    /// Makes a subject.
    pub async fn create_subject(&self, caller: &Caller, new: NewSubject) -> Result<Subject, Error> {
        may_use_subjects(caller)?;
        let now = self.ports.clock.now();
        let subject = Subject {
            id: SubjectId::new(&*self.ports.ids),
            owner: caller.user.id,
            title: new.title,
            description: new.description,
            color: new.color,
            is_archived: new.is_archived,
            created_at: now,
            updated_at: now,
            version: 1,
        };
        let mut unit = self.ports.store.begin().await?;
        match unit.subjects().insert(&subject, self.rules.max_subjects).await {
            Err(StoreError::Conflict) => return Err(Error::TooMany("subjects")),
            inserted => inserted?,
        }
        unit.commit().await?;
        Ok(subject)
    }

    /// A subject of whoever asks.
    pub async fn own_subject(&self, caller: &Caller, id: SubjectId) -> Result<Subject, Error> {
        may_use_subjects(caller)?;
        self.ports.store.read().subject(caller.user.id, id).await?.ok_or(Error::NotFound("subject"))
    }

    /// The subjects of whoever asks, newest first: those that are put away, or those that are not.
    pub async fn subjects(&self, caller: &Caller, archived: bool, page: PageRequest) -> Result<Page<Subject>, Error> {
        may_use_subjects(caller)?;
        Ok(self.ports.store.read().subjects_page(caller.user.id, archived, page).await?)
    }

    /// Changes a subject. `expected` is the version that the change is about, if they said.
    pub async fn change_subject(
        &self,
        caller: &Caller,
        id: SubjectId,
        change: SubjectChange,
        expected: Option<u32>,
    ) -> Result<Subject, Error> {
        crate::retry::retry_on_conflict(|| async {
            let mut subject = self.own_subject(caller, id).await?;
            if expected.is_some_and(|version| version != subject.version) {
                return Err(Error::VersionMismatch);
            }
            let before = subject.clone();
            let change = change.clone();
            subject.title = change.title.unwrap_or(subject.title);
            subject.description = change.description.unwrap_or(subject.description);
            change.color.apply(&mut subject.color);
            subject.is_archived = change.is_archived.unwrap_or(subject.is_archived);
            if subject == before {
                return Ok(subject);
            }
            subject.updated_at = self.ports.clock.now();
            let mut unit = self.ports.store.begin().await?;
            unit.subjects().update(&subject).await?;
            unit.commit().await?;
            subject.version += 1;
            Ok(subject)
        })
        .await
    }

    /// Removes a subject with its documents. `expected` is the version that the deletion is about, if they said.
    pub async fn delete_subject(&self, caller: &Caller, id: SubjectId, expected: Option<u32>) -> Result<(), Error> {
        may_use_subjects(caller)?;
        let mut unit = self.ports.store.begin().await?;
        let Some(blobs) = unit.subjects().remove(caller.user.id, id, expected).await? else {
            drop(unit);
            // Somebody else's is as good as none.
            self.own_subject(caller, id).await?;
            return Err(Error::VersionMismatch);
        };
        unit.blob_removals().schedule(&blobs, self.ports.clock.now()).await?;
        unit.commit().await?;
        self.ports.blob_bell.ring();
        Ok(())
    }
}

fn may_use_subjects(caller: &Caller) -> Result<(), Error> {
    allow(&caller.actor(), &Action::UseOwnSubjects).map_err(denied("subject"))
}
