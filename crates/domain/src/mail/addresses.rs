//! Mail servers quote in their answers whom a mail is for, which is nothing for a log.

use crate::users::Email;

/// What stands for an address.
const ADDRESS: &str = "[address]";

/// What a mail server said of a mail to `to`, without that address, however it is written, and without any other.
pub fn without_addresses(said: &str, to: &Email) -> String {
    let mut text = said.to_owned();
    let to = to.as_str().to_ascii_lowercase();
    // Lower-casing ASCII moves nothing.
    while let Some(at) = text.to_ascii_lowercase().find(&to) {
        text.replace_range(at..at + to.len(), ADDRESS);
    }
    without_any(&text)
}

fn without_any(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        let local = before.len() - before.trim_end_matches(is_local).len();
        // A dot or a hyphen at the end is the sentence's.
        let domain =
            after[..after.find(|c| !is_domain(c)).unwrap_or(after.len())].trim_end_matches(['.', '-', ':']).len();
        if local > 0 && domain > 0 {
            out.push_str(&before[..at - local]);
            out.push_str(ADDRESS);
        } else {
            out.push_str(&rest[..=at + domain]);
        }
        rest = &after[domain..];
    }
    out.push_str(rest);
    out
}

fn is_local(c: char) -> bool {
    c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.\"\\".contains(c)
}

fn is_domain(c: char) -> bool {
    c.is_alphanumeric() || "-._:[]".contains(c)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn without(said: &str) -> String {
        without_addresses(said, &Email::parse("ada@learners.example").unwrap())
    }

    #[test]
    fn what_a_server_says_is_kept_but_for_whom() {
        for (said, kept) in [
            ("550 5.1.1 <ada@learners.example>: no such mailbox", "550 5.1.1 <[address]>: no such mailbox"),
            ("550 ADA@Learners.EXAMPLE unknown", "550 [address] unknown"),
            ("550 to=ada+x@mail.learners.example. Bye", "550 [address]. Bye"),
            (
                "451 relay for x!ada@learners.example@relay.example later",
                "451 relay for x![address]@relay.example later",
            ),
            ("550 grüße@köln.example, \"odd\"@[192.0.2.1]", "550 [address], [address]"),
            ("452 4.3.1 insufficient storage @ 12:00", "452 4.3.1 insufficient storage @ 12:00"),
            ("@@ @a a@", "@@ @a a@"),
            ("", ""),
        ] {
            assert_eq!(without(said), kept, "{said}");
        }
    }

    proptest! {
        #[test]
        fn no_recipient_is_left(before in ".{0,40}", after in ".{0,40}", shout in any::<bool>()) {
            let address = if shout { "ADA@LEARNERS.EXAMPLE" } else { "ada@learners.example" };
            let kept = without(&format!("{before}{address}{after}"));
            prop_assert!(!kept.to_ascii_lowercase().contains("ada@learners"), "{kept}");
        }
    }
}
