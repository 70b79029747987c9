//! What the log says, for tests.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::{fmt::writer::BoxMakeWriter, layer::SubscriberExt as _};

use super::{filter, lines};
use crate::settings::LogFormat;

/// Listens to the log of this thread.
pub struct Overheard {
    text: Text,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl io::Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Overheard {
    /// What is logged from now on at this level, as a machine reads it.
    pub fn at(level: &str) -> Self {
        let text = Text::default();
        let (writer, filter) = (text.clone(), filter(level).expect("a level"));
        let layer = lines(LogFormat::Json, BoxMakeWriter::new(move || writer.clone()), false, filter);
        let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
        Self { text, _guard: guard }
    }

    /// The lines so far.
    pub fn lines(&self) -> Vec<Value> {
        let text = self.text.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let text = String::from_utf8(text).expect("UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}
