//! `lyceum backup`, `lyceum restore`.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use clap::Args;
use lyceum_domain::{
    blobs::BlobKey,
    time::{Clock as _, Timestamp},
};
use lyceum_storage_seaorm::{BlobSource, SeaOrmStore, StorageSettings, sqlite_file};
use secrecy::ExposeSecret as _;

use super::{Failure, Outcome};
use crate::{
    ambient::SystemClock,
    backup::{Discard, Manifest, Member, Packing, Place, Placing, Target, private, read},
    machine,
    output::{complain, say},
    settings::{DatabaseKind, Settings, sqlite_url},
    wiring::KEPT_SECRET,
};

/// Write everything that is kept into one archive, while the server runs.
///
/// The archive is a tar.gz with the database as it was at one moment, the files that it names (documents, portraits, the
/// pictures of courses), the secrets and keys that the server keeps in its data folder, and the SHA-256 digest of each.
/// Whatever was answered before the command began is in it. The file appears when it is whole; before, there is none, or
/// the one that was there.
///
/// A backup is a secret: whoever has it has everybody's data, and with jwt-secret can sign in as anybody. It is made so
/// that only its owner may read it. It holds no settings: keep .env apart, above all `LYCEUM__ENCRYPTION__KEYS`, without
/// which sealed messages cannot be read.
///
/// For SQLite. On PostgreSQL, use `pg_dump`; files in an S3 bucket stay there, and the archive has the database alone.
#[derive(Debug, Args)]
pub struct Backup {
    /// The archive, such as lyceum.tar.gz.
    file: PathBuf,
    /// Write nothing: read the archive, and compare all of it with its digests.
    #[arg(long)]
    check: bool,
}

/// Put back what `lyceum backup` wrote, into a data folder that no server uses.
///
/// The archive is read and compared with its digests before anything changes; then the new takes the place of the old at
/// one moment, and a restore that is interrupted after that moment is ended by the next start. An archive of an older
/// release is brought up to date when the server starts; one of a newer release is refused.
///
/// The restored server goes on where the backup was: mails that waited then are sent (again), sessions of then are good,
/// and whatever people did since is gone.
///
/// Who only tries an archive out gives it settings of its own, with neither the bucket nor the mail server of the site: a
/// server on it sends those mails and removes the files that were to go then.
#[derive(Debug, Args)]
pub struct Restore {
    /// The archive.
    file: PathBuf,
    /// Restore although there is something in the data folder; it is moved into a folder before-restore-… in it.
    #[arg(long)]
    force: bool,
}

/// Keys that are looked at at once.
const PAGE: u32 = 500;
/// Room that is left on the disk, whatever an archive takes.
const SPARE: u64 = 16 << 20;

pub async fn back_up(command: Backup, settings: &Settings) -> Outcome {
    let Backup { file, check } = command;
    if check {
        let manifest = read(&file, &mut Discard)?;
        say!("{} is whole: {}", file.display(), told(&manifest));
        if let Err(newer) = manifest.fits(&lyceum_migration::names()) {
            complain!("lyceum: {newer:#}");
        }
        return Ok(());
    }
    if settings.database.kind() == Some(DatabaseKind::Postgres) {
        return Err(Failure::Usage(on_postgres(settings, &file)));
    }
    let (manifest, size) = pack(settings, &file).await?;
    say!("{}: {}; {}", file.display(), machine::readable(size), told(&manifest));
    if let Place::Bucket(bucket) = &manifest.blobs.place {
        say!("The files in the bucket {bucket} are not in it: back them up there.");
    }
    if manifest.is_sealed {
        say!("Messages in it are sealed: keep LYCEUM__ENCRYPTION__KEYS, in another place.");
    }
    if manifest.blobs.missing > 0 {
        complain!("lyceum: {} files that the database names are not there", manifest.blobs.missing);
    }
    Ok(())
}

