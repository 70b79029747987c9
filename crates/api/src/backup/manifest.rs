//! What an archive says of itself.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

/// The form of archives that is written, and the newest that is read.
const FORMAT: u32 = 1;

/// What an archive says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of the archive: 1.
    pub format: u32,
    /// The release that made it.
    pub version: String,
    /// When it was begun, RFC 3339.
    pub made_at: String,
    /// The migrations of its database, oldest first.
    pub migrations: Vec<String>,
    /// How many rows each table has.
    pub rows: BTreeMap<String, u64>,
    /// Whether messages in it are sealed: without the keys of `LYCEUM__ENCRYPTION__KEYS` nobody reads them.
    pub is_sealed: bool,
    /// The files that rows name.
    pub blobs: BlobsKept,
    /// How many members follow, without `SHA256SUMS`.
    pub members: u64,
    /// How many bytes they have together.
    pub bytes: u64,
}

/// The files that rows name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobsKept {
    /// Where they are.
    pub place: Place,
    /// How many are in the archive.
    pub count: u64,
    /// How many were named but not there, and not because somebody had just removed them.
    pub missing: u64,
}

/// Where the files are that rows name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// In the archive.
    Archive,
    /// In this bucket, as before: the archive has the database alone.
    Bucket(String),
}

impl Manifest {
    /// One that knows nothing yet.
    pub fn begun(made_at: String) -> Self {
        Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            made_at,
            migrations: Vec::new(),
            rows: BTreeMap::new(),
            is_sealed: false,
            blobs: BlobsKept { place: Place::Archive, count: 0, missing: 0 },
            members: 0,
            bytes: 0,
        }
    }

    /// Reads one; a newer form than this release knows is refused.
    pub fn parse(json: &[u8]) -> anyhow::Result<Self> {
        #[derive(Deserialize)]
        struct Form {
            format: u32,
        }
        let form: Form = serde_json::from_slice(json).context("its manifest cannot be read")?;
        if form.format > FORMAT {
            bail!("it was made by a newer release: its form is {}, this release reads {FORMAT}", form.format);
        }
        serde_json::from_slice(json).context("its manifest cannot be read")
    }

    /// Refuses a schema that this release does not know; an older one is migrated when a server starts over it.
    pub fn fits(&self, known: &[String]) -> anyhow::Result<()> {
        match self.migrations.iter().find(|migration| !known.contains(migration)) {
            Some(newer) => bail!(
                "its database is newer than this release: it has the migration {newer}; restore it with release {} or \
                 a later one",
                self.version
            ),
            None => Ok(()),
        }
    }
}
