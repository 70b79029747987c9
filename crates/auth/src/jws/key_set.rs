//! Key sets (RFC 7517, section 5).

use std::{collections::HashMap, fmt, sync::Arc};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};
use thiserror::Error;

use super::{
    algorithm::SignatureAlgorithm,
    public_key::{PublicKey, UnfitKey},
};

/// Public keys by their names.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    keys: HashMap<String, Named>,
    skipped: usize,
}

/// Who has a name.
#[derive(Debug)]
enum Named {
    One(Arc<PublicKey>),
    /// Nobody could say which of them a token means.
    Several,
}

/// What there is under a name.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    One(&'a Arc<PublicKey>),
    Several,
    None,
}

/// Why a key set cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeySetError {
    /// Not what RFC 7517 describes.
    #[error("it is not a JWK Set")]
    Malformed,
    /// More keys than anybody needs.
    #[error("it has {keys} keys, more than {}", KeySet::MAX)]
    TooMany {
        /// So many.
        keys: usize,
    },
    /// Not one of its keys can be used.
    #[error("none of its {keys} keys can be used{}", .first.map(|first| format!("; the first: {first}")).unwrap_or_default())]
    NoneUsable {
        /// So many.
        keys: usize,
        /// What is wrong with the first.
        first: Option<UnfitKey>,
    },
}

impl KeySet {
    /// The most keys of a set.
    pub(crate) const MAX: usize = 64;

    /// Reads a set, key by key: those that cannot be used are passed over, not the whole set (RFC 7517, section 5). Keys
    /// of other algorithms than `allowed` are not used.
    pub(crate) fn parse(json: &[u8], allowed: &[SignatureAlgorithm]) -> Result<Self, KeySetError> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Entry>,
        }
        // serde would take an array for a struct, too.
        if !json.trim_ascii_start().starts_with(b"{") {
            return Err(KeySetError::Malformed);
        }
        let entries = serde_json::from_slice::<Set>(json).map_err(|_| KeySetError::Malformed)?.keys;
        if entries.len() > Self::MAX {
            return Err(KeySetError::TooMany { keys: entries.len() });
        }
        let mut set = Self::default();
        let mut first = None;
        for entry in &entries {
            match entry.read(allowed) {
                Ok((kid, key)) => set.add(kid, Arc::new(key)),
                Err(unfit) => {
                    first = first.or(Some(unfit));
                    set.skipped += 1;
                }
            }
        }
        if set.keys.is_empty() {
            return Err(KeySetError::NoneUsable { keys: entries.len(), first });
        }
        Ok(set)
    }

    /// Adds a key. A name that is taken is nobody's.
    pub(crate) fn add(&mut self, kid: String, key: Arc<PublicKey>) {
        self.keys.entry(kid).and_modify(|named| *named = Named::Several).or_insert(Named::One(key));
    }

    /// The key of exactly this name.
    pub(crate) fn get(&self, kid: &str) -> Found<'_> {
        match self.keys.get(kid) {
            Some(Named::One(key)) => Found::One(key),
            Some(Named::Several) => Found::Several,
            None => Found::None,
        }
    }

    /// How many names there are.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// How many keys were passed over.
    pub(crate) fn skipped(&self) -> usize {
        self.skipped
    }
}

/// One of `keys`: its members, or nothing if it is no object or has a member twice.
struct Entry(Option<Map<String, Value>>);

