//! The words of the manual: a page for each command.

/// What is said of a command beyond its options.
pub(super) struct Page {
    /// Its name below `lyceum`; empty for the program itself.
    pub command: &'static str,
    /// What one may want, and the command line that does it.
    pub examples: &'static [(&'static str, &'static str)],
    /// What the exit codes 0 and 1 mean, where they mean more than usual.
    pub exits: Option<(&'static str, &'static str)>,
    /// The settings that matter most to it.
    pub variables: &'static [(&'static str, &'static str)],
    /// Whether it works without settings, also with broken ones.
    pub needs_no_settings: bool,
}

const PAGE: Page = Page { command: "", examples: &[], exits: None, variables: &[], needs_no_settings: false };

const DATABASE: (&str, &str) = ("DATABASE_URL", "the database; default the SQLite file lyceum.db in the data folder");
const DATA: (&str, &str) = ("LYCEUM__DATA_DIR", "the folder of the SQLite file, blobs and mails (default: data)");
const KEYS: (&str, &str) = ("LYCEUM__ENCRYPTION__KEYS", "NAME:BASE64 with commas between; the first seals, all open");
const SERVER: [(&str, &str); 8] = [
    ("HOST", "address to listen on (default: 127.0.0.1)"),
    ("PORT", "port to listen on (default: 8080); 0 takes a free one"),
    DATABASE,
    DATA,
    ("JWT_SECRET", "what access tokens are signed with; 32 characters or more"),
    ("SMTP_URL", "the mail server, smtp:// or smtps://"),
    ("LYCEUM__SERVER__PUBLIC_URL", "where users reach the server, for links in mails"),
    ("LOG_LEVEL", "off, error, warn, info (default), debug or trace"),
];