pub async fn restore(command: Restore, settings: &Settings) -> Outcome {
    let Restore { file, force } = command;
    if settings.database.kind() == Some(DatabaseKind::Postgres) {
        return Err(Failure::Usage(
            "The database is PostgreSQL: use pg_restore. `lyceum restore` is for SQLite.".to_owned(),
        ));
    }
    let data = Path::new(&settings.data_dir);
    let Some(database) = database_in(data, settings) else {
        return Err(Failure::Usage(format!(
            "The database is not in the data folder {}, which is what is restored as a whole: unset DATABASE_URL, restore, \
             and move lyceum.db afterwards.",
            data.display()
        )));
    };
    let placing = Placing::begin(data, force)?;
    let mut target = Unpacked {
        folder: placing.folder(),
        database,
        known: lyceum_migration::names(),
        bucket: Some(&settings.storage.s3_bucket).filter(|_| settings.storage.is_s3()).cloned(),
    };
    let manifest = read(&file, &mut target)?;
    // A fault of whoever made it, if it does not hold.
    let unpacked = lyceum_migration::status(&sqlite_address(&target.folder.join(&target.database))).await;
    unpacked.context("its database cannot be read")?;
    let aside = placing.commit(&stamp(SystemClock.now()))?;
    say!("restored into {}: {}", data.display(), told(&manifest));
    if let Some(aside) = aside {
        say!("What was there is in {}.", aside.display());
    }
    if let Place::Bucket(bucket) = &manifest.blobs.place {
        say!("Its files are in the bucket {bucket}, or in what was made of it.");
    }
    if manifest.is_sealed && !settings.encryption.is_on() {
        complain!("lyceum: messages in it are sealed, and LYCEUM__ENCRYPTION__KEYS is not set");
    }
    Ok(())
}

async fn pack(settings: &Settings, file: &Path) -> anyhow::Result<(Manifest, u64)> {
    let now = SystemClock.now();
    let url = settings.database.url.expose_secret();
    let there = sqlite_file(url).is_some_and(|file| file.exists());
    ensure!(there, "there is no database yet; start the server once, or run `lyceum migrate up`");
    let store = SeaOrmStore::connect(&StorageSettings::at(url)).await.context("the database cannot be opened")?;
    let mut packing = Packing::begin(file, u64::try_from(now.as_datetime().timestamp()).unwrap_or(0))?;

    let snapshot = packing.folder().join("lyceum.db");
    store.snapshot(&snapshot).await.context("the database cannot be copied")?;
    let address = sqlite_address(&snapshot);
    let migrations = lyceum_migration::status(&address).await?;
    let copy = SeaOrmStore::connect(&StorageSettings::at(&address)).await.context("the copy cannot be opened")?;

    let mut manifest = Manifest::begun(now.to_string());
    manifest.migrations = migrations.into_iter().filter_map(|(name, is_applied)| is_applied.then_some(name)).collect();
    manifest.is_sealed = settings.encryption.is_on();
    for (member, path) in kept_files(settings) {
        add_file(&mut packing, &member, &path)?.context("a key was removed meanwhile")?;
    }
    if settings.storage.is_s3() {
        manifest.blobs.place = Place::Bucket(settings.storage.s3_bucket.clone());
    } else {
        let folder = Path::new(&settings.data_dir).join("blobs");
        for source in BlobSource::ALL {
            pack_blobs(source, &store, &copy, &folder, &mut packing, &mut manifest).await?;
        }
    }
    manifest.rows = copy.row_counts().await?.into_iter().collect();
    // Folds the log into the file.
    copy.close().await?;
    store.close().await?;
    add_file(&mut packing, &Member::Database, &snapshot)?.context("the copy of the database is gone")?;
    let size = packing.finish(manifest.clone())?;
    Ok((manifest, size))
}

/// Packs the files that the copy names. One that is not there was removed after the copy was made, if the database does
/// not name it any more: then the copy forgets it as well. Otherwise it was lost before.
async fn pack_blobs(
    source: BlobSource,
    store: &SeaOrmStore,
    copy: &SeaOrmStore,
    folder: &Path,
    packing: &mut Packing,
    manifest: &mut Manifest,
) -> anyhow::Result<()> {
    let mut last: Option<BlobKey> = None;
    loop {
        let keys = copy.named_blobs(source, last.as_ref(), PAGE).await?;
        let Some(newest) = keys.last() else { return Ok(()) };
        last = Some(newest.clone());
        let mut gone = Vec::new();
        for key in keys {
            // This command has nothing else to do meanwhile.
            match add_file(packing, &Member::Blob(key.clone()), &folder.join(key.as_str()))? {
                Some(()) => manifest.blobs.count += 1,
                None if store.is_blob_named(source, &key).await? => manifest.blobs.missing += 1,
                None => gone.push((source, key)),
            }
        }
        if !gone.is_empty() {
            copy.forget_blobs(&gone).await?;
        }
    }
}

/// `None`: there is no such file.
fn add_file(packing: &mut Packing, member: &Member, path: &Path) -> anyhow::Result<Option<()>> {
    // Open, it can be read to its end whoever removes it.
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.with_context(|| format!("{} cannot be read", path.display()))?,
    };
    let size = file.metadata()?.len();
    packing.add(member, size, file).map(Some)
}

