//! What every [`Blobs`] keeps. Each case writes under keys nobody else has and removes what it wrote, so that all of
//! them can share one folder or bucket.

use std::{any::Any, future::Future, ops::Range, sync::Arc};

use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, future, stream};
use lyceum_domain::{
    blobs::{Blob, BlobError, BlobKey, BlobStream, Blobs},
    mentor::Cause,
};

use crate::ambient::SequentialIds;

/// 12 MiB and an odd number of bytes: more than one part, whatever size an adapter's parts have.
const LARGE: usize = 12 * 1024 * 1024 + 12_345;

/// Blobs under test and what has to live as long as they: a folder, a server.
pub struct Subject {
    blobs: Arc<dyn Blobs>,
    _held: Box<dyn Any + Send>,
}

impl Subject {
    /// Blobs with something that is dropped after them.
    pub fn holding(blobs: Arc<dyn Blobs>, held: impl Any + Send) -> Self {
        Self { blobs, _held: Box::new(held) }
    }
}

impl<B: Blobs + 'static> From<Arc<B>> for Subject {
    fn from(blobs: Arc<B>) -> Self {
        Self::holding(blobs, ())
    }
}

impl From<Arc<dyn Blobs>> for Subject {
    fn from(blobs: Arc<dyn Blobs>) -> Self {
        Self::holding(blobs, ())
    }
}

/// Makes a blob store and runs one case on it. What [`blobs_contract!`](crate::blobs_contract) calls; `None` says that
/// the maker has told why the case is skipped.
pub fn run<M, MF, S, C, CF>(name: &str, make: M, case: C)
where
    M: FnOnce() -> MF,
    MF: Future<Output = Option<S>>,
    S: Into<Subject>,
    C: FnOnce(Arc<dyn Blobs>) -> CF,
    CF: Future<Output = ()>,
{
    super::run(name, async {
        if let Some(subject) = make().await {
            let subject = subject.into();
            case(Arc::clone(&subject.blobs)).await;
        }
    });
}

/// Makes one test of each case of the blobs' contract.
///
/// It takes a closure (or the name of a function) without arguments whose future gives `Option<S>`, where `S` is an
/// `Arc` of a [`Blobs`], or a [`Subject`] that keeps something alive beside it. It is called once for each test, on that
/// test's own runtime. `None` skips the test; the closure has to say why, because whether that is a fault is its own
/// business.
///
/// ```
/// # #[cfg(test)]
/// mod memory {
///     use std::sync::Arc;
///     lyceum_testkit::blobs_contract!(|| async { Some(Arc::new(lyceum_testkit::blobs::MemoryBlobs::new())) });
/// }
/// ```
#[macro_export]
macro_rules! blobs_contract {
    ($make:expr) => {
        $crate::blobs_contract! { @all $make;
            what_is_put_comes_back
            an_empty_blob_is_a_blob
            empty_pieces_are_no_end
            every_part_of_a_blob_can_be_read
            a_range_is_cut_at_the_end
            an_empty_range_is_out_of_range
            a_range_beyond_the_end_is_out_of_range
            an_unknown_key_is_missing
            a_deleted_blob_is_missing
            deleting_twice_is_fine
            deleting_leaves_the_neighbours
            a_large_blob_comes_back
            a_large_blob_is_read_in_ranges
            a_blob_as_large_as_a_part_comes_back
            a_content_that_breaks_off_stores_nothing
            a_large_content_that_breaks_off_stores_nothing
            a_second_put_replaces_the_whole
            a_second_put_that_breaks_off_changes_nothing
            a_put_that_is_dropped_leaves_nothing_to_read
            a_large_put_that_is_dropped_leaves_nothing_to_read
            a_dropped_put_is_in_nobodys_way
            nothing_is_read_before_the_end
            many_are_put_at_once
            one_key_put_at_once_is_never_a_mixture
            a_blob_is_read_by_many_at_once
            a_check_says_that_all_is_well
        }
    };
    (@all $make:expr; $($case:ident)*) => {
        $(
            #[test]
            fn $case() {
                $crate::contract::blobs::run(stringify!($case), $make, |blobs| async move {
                    $crate::contract::blobs::$case(&*blobs).await;
                });
            }
        )*
    };
}

