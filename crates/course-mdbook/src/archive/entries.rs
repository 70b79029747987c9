//! The names in an archive: which are good, and which stand in each other's way.

use std::collections::HashMap;

use crate::{limits::Limits, notes::printable};

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
}

/// The paths of an archive as a tree. Paths that differ only in case count as one, since on some disks they are.
pub(crate) struct Entries {
    nodes: HashMap<(usize, String), Node>,
    max: usize,
}

struct Node {
    id: usize,
    name: String,
    kind: Kind,
}

/// The longest name that the usual file systems take, in bytes.
const MAX_NAME: usize = 255;

/// The entry's path as plain names. Fails with the end of a sentence "its path …" or the like.
pub(crate) fn parts<'a>(raw: &'a [u8], limits: &Limits) -> Result<Vec<&'a str>, String> {
    let text = std::str::from_utf8(raw).map_err(|_| "its name is not UTF-8".to_owned())?;
    if text.is_empty() {
        return Err("its name is empty".to_owned());
    }
    if text.len() > limits.max_path_bytes {
        return Err(format!("its path has more than {} bytes", limits.max_path_bytes));
    }
    if text.chars().any(char::is_control) {
        return Err("its path holds a control character".to_owned());
    }
    if text.contains('\\') {
        return Err("its path holds a backslash".to_owned());
    }
    if text.starts_with('/') {
        return Err("its path is absolute".to_owned());
    }
    let parts: Vec<&str> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    for part in &parts {
        if *part == ".." {
            return Err("its path holds `..`".to_owned());
        }
        if matches!(part.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic()) {
            return Err("its path holds a drive letter".to_owned());
        }
        if part.len() > MAX_NAME {
            return Err(format!("a name in its path has more than {MAX_NAME} bytes"));
        }
    }
    if parts.len() > limits.max_path_depth {
        return Err(format!("its path is more than {} deep", limits.max_path_depth));
    }
    Ok(parts)
}

/// Why a path is not taken.
pub(crate) enum Clash {
    /// The end of a sentence about the entry.
    Path(String),
    /// There are too many paths altogether.
    TooMany,
}

impl Entries {
    pub(crate) fn new(max: usize) -> Self {
        Self { nodes: HashMap::new(), max }
    }

    /// Adds a path with all folders above it.
    pub(crate) fn add(&mut self, parts: &[&str], kind: Kind) -> Result<(), Clash> {
        let mut parent = 0;
        for (index, part) in parts.iter().enumerate() {
            let is_last = index + 1 == parts.len();
            let wanted = if is_last { kind } else { Kind::Folder };
            let count = self.nodes.len();
            match self.nodes.get(&(parent, folded(part))) {
                None if count >= self.max => return Err(Clash::TooMany),
                None => {
                    let node = Node { id: count + 1, name: (*part).to_owned(), kind: wanted };
                    self.nodes.insert((parent, folded(part)), node);
                    parent = count + 1;
                }
                Some(node) if node.name != *part => {
                    let reason = format!("`{}` differs only in case", printable(&node.name));
                    return Err(Clash::Path(reason));
                }
                Some(Node { kind: Kind::File, .. }) if wanted == Kind::Folder => {
                    return Err(Clash::Path("it needs a folder where there is a file".to_owned()));
                }
                Some(Node { kind: Kind::Folder, .. }) if wanted == Kind::File => {
                    return Err(Clash::Path("there is a folder of its name".to_owned()));
                }
                Some(_) if wanted == Kind::File => return Err(Clash::Path("it is there twice".to_owned())),
                Some(node) => parent = node.id,
            }
        }
        Ok(())
    }
}

/// The same for all names that differ only in case.
fn folded(name: &str) -> String {
    name.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_one() {
        for (one, other) in [("A", "a"), ("ÄRGER", "ärger"), ("ſ", "s"), ("\u{212a}", "k"), ("straße", "STRASSE")] {
            assert_eq!(folded(one), folded(other));
        }
        assert_ne!(folded("a"), folded("ä"));
    }

    #[test]
    fn folders_count_too() {
        let mut entries = Entries::new(3);
        assert!(entries.add(&["a", "b", "c"], Kind::File).is_ok());
        assert!(entries.add(&["a", "b"], Kind::Folder).is_ok());
        assert!(matches!(entries.add(&["d"], Kind::File), Err(Clash::TooMany)));
    }
}
