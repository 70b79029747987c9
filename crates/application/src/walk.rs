//! Lists that are wanted whole.

use lyceum_domain::{
    page::{Cursor, Page, PageRequest, PageSize},
    store::StoreError,
};

/// Walks all pages of a list.
pub(crate) async fn all<T, F>(mut page_at: impl FnMut(PageRequest) -> F) -> Result<Vec<T>, StoreError>
where
    F: Future<Output = Result<Page<T>, StoreError>>,
{
    let size = PageSize::parse(u32::from(PageSize::MAX)).unwrap_or_default();
    let mut items = Vec::new();
    let mut after: Option<Cursor> = None;
    loop {
        let page = page_at(PageRequest { size, after }).await?;
        items.extend(page.items);
        after = page.next;
        if after.is_none() {
            return Ok(items);
        }
    }
}
