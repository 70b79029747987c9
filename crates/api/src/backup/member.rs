//! What may be in an archive, and under which names.

use std::fmt;

use anyhow::{Context as _, bail};
use lyceum_domain::blobs::BlobKey;

/// Something in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Member {
    /// What the archive says of itself.
    Manifest,
    /// A file that the server keeps in its data folder: its path there.
    Kept(String),
    /// A file that a row names.
    Blob(BlobKey),
    /// The database.
    Database,
    /// The digests.
    Digests,
}

const BLOBS: &str = "blobs/";
const KEPT: &str = "kept/";

/// Folders of the data folder that no kept file is in: the server fills them itself.
const RESERVED: [&str; 5] = ["blobs", "instances", "mail", "uploads", "lyceum.db"];

impl Member {
    /// A file that is kept under this path, unless it is none that can be.
    pub fn kept(path: &str) -> anyhow::Result<Self> {
        let is_part = |part: &str| {
            !part.is_empty()
                && !part.starts_with('.')
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        let first = path.split('/').next().unwrap_or_default();
        if path.len() > 90 || !path.split('/').all(is_part) || RESERVED.contains(&first) {
            bail!("{path:?} is no path of a file that is kept");
        }
        Ok(Self::Kept(path.to_owned()))
    }

    /// Reads the path of a member; whatever an archive of ours does not hold is refused.
    pub fn parse(path: &[u8]) -> anyhow::Result<Self> {
        let path = std::str::from_utf8(path).context("the name of a member is no text")?;
        let member = match path {
            "manifest.json" => Ok(Self::Manifest),
            "lyceum.db" => Ok(Self::Database),
            "SHA256SUMS" => Ok(Self::Digests),
            _ => match (path.strip_prefix(BLOBS), path.strip_prefix(KEPT)) {
                (Some(key), _) => BlobKey::parse(key).map(Self::Blob).map_err(anyhow::Error::from),
                (_, Some(kept)) => Self::kept(kept),
                _ => Err(anyhow::anyhow!("no archive of ours has it")),
            },
        };
        member.with_context(|| format!("it holds {path:?}"))
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manifest => f.write_str("manifest.json"),
            Self::Kept(path) => write!(f, "{KEPT}{path}"),
            Self::Blob(key) => write!(f, "{BLOBS}{key}"),
            Self::Database => f.write_str("lyceum.db"),
            Self::Digests => f.write_str("SHA256SUMS"),
        }
    }
}
