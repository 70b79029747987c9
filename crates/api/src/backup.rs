//! Backups: one archive that holds what an installation on SQLite keeps.
//!
//! An archive is a tar.gz that any tar unpacks:
//!
//! | member | what it is |
//! | --- | --- |
//! | `manifest.json` | what made it, its schema, and how much it holds: [`Manifest`] |
//! | `kept/…` | files that the server keeps in its data folder beside the database: secrets and keys |
//! | `blobs/…` | the files that rows of the database name, under their keys |
//! | `lyceum.db` | the database, as it was at one moment |
//! | `SHA256SUMS` | the digest of each member before it, as `sha256sum -c` reads them |
//!
//! The manifest comes first although it is known last: room is kept for it, in a gzip member of its own that is not
//! compressed, so that whoever reads the archive knows what is to come and takes no more than that.
//!
//! What a backup needs of memory depends on nothing that it holds.

mod manifest;
mod member;
mod packing;
mod placing;
mod reading;

pub use manifest::{BlobsKept, Manifest, Place};
pub use member::Member;
pub use packing::{PARTIAL, Packing, private};
pub use placing::{Placing, finish_placing, is_placing};
pub use reading::{Discard, Target, read};

#[cfg(test)]
mod tests;
