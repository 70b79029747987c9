//! The bytes of an event stream to events, within limits.

use bytes::BytesMut;
use lyceum_domain::mentor::ChatError;
use reqwest::Response;
use russe::{Decoder, Event, Message};
use tokio_util::codec::Decoder as _;

use crate::failure::{Redactor, unusable};

/// The longest event. One holds a few words; a line without an end must not fill the memory first.
const LONGEST_EVENT: usize = 256 << 10;

/// The events of a response. Dropping it hangs up.
pub(crate) struct Events {
    response: Response,
    decoder: Decoder,
    buffer: BytesMut,
    received: usize,
    limit: usize,
    /// Whether the buffer can hold the end of an event that was not looked for yet. Looking costs a pass over all of
    /// it, too much for every byte of an event that drips in.
    is_fresh: bool,
}

impl Events {
    pub(crate) fn new(response: Response, decoder: Decoder, limit: usize) -> Self {
        Self { response, decoder, buffer: BytesMut::new(), received: 0, limit, is_fresh: false }
    }

    /// The next event that has data, or nothing at the end of the body.
    pub(crate) async fn next(&mut self, redactor: &Redactor) -> Result<Option<Message>, ChatError> {
        loop {
            while self.is_fresh {
                match self.decoder.decode(&mut self.buffer) {
                    Ok(Some(Event::Message(message))) if !message.data.is_empty() => return Ok(Some(message)),
                    Ok(Some(_)) => {}
                    Ok(None) => self.is_fresh = false,
                    Err(error) => {
                        tracing::debug!(error = redactor.clean(&error.to_string()), "an event cannot be read");
                        return Err(unusable("an event cannot be read"));
                    }
                }
            }
            if self.buffer.len() > self.limit.min(LONGEST_EVENT) {
                return Err(unusable("an event of the answer is too long"));
            }
            let Some(chunk) = self.response.chunk().await.map_err(|error| redactor.broke_off(error))? else {
                return Ok(None);
            };
            self.received = self.received.saturating_add(chunk.len());
            if self.received > self.limit {
                return Err(unusable(format!("the answer is longer than {} bytes", self.limit)));
            }
            self.is_fresh = chunk.iter().any(|byte| matches!(byte, b'\n' | b'\r'));
            self.buffer.extend_from_slice(&chunk);
        }
    }
}