/// A content of these pieces.
pub fn content<P: Into<Bytes>>(pieces: impl IntoIterator<Item = P>) -> BlobStream {
    let pieces: Vec<Result<Bytes, Cause>> = pieces.into_iter().map(|piece| Ok(piece.into())).collect();
    stream::iter(pieces).boxed()
}

/// A content of these pieces that then breaks off.
pub fn broken_content<P: Into<Bytes>>(pieces: impl IntoIterator<Item = P>) -> BlobStream {
    content(pieces).chain(stream::once(async { Err("the client left".into()) })).boxed()
}

/// A content of these pieces whose rest never comes.
pub fn stuck_content<P: Into<Bytes>>(pieces: impl IntoIterator<Item = P>) -> BlobStream {
    content(pieces).chain(stream::pending()).boxed()
}

/// All bytes of what was read.
pub async fn read(blob: Blob) -> Result<Bytes, Cause> {
    let whole = blob.content.try_fold(BytesMut::new(), |mut whole, piece| async move {
        whole.extend_from_slice(&piece);
        Ok(whole)
    });
    whole.await.map(BytesMut::freeze)
}

fn key() -> BlobKey {
    BlobKey::document(&SequentialIds)
}

/// Bytes that are nowhere the same, so that parts in the wrong order are seen.
fn bytes(size: usize) -> Bytes {
    let mut state = 0x9e37_79b9_u32;
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    };
    (0..size).map(step).collect()
}

/// Pieces as a network brings them.
fn pieces(whole: &Bytes) -> Vec<Bytes> {
    const SIZES: [usize; 5] = [1, 65_536, 16_384, 100_003, 7];
    let (mut rest, mut pieces) = (whole.clone(), Vec::new());
    for size in SIZES.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        pieces.push(rest.split_to(rest.len().min(*size)));
    }
    pieces
}

/// The whole blob, which says of itself what it is.
async fn whole(blobs: &dyn Blobs, key: &BlobKey) -> Bytes {
    let blob = blobs.get(key, None).await.expect("found");
    let (size, range) = (blob.size, blob.range.clone());
    let bytes = read(blob).await.expect("read");
    assert_eq!((size, range), (bytes.len() as u64, 0..bytes.len() as u64));
    bytes
}

async fn is_missing(blobs: &dyn Blobs, key: &BlobKey) -> bool {
    let whole = matches!(blobs.get(key, None).await, Err(BlobError::Missing));
    let part = matches!(blobs.get(key, Some(0..1)).await, Err(BlobError::Missing));
    assert_eq!(whole, part, "the whole and its part are both missing, or neither");
    whole
}

async fn put(blobs: &dyn Blobs, key: &BlobKey, whole: &Bytes) {
    assert_eq!(blobs.put(key, content(pieces(whole))).await.expect("put"), whole.len() as u64);
}

async fn removed(blobs: &dyn Blobs, key: &BlobKey) {
    blobs.delete(key).await.expect("deleted");
}

/// What is put comes back byte by byte, with its size.
pub async fn what_is_put_comes_back(blobs: &dyn Blobs) {
    for key in [key(), BlobKey::course_file(&SequentialIds), BlobKey::parse("a.b/0-1/c.jpg").expect("a key")] {
        let every_byte: Bytes = (0..=255).collect();
        let put = blobs.put(&key, content([every_byte.slice(..100), every_byte.slice(100..)])).await;
        assert_eq!(put.expect("put"), 256);
        assert_eq!(whole(blobs, &key).await, every_byte);
        removed(blobs, &key).await;
    }
}

/// A blob may have no bytes. It is there, and has no part.
pub async fn an_empty_blob_is_a_blob(blobs: &dyn Blobs) {
    let key = key();
    assert_eq!(blobs.put(&key, content::<Bytes>([])).await.expect("put"), 0);
    assert_eq!(whole(blobs, &key).await, Bytes::new());
    for range in [0..1, 0..0] {
        assert!(matches!(blobs.get(&key, Some(range)).await, Err(BlobError::OutOfRange { size: 0 })));
    }
    removed(blobs, &key).await;
    assert!(is_missing(blobs, &key).await);
}

