//! What providers do that is no answer.

use std::{io, time::Duration};

use serde_json::json;
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpStream, tcp::WriteHalf},
    time::sleep,
};

use super::{MODEL, STREAM_HEAD, chunk, ending, piece, until_gone, whole};

/// The pause between two pieces of what drips.
const DRIP: Duration = Duration::from_millis(150);
/// The length of the line that is too long.
const LONG_LINE: usize = 10 << 20;

/// A fault of a provider, whichever way it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// 429, with `Retry-After: 7`.
    AskedTooOften,
    /// 503.
    Away,
    /// 500.
    Broken,
    /// 401.
    NotLetIn,
    /// Takes the question and is silent for ever.
    Hangs,
    /// A right answer, one byte after the other, for longer than anybody waits.
    DripsBytes,
    /// Words without end, one after the other; asked for JSON, its bytes.
    NeverEnds,
    /// Two pieces, and the connection is gone; asked for JSON, half of it.
    CutOff,
    /// Two pieces, and the stream ends as if that were all; asked for JSON, half of it, by its own length the whole.
    Halved,
    /// What is no JSON; in a stream, behind two pieces that are.
    NoJson,
    /// A right answer, but a stream where JSON was asked for, and the other way round.
    OfTheOtherKind,
    /// No words.
    Empty,
    /// An error where the answer should go on; asked for JSON, where it should be, with the status 200.
    ErrorInside,
    /// A right answer in snippets of 7 bytes, which end within characters and between `\r` and `\n`.
    Snippets,
    /// Ten megabytes without an end of a line.
    LongLine,
}

/// What the right answers among them say.
pub const RIGHT: &str = "Größe: eine Bucht 🪢 hält — «fest».";

/// What a provider says that refuses: whoever asks this is quoted, as some providers do.
pub const SAID: &str = "not now, says whoever is asked";

impl Fault {
    /// Does it.
    pub(super) async fn reply(self, mut socket: TcpStream, is_stream: bool) -> io::Result<()> {
        let (mut reading, mut writing) = socket.split();
        tokio::select! {
            done = self.write(&mut writing, is_stream) => done?,
            gone = until_gone(&mut reading) => return gone,
        }
        if matches!(self, Self::Hangs | Self::LongLine) {
            // What was written is not all that was announced: whoever reads it has to give up by themselves.
            until_gone(&mut reading).await?;
        }
        Ok(())
    }

    async fn write(self, socket: &mut WriteHalf<'_>, is_stream: bool) -> io::Result<()> {
        match self {
            Self::AskedTooOften => refuse(socket, "429 Too Many Requests", "Retry-After: 7\r\n").await,
            Self::Away => refuse(socket, "503 Service Unavailable", "").await,
            Self::Broken => refuse(socket, "500 Internal Server Error", "").await,
            Self::NotLetIn => refuse(socket, "401 Unauthorized", "").await,
            Self::Hangs => Ok(()),
            Self::DripsBytes => drip(socket, &right(is_stream)).await,
            Self::NeverEnds if is_stream => {
                socket.write_all(STREAM_HEAD.as_bytes()).await?;
                loop {
                    socket.write_all(chunk(&piece("and on ")).as_bytes()).await?;
                    sleep(DRIP).await;
                }
            }
            Self::NeverEnds => drip(socket, &whole(&"and on ".repeat(1000))).await,
            Self::CutOff if is_stream => send(socket, &format!("{STREAM_HEAD}{}", two_pieces())).await,
            Self::CutOff => {
                let all = whole(RIGHT);
                send(socket, &all[..all.len() - 40]).await
            }
            Self::Halved if is_stream => send(socket, &format!("{STREAM_HEAD}{}0\r\n\r\n", two_pieces())).await,
            Self::Halved => send(socket, &plain(&format!("{{\"model\": \"{MODEL}\", \"choices\": [{{\"mess"))).await,
            Self::NoJson if is_stream => {
                let broken = chunk("data: {\"choices\": [{\"delta\": }\n\n");
                send(socket, &format!("{STREAM_HEAD}{}{broken}{}0\r\n\r\n", two_pieces(), chunk(&ending()))).await
            }
            Self::NoJson => send(socket, &plain("<html>It works!</html>")).await,
            Self::OfTheOtherKind => send(socket, &right(!is_stream)).await,
            Self::Empty if is_stream => {
                send(socket, &format!("{STREAM_HEAD}{}0\r\n\r\n", chunk("data: [DONE]\n\n"))).await
            }
            Self::Empty => send(socket, &plain(&json!({"model": MODEL, "choices": []}).to_string())).await,
            Self::ErrorInside => {
                let error = json!({"error": {"message": "the engine stalled", "type": "server_error", "code": 503}});
                if !is_stream {
                    return send(socket, &plain(&error.to_string())).await;
                }
                let error = chunk(&format!("data: {error}\n\n"));
                send(socket, &format!("{STREAM_HEAD}{}{error}0\r\n\r\n", two_pieces())).await
            }
            Self::Snippets => snippets(socket, is_stream).await,
            Self::LongLine => long_line(socket, is_stream).await,
        }
    }
}