pub(super) const PAGES: &[Page] = &[
    Page {
        examples: &[
            ("Run it: SQLite, local files, an offline mentor, at http://127.0.0.1:8080", "lyceum"),
            ("See what holds, and whether everything is there", "lyceum config show && lyceum doctor"),
            ("Read about one command", "lyceum help user"),
        ],
        exits: Some((
            "it is done; the server was asked to stop, and did",
            "it failed; the reason is on standard error",
        )),
        variables: &SERVER,
        ..PAGE
    },
    Page {
        command: "serve",
        examples: &[
            ("Run it as it is set up here", "lyceum serve"),
            ("On another port, for everybody in this network", "HOST=0.0.0.0 PORT=9000 lyceum serve"),
            ("In production, on PostgreSQL; it names what else it needs", "LYCEUM_ENV=production lyceum serve"),
        ],
        exits: Some((
            "it was asked to stop (SIGTERM, SIGINT) and did, after what was under way",
            "it could not start, or broke; the reason is on standard error",
        )),
        variables: &SERVER,
        ..PAGE
    },
    Page {
        command: "migrate up",
        examples: &[("Before new servers start, where they do not do it themselves", "lyceum migrate up")],
        variables: &[
            DATABASE,
            ("LYCEUM__DATABASE__MIGRATE_ON_START", "whether each server does this at its start (default: true)"),
        ],
        ..PAGE
    },
    Page {
        command: "migrate down",
        examples: &[
            ("Take back the newest migration, with what it made", "lyceum migrate down"),
            ("Take back three", "lyceum migrate down --steps 3"),
        ],
        variables: &[DATABASE],
        ..PAGE
    },
    Page {
        command: "migrate status",
        examples: &[("What is applied, and what waits", "lyceum migrate status")],
        variables: &[DATABASE],
        ..PAGE
    },
    Page {
        command: "migrate reset",
        examples: &[
            ("Start anew; it asks first", "lyceum migrate reset"),
            ("Start anew, in a script", "lyceum migrate reset --yes"),
        ],
        variables: &[DATABASE],
        ..PAGE
    },
    Page {
        command: "user create",
        examples: &[
            (
                "The first admin; the password is typed, and seen by nobody",
                "(read -rs P; printf %s \"$P\") | lyceum user create --email ada@example.com --username ada --role admin \
                 --password-stdin",
            ),
            (
                "A mentor, with a password from a file",
                "cat password.txt | lyceum user create --email mo@example.com --username mo --role mentor \
                 --password-stdin",
            ),
        ],
        variables: &[DATABASE],
        ..PAGE
    },
    Page {
        command: "user promote",
        examples: &[("Make somebody an admin", "lyceum user promote ada --role admin")],
        variables: &[DATABASE],
        ..PAGE
    },
    Page {
        command: "user restore",
        examples: &[("Bring back who deleted their account by mistake", "lyceum user restore ada@example.com")],
        variables: &[DATABASE],
        ..PAGE
    },
    Page {
        command: "user purge",
        examples: &[("Now, rather than when the server does it", "lyceum user purge")],
        variables: &[
            DATABASE,
            ("LYCEUM__AUTH__DELETION_GRACE_DAYS", "how long a deleted account can be had back (default: 30)"),
        ],
        ..PAGE
    },
    Page {
        command: "user erase",
        examples: &[("Erase an account, with everything that is known of it", "lyceum user erase ada --yes")],
        variables: &[DATABASE],
        ..PAGE
    },
    Page {
        command: "mail status",
        examples: &[("How many wait, and since when", "lyceum mail status")],
        variables: &[DATABASE],
        ..PAGE
    },
    Page {
        command: "mail retry",
        examples: &[("Once the mail server is well again", "lyceum mail retry")],
        variables: &[DATABASE],
        ..PAGE
    },
    Page {
        command: "course import",
        examples: &[
            ("A folder with book.toml becomes a course that everybody sees", "lyceum course import ./book --publish"),
            ("An archive, of somebody's own", "lyceum course import book.zip --author mo"),
            ("For programs", "lyceum course import ./book --json | jq .lessons"),
        ],
        variables: &[
            DATABASE,
            DATA,
            ("S3_BUCKET", "the bucket that files are kept in; default the folder blobs/ in the data folder"),
        ],
        ..PAGE
    },
    Page {
        command: "course export",
        examples: &[
            ("As an archive", "lyceum course export learning-to-learn book.zip"),
            ("As a folder", "lyceum course export learning-to-learn ./book"),
        ],
        variables: &[DATABASE, DATA],
        ..PAGE
    },
    Page {
        command: "progress rebuild",
        examples: &[
            ("Look whether rows and record agree", "lyceum progress rebuild --check"),
            ("Put one course right", "lyceum progress rebuild --course learning-to-learn"),
        ],
        exits: Some(("they agree, or were put right", "with --check: they differ; else it failed")),
        variables: &[DATABASE],
        ..PAGE
    },
    Page {
        command: "encryption rotate",
        examples: &[(
            "After a new key was put before the old one, and the servers were started again",
            "LYCEUM__ENCRYPTION__KEYS=2027:$NEW,2026:$OLD lyceum encryption rotate",
        )],
        variables: &[KEYS, DATABASE],
        ..PAGE
    },
    Page {
        command: "mentor explain",
        examples: &[
            ("What the model was told", "lyceum mentor explain 0199f2d0-7d0c-7a52-9c3e-5f1c0a6b7d21"),
            ("For programs", "lyceum mentor explain 0199f2d0-7d0c-7a52-9c3e-5f1c0a6b7d21 --json | jq .prompt"),
        ],
        exits: Some(("the prompt is the one that was sent", "it cannot be made again exactly, or it failed")),
        variables: &[DATABASE, KEYS],
        ..PAGE
    },
    Page {
        command: "config check",
        examples: &[("Before a server is started", "LYCEUM_ENV=production lyceum config check")],
        exits: Some(("the settings are in order", "it failed; the reason is on standard error")),
        ..PAGE
    },
    Page {
        command: "config show",
        examples: &[
            ("What holds here, and where each value is from", "lyceum config show"),
            ("What is not built in", "lyceum config show | grep -v 'built in'"),
        ],
        ..PAGE
    },
    Page {
        command: "config reference",
        examples: &[
            ("Find a setting", "lyceum config reference | grep -A4 -i proxy"),
            ("Renew the file in the repository", "lyceum config reference > config/SETTINGS.md"),
        ],
        needs_no_settings: true,
        ..PAGE
    },
    Page {
        command: "openapi",
        examples: &[("Make a client of it", "lyceum openapi > openapi.json")],
        needs_no_settings: true,
        ..PAGE
    },
    Page {
        command: "backup",
        examples: &[
            ("While the server runs, every night", "lyceum backup /var/backups/lyceum/monday.tar.gz"),
            ("Is it whole?", "lyceum backup --check /var/backups/lyceum/monday.tar.gz"),
        ],
        exits: Some(("the archive is there, and whole", "there is none, or the one from before; or it is not whole")),
        variables: &[DATABASE, DATA],
        ..PAGE
    },
    Page {
        command: "restore",
        examples: &[
            ("Into an empty data folder", "lyceum restore /var/backups/lyceum/monday.tar.gz"),
            ("Move away what is there", "lyceum restore --force /var/backups/lyceum/monday.tar.gz"),
            ("Look at it beside the one that runs", "LYCEUM__DATA_DIR=/tmp/monday lyceum restore monday.tar.gz"),
        ],
        exits: Some(("the data is that of the archive", "nothing was changed; the reason is on standard error")),
        variables: &[DATA, KEYS],
        ..PAGE
    },
    Page {
        command: "doctor",
        examples: &[
            ("Before the first start, and when something is wrong", "LYCEUM_ENV=production lyceum doctor"),
            ("Ask the model too, which costs as much as any question", "lyceum doctor --ask"),
            ("For programs", "lyceum doctor --json"),
        ],
        exits: Some((
            "nothing failed, though something may be worth a look",
            "a check failed; its line says what to do",
        )),
        variables: &[DATABASE, DATA],
        ..PAGE
    },
    Page {
        command: "health",
        examples: &[
            ("Is the server of these settings ready?", "lyceum health"),
            ("One somewhere else", "lyceum health --url http://10.0.0.7:8080 --timeout 2"),
            ("Is it alive, ready or not?", "lyceum health --url http://127.0.0.1:8080/health/live"),
        ],
        exits: Some(("the server is ready", "it is not, or nobody answers")),
        variables: &[("HOST", "where the server listens; of 0.0.0.0 the loopback is asked"), ("PORT", "its port")],
        ..PAGE
    },
    Page {
        command: "completions",
        examples: &[
            (
                "For bash, from the next shell on",
                "lyceum completions bash > ~/.local/share/bash-completion/completions/lyceum",
            ),
            ("For zsh, into a folder of $fpath", "lyceum completions zsh > ~/.zfunc/_lyceum"),
            ("For fish", "lyceum completions fish > ~/.config/fish/completions/lyceum.fish"),
        ],
        needs_no_settings: true,
        ..PAGE
    },
    Page {
        command: "man",
        examples: &[
            ("Read it", "lyceum man | man -l -"),
            ("Install all pages", "lyceum man /usr/local/share/man/man1"),
        ],
        needs_no_settings: true,
        ..PAGE
    },
];