/// A piece without bytes says nothing.
pub async fn empty_pieces_are_no_end(blobs: &dyn Blobs) {
    let key = key();
    assert_eq!(blobs.put(&key, content(["", "a", "", "", "b", ""])).await.expect("put"), 2);
    assert_eq!(whole(blobs, &key).await, "ab");
    removed(blobs, &key).await;
}

async fn part_is(blobs: &dyn Blobs, key: &BlobKey, whole: &Bytes, asked: Range<u64>, got: Range<u64>) {
    let blob = blobs.get(key, Some(asked.clone())).await.expect("found");
    assert_eq!((blob.size, blob.range.clone()), (whole.len() as u64, got.clone()), "{asked:?}");
    let index = |at: u64| usize::try_from(at).expect("small");
    assert!(read(blob).await.expect("read") == whole.slice(index(got.start)..index(got.end)), "{asked:?}");
}

/// A part comes with the size of the whole: the first byte, the last, some in the middle, all.
pub async fn every_part_of_a_blob_can_be_read(blobs: &dyn Blobs) {
    let (key, whole) = (key(), bytes(1000));
    put(blobs, &key, &whole).await;
    for range in [0..1, 999..1000, 17..443, 0..1000, 500..1000] {
        part_is(blobs, &key, &whole, range.clone(), range).await;
    }
    removed(blobs, &key).await;
}

/// A range that begins within the blob and ends after it is cut.
pub async fn a_range_is_cut_at_the_end(blobs: &dyn Blobs) {
    let (key, whole) = (key(), bytes(1000));
    put(blobs, &key, &whole).await;
    for (asked, got) in [(999..1001, 999..1000), (0..5000, 0..1000), (10..u64::from(u32::MAX), 10..1000)] {
        part_is(blobs, &key, &whole, asked, got).await;
    }
    removed(blobs, &key).await;
}

async fn out_of_range(blobs: &dyn Blobs, ranges: impl IntoIterator<Item = Range<u64>>) {
    let key = key();
    put(blobs, &key, &bytes(1000)).await;
    for range in ranges {
        let got = blobs.get(&key, Some(range.clone())).await;
        assert!(matches!(got, Err(BlobError::OutOfRange { size: 1000 })), "{range:?}: {got:?}");
    }
    removed(blobs, &key).await;
}

/// An empty range is out of range, wherever it lies; so is one that runs backwards.
pub async fn an_empty_range_is_out_of_range(blobs: &dyn Blobs) {
    let backwards = Range { start: 9, end: 3 };
    out_of_range(blobs, [0..0, 500..500, 1000..1000, backwards]).await;
}

/// A range that begins at the end or after it is out of range; the answer tells the size.
pub async fn a_range_beyond_the_end_is_out_of_range(blobs: &dyn Blobs) {
    out_of_range(blobs, [1000..1001, 1001..2000, 1_000_000..1_000_001]).await;
}

/// A key that nobody wrote is missing.
pub async fn an_unknown_key_is_missing(blobs: &dyn Blobs) {
    assert!(is_missing(blobs, &key()).await);
}

/// What was deleted is missing, and can be written again.
pub async fn a_deleted_blob_is_missing(blobs: &dyn Blobs) {
    let key = key();
    put(blobs, &key, &bytes(10)).await;
    removed(blobs, &key).await;
    assert!(is_missing(blobs, &key).await);
    put(blobs, &key, &bytes(20)).await;
    assert_eq!(whole(blobs, &key).await.len(), 20);
    removed(blobs, &key).await;
}

/// What is not there is as good as removed.
pub async fn deleting_twice_is_fine(blobs: &dyn Blobs) {
    let key = key();
    removed(blobs, &key).await;
    put(blobs, &key, &bytes(10)).await;
    removed(blobs, &key).await;
    removed(blobs, &key).await;
}

