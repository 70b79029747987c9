//! A bucket is set up wholly or not at all.

use secrecy::ExposeSecret as _;

use super::*;

const BUCKET: [(&str, &str); 5] = [
    ("LYCEUM_ENV", "test"),
    ("S3_ENDPOINT", "https://s3.example.org"),
    ("S3_BUCKET", "lyceum"),
    ("S3_ACCESS_KEY_ID", "AKIA"),
    ("S3_SECRET_ACCESS_KEY", "hunter2/+="),
];

fn without(name: &str) -> Vec<(&'static str, &'static str)> {
    BUCKET.into_iter().filter(|(other, _)| *other != name).collect()
}

#[test]
fn a_whole_bucket_is_taken_and_its_secret_not_shown() {
    let settings = load(&BUCKET).unwrap().settings;
    assert!(settings.storage.is_s3());
    assert_eq!(settings.storage.s3_region, "us-east-1");
    assert_eq!(settings.storage.s3_secret_access_key.expose_secret(), "hunter2/+=");
    assert!(!serde_json::to_string(&settings).unwrap().contains("hunter2"));
    assert!(!format!("{settings:?}").contains("hunter2"));
    assert!(!load(&[("LYCEUM_ENV", "test")]).unwrap().settings.storage.is_s3());
    // Amazon's own needs no address.
    assert!(load(&without("S3_ENDPOINT")).unwrap().settings.storage.is_s3());
}

#[test]
fn half_a_bucket_is_a_fault_that_names_the_other_half() {
    for name in ["S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"] {
        assert_eq!(
            faults(load(&without(name))),
            [format!("{name}: found nothing, but storage.s3_bucket is set; allowed: all that a bucket needs")]
        );
    }
    let lines = faults(load(&without("S3_BUCKET")));
    assert_eq!(
        lines,
        [
            "S3_BUCKET: found nothing, but S3_ENDPOINT is set; allowed: the name of a bucket, or none of the settings of one"
        ]
    );
}

#[test]
fn files_travel_in_clear_only_within_a_machine() {
    let at = |environment: &'static str, endpoint: &'static str| {
        let mut variables = without("S3_ENDPOINT");
        variables.retain(|(name, _)| *name != "LYCEUM_ENV");
        variables.extend([("LYCEUM_ENV", environment), ("S3_ENDPOINT", endpoint)]);
        variables.extend([
            ("JWT_SECRET", SECRET),
            ("DATABASE_URL", "postgres://me:x@db.example/lyceum"),
            ("SMTP_URL", "smtps://mail.example"),
        ]);
        faults(load(&variables))
    };
    assert_eq!(at("production", "https://s3.example.org"), Vec::<String>::new());
    assert_eq!(at("production", "http://127.0.0.1:9000"), Vec::<String>::new());
    assert_eq!(at("production", "http://s3.example.org").len(), 1);
    assert_eq!(at("development", "http://minio:9000"), Vec::<String>::new());
    for bad in ["s3.example.org", "ftp://s3.example.org", "https://me:hunter2@s3.example.org"] {
        let found = at("development", bad);
        assert_eq!(found.len(), 1, "{bad}: {found:?}");
        assert!(found[0].starts_with("S3_ENDPOINT") && !found[0].contains("hunter2"), "{found:?}");
    }
}
