//! What every [`PasswordHasher`] keeps.

use lyceum_domain::users::{Password, PasswordHash, PasswordHasher};

/// Makes one test of each case of the password hasher's contract, from a closure that makes a hasher. Each case takes
/// a few hashes, so a slow hasher had better be made with its least cost.
///
/// ```
/// # #[cfg(test)]
/// mod hasher {
///     lyceum_testkit::password_contract!(lyceum_testkit::passwords::PlainHasher::new);
/// }
/// ```
#[macro_export]
macro_rules! password_contract {
    ($make:expr) => {
        $crate::password_contract! { @all $make;
            a_password_is_known_by_its_hash
            another_password_is_not
            without_a_hash_the_answer_is_no
            what_is_no_hash_fits_nothing
            each_hash_is_another
            a_new_hash_is_not_outdated
            what_is_no_hash_is_outdated
            every_byte_counts
            a_longer_attempt_does_not_fit
        }
    };
    (@all $make:expr; $($case:ident)*) => {
        $(
            #[test]
            fn $case() {
                $crate::contract::run(stringify!($case), async { $crate::contract::passwords::$case(&$make()).await });
            }
        )*
    };
}

fn password(raw: &str) -> Password {
    Password::parse(raw, &[]).expect("a good password")
}

async fn fits(hasher: &dyn PasswordHasher, attempt: &str, hash: Option<&PasswordHash>) -> bool {
    hasher.verify(attempt, hash).await.expect("verified")
}

/// A password fits the hash that was made of it, whatever script it is written in.
pub async fn a_password_is_known_by_its_hash(hasher: &dyn PasswordHasher) {
    for raw in ["correct horse 7", "пароль 12345", "🐎🔋 staple 9"] {
        let hash = hasher.hash(&password(raw)).await.expect("hashed");
        assert!(fits(hasher, raw, Some(&hash)).await, "{raw}");
    }
}

/// Another password does not fit; case and white space count.
pub async fn another_password_is_not(hasher: &dyn PasswordHasher) {
    let hash = hasher.hash(&password("correct horse 7")).await.expect("hashed");
    for attempt in ["correct horse 8", "Correct horse 7", "correct horse 7 ", "correct", ""] {
        assert!(!fits(hasher, attempt, Some(&hash)).await, "{attempt:?}");
    }
}

/// Without a hash (an unknown account) nothing fits, and that is no error.
pub async fn without_a_hash_the_answer_is_no(hasher: &dyn PasswordHasher) {
    for attempt in ["correct horse 7", ""] {
        assert!(!fits(hasher, attempt, None).await);
    }
}

/// A stored text that is no hash fits nothing: it may be refused or denied, but never lets anybody in.
pub async fn what_is_no_hash_fits_nothing(hasher: &dyn PasswordHasher) {
    for text in ["", "correct horse 7", "$2b$12$", "$argon2id$x"] {
        let verified = hasher.verify("correct horse 7", Some(&PasswordHash::new(text.to_owned()))).await;
        assert!(!verified.unwrap_or(false), "{text:?}");
    }
}

/// Two hashes of one password differ: they are salted.
pub async fn each_hash_is_another(hasher: &dyn PasswordHasher) {
    let password = password("correct horse 7");
    let one = hasher.hash(&password).await.expect("hashed");
    let two = hasher.hash(&password).await.expect("hashed");
    assert!(one != two, "both are the same");
}

/// What was hashed just now need not be hashed again.
pub async fn a_new_hash_is_not_outdated(hasher: &dyn PasswordHasher) {
    let hash = hasher.hash(&password("correct horse 7")).await.expect("hashed");
    assert!(!hasher.is_outdated(&hash));
}

/// A hash of a form that the hasher does not make is outdated.
pub async fn what_is_no_hash_is_outdated(hasher: &dyn PasswordHasher) {
    for text in ["", "correct horse 7", "$argon2id$x"] {
        assert!(hasher.is_outdated(&PasswordHash::new(text.to_owned())), "{text:?}");
    }
    let hash = hasher.hash(&password("correct horse 7")).await.expect("hashed");
    assert!(hasher.is_outdated(&PasswordHash::new(format!("x{}", hash.expose()))));
}

/// The longest allowed password counts to its last byte.
pub async fn every_byte_counts(hasher: &dyn PasswordHasher) {
    let head = format!("1{}", "a".repeat(Password::MAX_BYTES - 2));
    let hash = hasher.hash(&password(&format!("{head}x"))).await.expect("hashed");
    assert!(fits(hasher, &format!("{head}x"), Some(&hash)).await);
    assert!(!fits(hasher, &format!("{head}y"), Some(&hash)).await);
}

/// An attempt that is longer than any password may be does not fit, though it begins with the password, and is no
/// error: whoever signs in may type anything, NUL too.
pub async fn a_longer_attempt_does_not_fit(hasher: &dyn PasswordHasher) {
    let longest = format!("1{}", "a".repeat(Password::MAX_BYTES - 1));
    let hash = hasher.hash(&password(&longest)).await.expect("hashed");
    for attempt in [format!("{longest}a"), format!("{longest}\0"), "a".repeat(100_000), format!("\0{longest}")] {
        assert!(!fits(hasher, &attempt, Some(&hash)).await);
    }
}