impl Entry {
    fn read(&self, allowed: &[SignatureAlgorithm]) -> Result<(String, PublicKey), UnfitKey> {
        let jwk = self.0.as_ref().ok_or(UnfitKey::Malformed)?;
        let key = PublicKey::from_jwk(jwk)?;
        if !allowed.contains(&key.algorithm()) {
            return Err(UnfitKey::Purpose);
        }
        match jwk.get("kid") {
            Some(Value::String(kid)) if !kid.is_empty() => Ok((kid.clone(), key)),
            _ => Err(UnfitKey::Nameless),
        }
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Entry, A::Error> {
        let mut jwk = Map::new();
        let mut is_unique = true;
        while let Some((name, value)) = members.next_entry::<String, Value>()? {
            is_unique &= jwk.insert(name, value).is_none();
        }
        Ok(Entry(is_unique.then_some(jwk)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Entry, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Entry(None))
    }

    fn visit_unit<E>(self) -> Result<Entry, E> {
        Ok(Entry(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Entry, E> {
        Ok(Entry(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Entry, E> {
        Ok(Entry(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Entry, E> {
        Ok(Entry(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Entry, E> {
        Ok(Entry(None))
    }

    fn visit_str<E>(self, _: &str) -> Result<Entry, E> {
        Ok(Entry(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = r#""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;

    fn parse(keys: &str) -> Result<KeySet, KeySetError> {
        KeySet::parse(format!(r#"{{"keys":[{keys}]}}"#).as_bytes(), &SignatureAlgorithm::ALL)
    }

    #[test]
    fn a_bad_key_does_not_spoil_the_others() {
        let bad = [
            "null",
            "7",
            "-7",
            "1.5",
            "true",
            "\"x\"",
            "[{}]",
            "{}",
            r#"{"kty":"oct","kid":"o","k":"AAAA"}"#,
            &format!("{{{KEY}}}"),
            &format!(r#"{{{KEY},"kid":7}}"#),
            &format!(r#"{{{KEY},"kid":""}}"#),
            &format!(r#"{{{KEY},"kid":"e","use":"enc"}}"#),
            &format!(r#"{{{KEY},"kid":"d","kid":"d"}}"#),
        ]
        .join(",");
        let set = parse(&format!(r#"{bad},{{{KEY},"kid":"good"}}"#)).expect("a set");
        assert!(matches!(set.get("good"), Found::One(_)));
        assert_eq!((set.len(), set.skipped()), (1, 14));
        let error = parse(&bad).expect_err("no key");
        assert_eq!(error, KeySetError::NoneUsable { keys: 14, first: Some(UnfitKey::Malformed) });
    }

    #[test]
    fn a_name_that_two_keys_have_is_nobodys() {
        let set = parse(&format!(r#"{{{KEY},"kid":"a"}},{{{KEY},"kid":"a"}},{{{KEY},"kid":"b"}}"#)).expect("a set");
        assert!(matches!(set.get("a"), Found::Several));
        assert!(matches!(set.get("b"), Found::One(_)));
        assert!(matches!(set.get("A"), Found::None));
        // One of them cannot be used, so there is no doubt.
        let set = parse(&format!(r#"{{{KEY},"kid":"a","use":"enc"}},{{{KEY},"kid":"a"}}"#)).expect("a set");
        assert!(matches!(set.get("a"), Found::One(_)));
    }

    #[test]
    fn what_is_no_set_is_refused() {
        for bad in
            ["", "{}", "[]", "<html>", "null", r#"{"keys":{}}"#, r#"{"keys":[]"#, r#"{"keys":[],"keys":[]}"#, "[[]]"]
        {
            let parsed = KeySet::parse(bad.as_bytes(), &SignatureAlgorithm::ALL);
            assert_eq!(parsed.err(), Some(KeySetError::Malformed), "{bad}");
        }
        assert_eq!(parse("").err(), Some(KeySetError::NoneUsable { keys: 0, first: None }));
        let many = vec![format!(r#"{{{KEY},"kid":"a"}}"#); 65].join(",");
        assert_eq!(parse(&many).err(), Some(KeySetError::TooMany { keys: 65 }));
    }

    #[test]
    fn only_keys_of_allowed_algorithms_are_used() {
        let set = format!(r#"{{"keys":[{{{KEY},"kid":"a"}}]}}"#);
        let parsed = KeySet::parse(set.as_bytes(), &[SignatureAlgorithm::Es256]);
        assert_eq!(parsed.err(), Some(KeySetError::NoneUsable { keys: 1, first: Some(UnfitKey::Purpose) }));
    }
}
