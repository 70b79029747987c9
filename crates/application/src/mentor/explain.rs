//! What an answer was made from, made again.

use lyceum_domain::{blobs::Sha256, mentor::ChatMessage};
use sha2::Digest as _;

/// The digest of a prompt: of every message its role and its content, each behind its length in bytes (eight of them,
/// little-endian), so that no two prompts read alike.
pub(crate) fn digest(messages: &[ChatMessage]) -> Sha256 {
    let mut digest = sha2::Sha256::new();
    for message in messages {
        for part in [message.role.as_str(), &message.content] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
    }
    Sha256::new(digest.finalize().into())
}

/// The digest of a passage's text.
pub(crate) fn digest_of_text(text: &str) -> Sha256 {
    Sha256::new(sha2::Sha256::digest(text).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lyceum_domain::mentor::ChatRole;

    fn said(role: ChatRole, content: &str) -> ChatMessage {
        ChatMessage { role, content: content.to_owned() }
    }

    #[test]
    fn prompts_that_differ_in_a_role_a_cut_or_an_order_have_different_digests() {
        let prompts = [
            vec![],
            vec![said(ChatRole::User, "")],
            vec![said(ChatRole::User, "ab")],
            vec![said(ChatRole::System, "ab")],
            vec![said(ChatRole::User, "a"), said(ChatRole::User, "b")],
            vec![said(ChatRole::User, "b"), said(ChatRole::User, "a")],
            vec![said(ChatRole::User, "ab"), said(ChatRole::User, "")],
        ];
        let digests: std::collections::HashSet<_> = prompts.iter().map(|prompt| digest(prompt)).collect();
        assert_eq!(digests.len(), prompts.len());
    }

    #[test]
    fn digests_stay_what_they_are_for_they_are_stored() {
        let prompt = [said(ChatRole::System, "Rules."), said(ChatRole::User, "Why?")];
        assert_eq!(digest(&prompt).to_string(), "7cb8600c6c065e7da52aa41b6383e75b961d31b41a2ffc3251aacd0db8593f1a");
    }
}
