//! Whatever happens to a token on its way, it says the same or nothing.

use lyceum_domain::sessions::{AccessTokens, TokenError};
use proptest::{collection::vec, prelude::*, sample::Index};

use crate::forge::*;

/// One change to a text.
#[derive(Debug, Clone)]
enum Change {
    Replace(Index, char),
    Insert(Index, char),
    Remove(Index),
    Swap(Index, Index),
    Cut(Index),
}

fn change() -> impl Strategy<Value = Change> {
    let any_char =
        prop_oneof![4 => "[A-Za-z0-9_.=+/-]", 1 => "\\PC"].prop_map(|text| text.chars().next().unwrap_or('.'));
    prop_oneof![
        (any::<Index>(), any_char.clone()).prop_map(|(at, by)| Change::Replace(at, by)),
        (any::<Index>(), any_char).prop_map(|(at, new)| Change::Insert(at, new)),
        any::<Index>().prop_map(Change::Remove),
        (any::<Index>(), any::<Index>()).prop_map(|(one, other)| Change::Swap(one, other)),
        any::<Index>().prop_map(Change::Cut),
    ]
}

fn apply(token: &mut Vec<char>, change: &Change) {
    if token.is_empty() {
        return;
    }
    let length = token.len();
    match change {
        Change::Replace(at, by) => token[at.index(length)] = *by,
        Change::Insert(at, new) => token.insert(at.index(length), *new),
        Change::Remove(at) => drop(token.remove(at.index(length))),
        Change::Swap(one, other) => token.swap(one.index(length), other.index(length)),
        Change::Cut(at) => token.truncate(at.index(length)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_token_is_no_token(changes in vec(change(), 1..4)) {
        let good = tokens().issue(&claims()).expect("issued");
        let mut token: Vec<char> = good.chars().collect();
        for change in &changes {
            apply(&mut token, change);
        }
        let token: String = token.into_iter().collect();
        match verify(&token) {
            Ok(said) => {
                prop_assert_eq!(&token, &good);
                prop_assert_eq!(said, claims());
            }
            Err(error) => prop_assert!(matches!(error, TokenError::Invalid(_))),
        }
    }

    #[test]
    fn noise_is_no_token(noise in "\\PC{0,200}") {
        prop_assert!(verify(&noise).is_err());
    }

    #[test]
    fn signed_noise_is_no_token(header in "\\PC{0,60}", payload in "\\PC{0,60}") {
        prop_assert!(verify(&with_header(&header)).is_err());
        prop_assert!(verify(&with_payload(&payload)).is_err());
    }
}