/// A deletion removes one blob, not those whose keys begin like its own.
pub async fn deleting_leaves_the_neighbours(blobs: &dyn Blobs) {
    let id = key().as_str().replace('/', "-");
    let named = |name: &str| BlobKey::parse(&format!("{id}/{name}")).expect("a key");
    let [one, longer, other] = ["a", "a.b", "b"].map(named);
    for key in [&one, &longer, &other] {
        put(blobs, key, &bytes(10)).await;
    }
    removed(blobs, &one).await;
    assert!(is_missing(blobs, &one).await);
    for key in [&longer, &other] {
        assert_eq!(whole(blobs, key).await, bytes(10));
        removed(blobs, key).await;
    }
}

/// A blob of several parts comes back in order.
pub async fn a_large_blob_comes_back(blobs: &dyn Blobs) {
    let (key, large) = (key(), bytes(LARGE));
    put(blobs, &key, &large).await;
    assert!(whole(blobs, &key).await == large, "other bytes came back");
    removed(blobs, &key).await;
}

/// Parts of a large blob, also across whatever the adapter stored it in.
pub async fn a_large_blob_is_read_in_ranges(blobs: &dyn Blobs) {
    const MIB: u64 = 1024 * 1024;
    let (key, large) = (key(), bytes(LARGE));
    put(blobs, &key, &large).await;
    for range in [0..3, 5 * MIB - 2..5 * MIB + 2, 8 * MIB - 70_000..8 * MIB + 70_000, 12 * MIB..12 * MIB + 12_345] {
        part_is(blobs, &key, &large, range.clone(), range).await;
    }
    removed(blobs, &key).await;
}

/// The sizes at which an adapter may begin another part.
pub async fn a_blob_as_large_as_a_part_comes_back(blobs: &dyn Blobs) {
    for mib in [5, 8, 10] {
        let (key, large) = (key(), bytes(mib * 1024 * 1024));
        put(blobs, &key, &large).await;
        assert!(whole(blobs, &key).await == large, "{mib} MiB: other bytes came back");
        removed(blobs, &key).await;
    }
}

async fn breaks_off(blobs: &dyn Blobs, sent: &Bytes) {
    let key = key();
    let put = blobs.put(&key, broken_content(pieces(sent))).await;
    let Err(BlobError::Interrupted(cause)) = put else { panic!("{put:?}") };
    assert_eq!(cause.to_string(), "the client left");
    assert!(is_missing(blobs, &key).await);
    removed(blobs, &key).await;
}

/// A content that ends with an error is not stored, and the cause is told.
pub async fn a_content_that_breaks_off_stores_nothing(blobs: &dyn Blobs) {
    for size in [0, 1, 100_000] {
        breaks_off(blobs, &bytes(size)).await;
    }
}

/// The same when parts of it were stored already.
pub async fn a_large_content_that_breaks_off_stores_nothing(blobs: &dyn Blobs) {
    breaks_off(blobs, &bytes(LARGE)).await;
}

/// Nobody writes a key twice; if somebody does, the later content is there, whole, whichever was longer.
pub async fn a_second_put_replaces_the_whole(blobs: &dyn Blobs) {
    let key = key();
    for size in [1000, 10, 2000, LARGE, 0, 5] {
        put(blobs, &key, &bytes(size)).await;
        assert!(whole(blobs, &key).await == bytes(size), "{size}");
    }
    removed(blobs, &key).await;
}

/// A content that breaks off leaves what was there.
pub async fn a_second_put_that_breaks_off_changes_nothing(blobs: &dyn Blobs) {
    let key = key();
    put(blobs, &key, &bytes(1000)).await;
    for size in [10, LARGE] {
        let put = blobs.put(&key, broken_content(pieces(&bytes(size)))).await;
        assert!(matches!(put, Err(BlobError::Interrupted(_))));
        assert_eq!(whole(blobs, &key).await, bytes(1000));
    }
    removed(blobs, &key).await;
}

/// Begins a put whose content gets stuck after `sent`, and drops it there.
async fn dropped_put(blobs: &dyn Blobs, key: &BlobKey, sent: &Bytes) {
    let (reached, at_the_end) = tokio::sync::oneshot::channel();
    let signal = stream::once(async move {
        // Whoever waits for it is still here.
        let _ = reached.send(());
        Ok(Bytes::new())
    });
    let content = content(pieces(sent)).chain(signal).chain(stream::pending()).boxed();
    let mut put = Box::pin(blobs.put(key, content));
    tokio::select! {
        ended = &mut put => panic!("the put ended before its content: {ended:?}"),
        reached = at_the_end => reached.expect("the content is read to its end"),
    }
    // One more turn, so that whatever began with the last piece is under way.
    assert!((&mut put).now_or_never().is_none());
    drop(put);
}

