//! Text that is text already.

use futures_util::TryStreamExt as _;
use lyceum_domain::{
    blobs::BlobStream,
    subjects::{ExtractError, ExtractedText},
};

use super::{MAX_BYTES, decoded};

pub(super) async fn read(mut content: BlobStream) -> Result<ExtractedText, ExtractError> {
    let mut bytes = Vec::new();
    while let Some(piece) = content.try_next().await.map_err(ExtractError::Interrupted)? {
        let room = MAX_BYTES - bytes.len();
        bytes.extend_from_slice(&piece[..piece.len().min(room)]);
        if piece.len() > room {
            return decoded(bytes, true);
        }
    }
    decoded(bytes, false)
}
