//! Keyset pages: a page's cost doesn't grow with its depth.

use crate::{invalid::Invalid, time::Timestamp};
use uuid::Uuid;

/// How many items a page holds: 1 to 100, 20 if nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize(u8);

impl PageSize {
    /// The largest page.
    pub const MAX: u8 = 100;

    /// 1 to 100.
    pub fn parse(size: u32) -> Result<Self, Invalid> {
        u8::try_from(size)
            .ok()
            .filter(|size| (1..=Self::MAX).contains(size))
            .map(Self)
            .ok_or(Invalid::OutOfRange { min: 1, max: i64::from(Self::MAX) })
    }

    /// The number of items.
    pub const fn get(self) -> usize {
        self.0 as usize
    }
}

impl Default for PageSize {
    fn default() -> Self {
        Self(20)
    }
}

/// Where a page starts: after the item that has this sort key. Lists sort by a time and, within it, by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The sort key of the last item of the page before.
    pub at: Timestamp,
    /// Its id, which breaks ties.
    pub id: Uuid,
}

impl Cursor {
    /// An opaque, URL-safe text.
    pub fn encode(self) -> String {
        format!("{:016x}{}", self.at.as_micros(), self.id.as_simple())
    }

    /// Reads what [`encode`](Self::encode) wrote.
    pub fn decode(text: &str) -> Result<Self, Invalid> {
        let bad = Invalid::Malformed { expected: "a cursor from the page before" };
        if text.len() != 48 || !text.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase()) {
            return Err(bad);
        }
        let (at, id) = text.split_at(16);
        let at = u64::from_str_radix(at, 16).map_err(|_| bad)?;
        Ok(Self { at: Timestamp::from_micros(at.cast_signed()).ok_or(bad)?, id: Uuid::try_parse(id).map_err(|_| bad)? })
    }
}

/// Which page of a list is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// At most this many items.
    pub size: PageSize,
    /// Start after this item; at the beginning if `None`.
    pub after: Option<Cursor>,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// At most as many as were asked for.
    pub items: Vec<T>,
    /// Where the next page starts; `None` on the last one.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Cuts a page from `items`, of which one more than `size` was fetched to see whether another page follows.
    pub fn cut(mut items: Vec<T>, size: PageSize, cursor: impl Fn(&T) -> Cursor) -> Self {
        let next = if items.len() > size.get() {
            items.truncate(size.get());
            items.last().map(cursor)
        } else {
            None
        };
        Self { items, next }
    }

    /// The same page of something else.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), next: self.next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_run_from_one_to_a_hundred() {
        assert_eq!(PageSize::default().get(), 20);
        assert!(PageSize::parse(0).is_err());
        assert_eq!(PageSize::parse(100).map(PageSize::get), Ok(100));
        assert!(PageSize::parse(101).is_err());
        assert!(PageSize::parse(257).is_err());
    }

    proptest! {
        #[test]
        fn a_cursor_comes_back_as_it_was(micros in -62_000_000_000_000_000_i64..200_000_000_000_000_000, id: u128) {
            let cursor = Cursor { at: Timestamp::from_micros(micros).expect("in range"), id: Uuid::from_u128(id) };
            prop_assert_eq!(Cursor::decode(&cursor.encode()), Ok(cursor));
        }

        #[test]
        fn foreign_text_is_no_cursor(text in "\\PC{0,60}") {
            if let Ok(cursor) = Cursor::decode(&text) {
                prop_assert_eq!(cursor.encode(), text);
            }
        }
    }
}