async fn send(socket: &mut WriteHalf<'_>, text: &str) -> io::Result<()> {
    socket.write_all(text.as_bytes()).await
}

async fn refuse(socket: &mut WriteHalf<'_>, status: &str, headers: &str) -> io::Result<()> {
    let body = json!({"error": {"message": SAID, "type": "error", "code": null}}).to_string();
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Type: application/json\r\n");
    send(socket, &format!("{head}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}")).await
}

/// JSON, or what calls itself that.
fn plain(body: &str) -> String {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())
}

fn two_pieces() -> String {
    chunk(&piece("Take ")) + &chunk(&piece("the end"))
}

fn right(is_stream: bool) -> String {
    if !is_stream {
        return whole(RIGHT);
    }
    let words: String = RIGHT.split_inclusive(' ').map(piece).collect();
    format!("{STREAM_HEAD}{}0\r\n\r\n", chunk(&(words + &ending())))
}

async fn drip(socket: &mut WriteHalf<'_>, all: &str) -> io::Result<()> {
    // The head comes at once.
    let (head, body) = all.split_once("\r\n\r\n").expect("a head");
    send(socket, &format!("{head}\r\n\r\n")).await?;
    for byte in body.bytes() {
        socket.write_all(&[byte]).await?;
        sleep(DRIP).await;
    }
    Ok(())
}

async fn snippets(socket: &mut WriteHalf<'_>, is_stream: bool) -> io::Result<()> {
    let all = if is_stream {
        let words: String = RIGHT.split_inclusive(' ').map(piece).collect();
        let events = (words + &ending()).replace('\n', "\r\n");
        format!("{STREAM_HEAD}{}0\r\n\r\n", chunk(&events))
    } else {
        whole(RIGHT)
    };
    let (head, body) = all.split_once("\r\n\r\n").expect("a head");
    send(socket, &format!("{head}\r\n\r\n")).await?;
    for snippet in body.as_bytes().chunks(7) {
        socket.write_all(snippet).await?;
        // Each in a packet of its own, more or less.
        sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

async fn long_line(socket: &mut WriteHalf<'_>, is_stream: bool) -> io::Result<()> {
    let block = "over and under ".repeat(4096);
    if is_stream {
        send(socket, &format!("{STREAM_HEAD}{}", chunk("data: "))).await?;
    } else {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
        send(socket, &format!("{head}Transfer-Encoding: chunked\r\n\r\n{}", chunk("{\"content\": \""))).await?;
    }
    for _ in 0..LONG_LINE.div_ceil(block.len()) {
        send(socket, &chunk(&block)).await?;
    }
    Ok(())
}