/// A put that is dropped leaves nothing that could be read, at once and later.
pub async fn a_put_that_is_dropped_leaves_nothing_to_read(blobs: &dyn Blobs) {
    for size in [0, 1, 100_000] {
        let key = key();
        dropped_put(blobs, &key, &bytes(size)).await;
        assert!(is_missing(blobs, &key).await, "{size}");
        removed(blobs, &key).await;
    }
}

/// The same when parts of it were stored already.
pub async fn a_large_put_that_is_dropped_leaves_nothing_to_read(blobs: &dyn Blobs) {
    let key = key();
    dropped_put(blobs, &key, &bytes(LARGE)).await;
    assert!(is_missing(blobs, &key).await);
    removed(blobs, &key).await;
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert!(is_missing(blobs, &key).await);
}

/// After a dropped put the key can be written.
pub async fn a_dropped_put_is_in_nobodys_way(blobs: &dyn Blobs) {
    let key = key();
    dropped_put(blobs, &key, &bytes(LARGE)).await;
    put(blobs, &key, &bytes(1000)).await;
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert_eq!(whole(blobs, &key).await, bytes(1000));
    removed(blobs, &key).await;
}

/// Until a content has ended its key is missing, and the old content of the key is what is read.
pub async fn nothing_is_read_before_the_end(blobs: &dyn Blobs) {
    let (new, old) = (key(), key());
    put(blobs, &old, &bytes(1000)).await;
    for sent in [bytes(100_000), bytes(LARGE)] {
        let putting =
            future::join(blobs.put(&new, stuck_content(pieces(&sent))), blobs.put(&old, stuck_content(pieces(&sent))));
        let looking = async {
            for _ in 0..20 {
                assert!(is_missing(blobs, &new).await);
                assert_eq!(whole(blobs, &old).await, bytes(1000));
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            ended = putting => panic!("put before the end: {ended:?}"),
            () = looking => {}
        }
    }
    removed(blobs, &new).await;
    removed(blobs, &old).await;
}

/// Different keys may be put at once; none gets another's bytes.
pub async fn many_are_put_at_once(blobs: &dyn Blobs) {
    let contents: Vec<_> = [10, LARGE, 0, 6_000_000, 70_000].map(|size| (key(), bytes(size + 1).slice(1..))).into();
    future::join_all(contents.iter().map(|(key, whole)| put(blobs, key, whole))).await;
    for (key, content) in &contents {
        assert!(whole(blobs, key).await == content, "{} bytes", content.len());
        removed(blobs, key).await;
    }
}

/// Two that put one key at once both succeed; what is read is one of the two.
pub async fn one_key_put_at_once_is_never_a_mixture(blobs: &dyn Blobs) {
    let key = key();
    for size in [1000, LARGE] {
        let contents = [Bytes::from(vec![1; size]), Bytes::from(vec![2; size + 1])];
        future::join_all(contents.iter().map(|whole| put(blobs, &key, whole))).await;
        let read = whole(blobs, &key).await;
        assert!(contents.contains(&read), "{size}: neither of the two");
    }
    removed(blobs, &key).await;
}

/// A blob is read by many at once, each at its own place.
pub async fn a_blob_is_read_by_many_at_once(blobs: &dyn Blobs) {
    let (key, whole) = (key(), bytes(2_000_000));
    put(blobs, &key, &whole).await;
    let read = |n: u64| part_is(blobs, &key, &whole, n * 99_000..2_000_000, n * 99_000..2_000_000);
    future::join_all((0..20).map(read)).await;
    removed(blobs, &key).await;
}

/// A store that works says so, as often as it is asked, also by many at once.
pub async fn a_check_says_that_all_is_well(blobs: &dyn Blobs) {
    for check in future::join_all((0..4).map(|_| blobs.check())).await {
        check.expect("all is well");
    }
}