/// The secret that development makes, and the key files that lie in the data folder.
fn kept_files(settings: &Settings) -> Vec<(Member, PathBuf)> {
    let data = Path::new(&settings.data_dir);
    let auth = &settings.auth;
    let keys = auth.jwt_private_key_file().into_iter().chain(auth.jwt_previous_key_files.iter().map(Path::new));
    let secret = data.join(KEPT_SECRET);
    let mut kept = Vec::new();
    for path in std::iter::once(secret.as_path()).chain(keys) {
        let Some(inside) = below(data, path) else { continue };
        let member = inside.to_str().and_then(|inside| Member::kept(inside).ok());
        match member {
            Some(member) if path.is_file() && !kept.iter().any(|(other, _)| *other == member) => {
                kept.push((member, path.to_owned()));
            }
            _ => {}
        }
    }
    kept
}

/// Where an archive is unpacked to.
struct Unpacked {
    folder: PathBuf,
    /// From the data folder.
    database: PathBuf,
    known: Vec<String>,
    bucket: Option<String>,
}

impl Target for Unpacked {
    fn accept(&mut self, manifest: &Manifest) -> anyhow::Result<()> {
        manifest.fits(&self.known)?;
        if let Some(bucket) = self.bucket.as_ref().filter(|_| manifest.blobs.count > 0) {
            anyhow::bail!(
                "it holds files, but files are kept in the bucket {bucket}: restore it without S3_BUCKET, and copy blobs/ \
                 into the bucket"
            );
        }
        let free = machine::free_bytes(&self.folder)?;
        let needed = manifest.bytes.saturating_add(SPARE);
        ensure!(
            free.is_none_or(|free| free >= needed),
            "it needs {}, and the disk has {}",
            machine::readable(needed),
            machine::readable(free.unwrap_or(0))
        );
        Ok(())
    }

    fn place(&mut self, member: &Member) -> io::Result<Box<dyn Write>> {
        let path = match member {
            Member::Database => self.database.clone(),
            Member::Blob(key) => Path::new("blobs").join(key.as_str()),
            Member::Kept(path) => PathBuf::from(path),
            Member::Manifest | Member::Digests => return Ok(Box::new(io::sink())),
        };
        let path = self.folder.join(path);
        if let Some(folder) = path.parent() {
            let mut builder = DirBuilder::new();
            builder.recursive(true);
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            builder.create(folder)?;
        }
        Ok(Box::new(private(&path)?))
    }
}

/// Where the SQLite file is in the data folder; nothing if it is elsewhere.
fn database_in(data: &Path, settings: &Settings) -> Option<PathBuf> {
    let file = sqlite_file(settings.database.url.expose_secret());
    file.and_then(|file| below(data, &file))
}

/// The path from a folder to a file below it, as the names say.
fn below(folder: &Path, file: &Path) -> Option<PathBuf> {
    // As far as links can be followed: there may be nothing yet.
    let real = |path: &Path| fs::canonicalize(path).or_else(|_| std::path::absolute(path)).ok();
    let (folder, parent) =
        (real(folder)?, real(file.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new(".")))?);
    Some(parent.strip_prefix(folder).ok()?.join(file.file_name()?))
}

fn sqlite_address(file: &Path) -> String {
    sqlite_url(&file.display().to_string())
}

/// A moment in the name of a folder.
fn stamp(at: Timestamp) -> String {
    at.as_datetime().format("%Y%m%dT%H%M%SZ").to_string()
}

fn told(manifest: &Manifest) -> String {
    let rows = |table: &str| manifest.rows.get(table).copied().unwrap_or(0);
    format!(
        "of {}, release {}, {} accounts, {} courses, {} conversations, {} files",
        manifest.made_at,
        manifest.version,
        rows("users"),
        rows("courses"),
        rows("conversations"),
        manifest.blobs.count
    )
}

fn on_postgres(settings: &Settings, file: &Path) -> String {
    let files = if settings.storage.is_s3() {
        format!("The files are in the bucket {}: back them up there, after the database.", settings.storage.s3_bucket)
    } else {
        format!(
            "Then copy {} (the files), and {} if it is there.",
            Path::new(&settings.data_dir).join("blobs").display(),
            Path::new(&settings.data_dir).join(KEPT_SECRET).display()
        )
    };
    format!(
        "The database is PostgreSQL, which has a tool of its own:\n\n    pg_dump --format=custom --file={} \"$DATABASE_URL\"\n\n\
         {files} See the operator's guide for the way back.",
        file.with_extension("").with_extension("dump").display()
    )
}
