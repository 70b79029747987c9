//! What every [`AccessTokens`] and every [`Secrets`] keeps.

use std::{collections::HashSet, time::Duration};

use lyceum_domain::{
    ids::{SessionId, UserId},
    sessions::{AccessClaims, AccessTokens, Secrets, TokenError},
    users::Role,
};

use crate::ambient::{SequentialIds, start};

/// Makes one test of each case of the access tokens' contract, from a closure that makes the tokens of a key out of
/// the key's name (`&str`, letters only; the same name has to give the same key).
///
/// ```
/// # #[cfg(test)]
/// mod tokens {
///     lyceum_testkit::access_token_contract!(lyceum_testkit::tokens::PlainTokens::new);
/// }
/// ```
#[macro_export]
macro_rules! access_token_contract {
    ($make:expr) => {
        $crate::access_token_contract! { @all $make;
            a_token_says_what_was_signed
            a_token_is_good_until_it_expires
            a_token_that_was_changed_is_not_valid
            a_token_of_another_key_is_not_valid
            what_is_no_token_is_not_valid
            an_expired_token_that_was_changed_is_not_valid
        }
    };
    (@all $make:expr; $($case:ident)*) => {
        $(
            #[test]
            fn $case() {
                $crate::contract::tokens::$case(&$make("one"), &$make("another"));
            }
        )*
    };
}

/// Makes one test of each case of the contract of [`Secrets`], from a closure that makes them.
///
/// ```
/// # #[cfg(test)]
/// mod secrets {
///     lyceum_testkit::secret_contract!(lyceum_testkit::tokens::SequentialSecrets::new);
/// }
/// ```
#[macro_export]
macro_rules! secret_contract {
    ($make:expr) => {
        $crate::secret_contract! { @all $make;
            secrets_are_unique
            secrets_are_long_and_safe_in_addresses
            a_secret_is_known_by_its_hash
            a_hash_does_not_show_the_secret
            anything_can_be_hashed
        }
    };
    (@all $make:expr; $($case:ident)*) => {
        $(
            #[test]
            fn $case() {
                $crate::contract::tokens::$case(&$make());
            }
        )*
    };
}

fn claims() -> AccessClaims {
    AccessClaims {
        user: UserId::new(&SequentialIds),
        session: Some(SessionId::new(&SequentialIds)),
        role: Role::Mentor,
        issued_at: start(),
        expires_at: start().plus(Duration::from_mins(15)),
    }
}

fn issue(tokens: &dyn AccessTokens, claims: &AccessClaims) -> String {
    tokens.issue(claims).expect("signed")
}

/// What was signed is read again, with and without a session, for every role; and the key's name, not the instance,
/// decides.
pub fn a_token_says_what_was_signed(tokens: &dyn AccessTokens, _other: &dyn AccessTokens) {
    for role in [Role::Learner, Role::Mentor, Role::Admin] {
        let claims = AccessClaims { role, ..claims() };
        let anonymous = AccessClaims { session: None, ..claims.clone() };
        for claims in [claims, anonymous] {
            assert_eq!(tokens.verify(&issue(tokens, &claims), start()).expect("valid"), claims);
        }
    }
}

/// A token is good up to the second before it expires, and from a minute after (a verifier may allow that much for
/// clocks that differ) it is [`TokenError::Expired`].
pub fn a_token_is_good_until_it_expires(tokens: &dyn AccessTokens, _other: &dyn AccessTokens) {
    let claims = claims();
    let token = issue(tokens, &claims);
    assert!(tokens.verify(&token, start().plus(Duration::from_secs(899))).is_ok());
    let late = tokens.verify(&token, claims.expires_at.plus(Duration::from_secs(61)));
    assert!(matches!(late, Err(TokenError::Expired)), "{late:?}");
}

/// A token of which one character was changed, added or left out is [`TokenError::Invalid`].
pub fn a_token_that_was_changed_is_not_valid(tokens: &dyn AccessTokens, _other: &dyn AccessTokens) {
    let token = issue(tokens, &claims());
    let refused = |text: &str| {
        let verified = tokens.verify(text, start());
        assert!(matches!(verified, Err(TokenError::Invalid(_))), "{text}: {verified:?}");
    };
    // The last character of Base64 may hold bits that mean nothing, so it is left alone here.
    for at in (0..token.len() - 1).filter(|at| token.is_char_boundary(*at)) {
        let c = if &token[at..=at] == "A" { "B" } else { "A" };
        refused(&format!("{}{c}{}", &token[..at], &token[at + 1..]));
    }
    refused(&token[..token.len() - 1]);
    refused(&token[1..]);
    refused(&format!("{token}A"));
}

/// A token that another key signed is [`TokenError::Invalid`].
pub fn a_token_of_another_key_is_not_valid(tokens: &dyn AccessTokens, other: &dyn AccessTokens) {
    let verified = tokens.verify(&issue(other, &claims()), start());
    assert!(matches!(verified, Err(TokenError::Invalid(_))), "{verified:?}");
}

/// Any other text is [`TokenError::Invalid`]; among it a JWT without a signature (RFC 7519, section 6).
pub fn what_is_no_token_is_not_valid(tokens: &dyn AccessTokens, _other: &dyn AccessTokens) {
    for text in ["", ".", "..", "...", "x", "ä.ö.ü", "\0", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.", &"a.".repeat(10_000)]
    {
        let verified = tokens.verify(text, start());
        assert!(matches!(verified, Err(TokenError::Invalid(_))), "{text}: {verified:?}");
    }
}

/// The signature is looked at before the times: nobody learns from a forged token whether its times are good.
pub fn an_expired_token_that_was_changed_is_not_valid(tokens: &dyn AccessTokens, other: &dyn AccessTokens) {
    let claims = claims();
    let verified = tokens.verify(&issue(other, &claims), claims.expires_at.plus(Duration::from_hours(1)));
    assert!(matches!(verified, Err(TokenError::Invalid(_))), "{verified:?}");
}

/// No secret comes twice.
pub fn secrets_are_unique(secrets: &dyn Secrets) {
    let all: HashSet<String> = (0..1000).map(|_| secrets.generate().expose().to_owned()).collect();
    assert_eq!(all.len(), 1000);
}

/// A secret has room for 256 bits (43 characters of Base64) and needs no escaping in an address (RFC 3986, 2.3).
pub fn secrets_are_long_and_safe_in_addresses(secrets: &dyn Secrets) {
    for _ in 0..100 {
        let secret = secrets.generate();
        let text = secret.expose();
        assert!(text.len() >= 43, "{} characters", text.len());
        assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b)));
    }
}

/// One secret always has the same hash, another one another.
pub fn a_secret_is_known_by_its_hash(secrets: &dyn Secrets) {
    let (one, two) = (secrets.generate(), secrets.generate());
    assert!(secrets.hash(one.expose()) == secrets.hash(one.expose()));
    assert!(secrets.hash(one.expose()) != secrets.hash(two.expose()));
    assert!(secrets.hash(one.expose()) != secrets.hash(&format!("{} ", one.expose())));
}

/// Who reads the hash has not read the secret.
pub fn a_hash_does_not_show_the_secret(secrets: &dyn Secrets) {
    let secret = secrets.generate();
    assert!(!secrets.hash(secret.expose()).as_str().contains(secret.expose()));
}

/// A client may send anything; it has a hash, that of no secret.
pub fn anything_can_be_hashed(secrets: &dyn Secrets) {
    let hashes: HashSet<_> =
        ["", "\0", "ä", "🐎", &"a".repeat(100_000)].iter().map(|text| secrets.hash(text)).collect();
    assert_eq!(hashes.len(), 5);
}
