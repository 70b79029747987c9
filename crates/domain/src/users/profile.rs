//! What a user says about themselves, and who may see it.

use std::fmt;

use crate::{invalid::Invalid, text};

macro_rules! text_newtype {
    ($($(#[$doc:meta])* $name:ident($parse:expr);)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// Checks and takes the text.
            pub fn parse(raw: &str) -> Result<Self, Invalid> {
                let parse: fn(&str) -> Result<String, Invalid> = $parse;
                parse(raw).map(Self)
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

text_newtype! {
    /// What other people call the user: 1 to 80 characters on one line.
    DisplayName(|raw| text::line(raw, 1, 80));
    /// A few words about the user: 1 to 2000 characters.
    Bio(|raw| text::block(raw, 1, 2000));
    /// A BCP 47 language tag (RFC 5646), `en` or `pt-BR`; its form is checked, not the registry.
    Locale(|raw| tag(raw.trim()));
    /// A name of the IANA time zone database, `Europe/Vienna`; its form is checked, not the database.
    TimeZone(|raw| zone(raw.trim()));
}

impl Default for Locale {
    fn default() -> Self {
        Self("en".to_owned())
    }
}

impl Default for TimeZone {
    fn default() -> Self {
        Self("UTC".to_owned())
    }
}

fn tag(raw: &str) -> Result<String, Invalid> {
    let mut parts = raw.split('-');
    let language = parts.next().unwrap_or_default();
    let good = raw.len() <= 35
        && (2..=8).contains(&language.len())
        && language.bytes().all(|b| b.is_ascii_alphabetic())
        && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()));
    if good { Ok(raw.to_owned()) } else { Err(Invalid::Malformed { expected: "a language tag, as en or pt-BR" }) }
}

fn zone(raw: &str) -> Result<String, Invalid> {
    let good = (2..=64).contains(&raw.len())
        && raw.split('/').count() <= 3
        && raw.split('/').all(|part| {
            part.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+-".contains(&b))
        });
    if good { Ok(raw.to_owned()) } else { Err(Invalid::Malformed { expected: "a time zone, as Europe/Vienna" }) }
}

/// What others and the mentor may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Privacy {
    /// Who sees the profile.
    pub profile_visibility: ProfileVisibility,
    /// Whether mentors see the progress.
    pub show_progress: bool,
    /// Whether prompts may hold progress and material.
    pub ai_personalization: bool,
}

impl Default for Privacy {
    fn default() -> Self {
        Self { profile_visibility: ProfileVisibility::Members, show_progress: true, ai_personalization: true }
    }
}

/// Who sees a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProfileVisibility {
    /// Everybody.
    Public,
    /// Everybody who is signed in.
    Members,
    /// Nobody else.
    Private,
}

impl ProfileVisibility {
    /// The word used in rows and bodies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Members => "members",
            Self::Private => "private",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Result<Self, Invalid> {
        match word {
            "public" => Ok(Self::Public),
            "members" => Ok(Self::Members),
            "private" => Ok(Self::Private),
            _ => Err(Invalid::NotAllowed { allowed: "public, members, private" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_zones_have_a_form() {
        for good in ["en", "pt-BR", "zh-Hant-TW", "de-1996"] {
            assert!(Locale::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "e", "en_US", "en-", "../x", "en-toolongsubtag"] {
            assert!(Locale::parse(bad).is_err(), "{bad}");
        }
        for good in ["UTC", "Europe/Vienna", "America/Argentina/Buenos_Aires", "Etc/GMT+5"] {
            assert!(TimeZone::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "../etc/passwd", "Europe//Vienna", "/UTC", "a/b/c/d"] {
            assert!(TimeZone::parse(bad).is_err(), "{bad}");
        }
    }
}
