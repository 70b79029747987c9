//! Objects in which no member stands twice.

use std::{borrow::Cow, collections::BTreeSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};

/// A text that is borrowed if nothing in it was escaped; inside of an `Option` a bare `Cow` never is.
#[derive(Debug, Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// For whom a token is: one, or a list (RFC 7519, section 4.1.3).
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Audience<'a> {
    #[serde(borrow)]
    One(Cow<'a, str>),
    #[serde(borrow)]
    Many(Vec<Cow<'a, str>>),
}

impl Audience<'_> {
    /// Whether this one is meant, or among those who are.
    pub(crate) fn names(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Many(many) => many.iter().any(|one| one == audience),
        }
    }
}

/// Whether `json` is one JSON object, and no object in it has two members of one name: two readers could take
/// different ones for good (RFC 7515, section 4; RFC 7519, section 4).
pub(crate) fn check_object(json: &[u8]) -> Result<(), NotAnObject> {
    // serde would take an array for a struct, so the first character decides.
    if !json.trim_ascii_start().starts_with(b"{") {
        return Err(NotAnObject { column: 0 });
    }
    let mut reader = serde_json::Deserializer::from_slice(json);
    let read = Unique.deserialize(&mut reader).and_then(|()| reader.end());
    read.map_err(|error| NotAnObject { column: error.column() })
}

/// No object, or one with a member twice.
#[derive(Debug)]
pub(crate) struct NotAnObject {
    /// Near which byte.
    pub(crate) column: usize,
}

/// Reads a value and keeps nothing of it.
struct Unique;

impl<'de> DeserializeSeed<'de> for Unique {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Unique)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut names = BTreeSet::new();
        while let Some(Text(name)) = members.next_key()? {
            if !names.insert(name) {
                return Err(A::Error::custom("a member stands twice"));
            }
            members.next_value_seed(Unique)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_one() {
        for good in [r"{}", r#" {"a":1,"b":[{"a":1},{"a":1}],"c":{"a":null}} "#, r#"{"a":-1.5e3,"A":""}"#] {
            assert!(check_object(good.as_bytes()).is_ok(), "{good}");
        }
    }

    #[test]
    fn what_stands_twice_is_seen_at_any_depth_and_in_any_spelling() {
        for bad in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":1}"#,
            r#"{"x":{"a":1,"a":2}}"#,
            r#"{"x":[[{"a":1,"b":2,"a":3}]]}"#,
            "[]",
            "",
            "{",
            "null",
            "{}{}",
            "{} x",
            "\u{feff}{}",
        ] {
            assert!(check_object(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(check_object(format!("{{\"a\":{}", "[".repeat(100_000)).as_bytes()).is_err());
    }
}
