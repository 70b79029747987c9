//! The program's side of reading a PDF. The parser has no bounds of its own: it panics, recurses and allocates as the
//! file tells it to. So it runs in a process that the operating system bounds and that nobody misses.

use std::{
    cell::RefCell,
    fmt::{self, Write as _},
    io::{self, Read as _, Write as _},
    panic,
    process::ExitCode,
    rc::Rc,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use pdf_extract::{ConvertToFmt, Document, MediaBox, OutputDev, OutputError, PlainTextOutput, Transform};

use super::{BoundedTexts, MAX_BYTES};

/// The exit code that says that the PDF cannot be read; the reason is one line on the error output.
pub(super) const UNREADABLE: u8 = 3;

/// How much memory may be taken beside what the program has when it starts, in bytes.
#[cfg(unix)]
const MEMORY: u64 = 512 * 1024 * 1024;

/// How much may really be in use, in bytes; see [`watch`].
const RESIDENT: u64 = 400 * 1024 * 1024;

/// How many seconds of computing, whatever the parent's patience: also if there is no parent any more.
#[cfg(unix)]
const CPU: u64 = 60;

/// How deep the parser may recurse, in bytes of its stack.
const STACK: usize = 16 * 1024 * 1024;

/// How often the memory is looked at.
const TICK: Duration = Duration::from_millis(10);

/// The `main` of a program that reads a PDF from its input and writes its text as UTF-8 to its output, at most a few
/// bytes more than [`ExtractedText::MAX`](lyceum_domain::subjects::ExtractedText::MAX) characters can take. It bounds
/// itself before it reads anything: memory, seconds of computing, no files to write, few to open, no core dump, a low
/// priority.
///
/// It ends with 0, with 3 if the PDF cannot be read (the reason is one line on the error output), with anything else
/// if the fault is not the PDF's, or by a signal when it goes beyond its bounds. Call it before any thread or runtime
/// is started: it blocks, and changes the whole process.
pub fn pdf_child_main() -> ExitCode {
    if let Err(error) = bound() {
        return ended(ExitCode::FAILURE, &format!("the bounds cannot be set: {error}"));
    }
    // A parser that panics has nothing to say that a person could use.
    panic::set_hook(Box::new(|_| {}));
    let mut pdf = Vec::new();
    if let Err(error) = io::stdin().lock().take(BoundedTexts::MAX_PDF + 1).read_to_end(&mut pdf) {
        return ended(ExitCode::FAILURE, &format!("the input cannot be read: {error}"));
    }
    if pdf.len() as u64 > BoundedTexts::MAX_PDF {
        return unreadable("it is too large");
    }
    match read(pdf) {
        Ok(text) => match io::stdout().lock().write_all(text.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            // Who has enough hangs up.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Err(error) => ended(ExitCode::FAILURE, &format!("the text cannot be written: {error}")),
        },
        Err(why) => unreadable(&why),
    }
}

fn unreadable(why: &str) -> ExitCode {
    ended(ExitCode::from(UNREADABLE), why)
}

fn ended(code: ExitCode, why: &str) -> ExitCode {
    let line: String = why.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
    // Nobody may be listening.
    let _ = io::stderr().lock().write_all(format!("{line}\n").as_bytes());
    code
}

#[cfg(unix)]
fn bound() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, nice, setrlimit};

    let limit = |resource, most: u64| {
        // Never more than is allowed already.
        let most = getrlimit(resource).maximum.map_or(most, |allowed| allowed.min(most));
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })
    };
    limit(Resource::Core, 0)?;
    limit(Resource::Fsize, 0)?;
    limit(Resource::Nofile, 16)?;
    limit(Resource::Cpu, CPU)?;
    // What is there already counts too: an allocator may have set a large space aside.
    #[cfg(target_os = "linux")]
    {
        let memory = memory()?;
        limit(Resource::As, memory.whole + MEMORY)?;
        limit(Resource::Data, memory.data + MEMORY)?;
    }
    // Other systems know the limit and may not keep it (macOS refuses it).
    #[cfg(not(target_os = "linux"))]
    let _ = limit(Resource::Data, MEMORY);
    nice(10)?;
    Ok(())
}

#[cfg(not(unix))]
fn bound() -> io::Result<()> {
    Ok(())
}

/// The memory of this process, in bytes (`proc_pid_statm(5)`).
#[cfg(target_os = "linux")]
struct Memory {
    whole: u64,
    resident: u64,
    data: u64,
}

#[cfg(target_os = "linux")]
fn memory() -> io::Result<Memory> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let size = rustix::param::page_size() as u64;
    let mut fields = text.split_ascii_whitespace().map(|field| field.parse::<u64>().unwrap_or(0) * size);
    let mut field = |skipped| fields.nth(skipped).ok_or_else(|| io::Error::other("statm has too few fields"));
    Ok(Memory { whole: field(0)?, resident: field(0)?, data: field(3)? })
}

/// Reads the PDF on another thread, which has the stack it needs, and watches over it.
fn read(pdf: Vec<u8>) -> Result<String, String> {
    let (done, outcome) = mpsc::channel();
    let reader = thread::Builder::new().stack_size(STACK).spawn(move || {
        // The other side is gone only with the whole process.
        let _ = done.send(text(&pdf));
    });
    reader.map_err(|error| format!("it cannot be read here: {error}"))?;
    watch(&outcome)
}

/// Waits for the outcome, while the memory is within its bound. The limits of the system don't see memory that the
/// allocator had already taken before they were set.
fn watch(outcome: &mpsc::Receiver<Result<String, String>>) -> Result<String, String> {
    loop {
        match outcome.recv_timeout(TICK) {
            Ok(outcome) => return outcome,
            Err(RecvTimeoutError::Disconnected) => return Err("its structure is broken".to_owned()),
            Err(RecvTimeoutError::Timeout) if resident() > RESIDENT => {
                return Err("it takes too much memory to read".to_owned());
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

#[cfg(target_os = "linux")]
fn resident() -> u64 {
    memory().map_or(0, |memory| memory.resident)
}

#[cfg(not(target_os = "linux"))]
fn resident() -> u64 {
    0
}

fn text(pdf: &[u8]) -> Result<String, String> {
    let mut document = Document::load_mem(pdf).map_err(|error| format!("it is damaged: {error}"))?;
    // Many are encrypted with an empty password, so that every reader opens them.
    if document.is_encrypted() && document.decrypt("").is_err() {
        return Err("it is encrypted".to_owned());
    }
    if document.get_pages().is_empty() {
        return Err("it is damaged: it has no pages".to_owned());
    }
    let text = Rc::new(RefCell::new(Bounded::default()));
    let mut pages = Pages { inner: PlainTextOutput::new(Writer(Rc::clone(&text))), text: Rc::clone(&text) };
    let outcome = pdf_extract::output_doc(&document, &mut pages);
    drop(pages);
    let text = text.take();
    match outcome {
        Ok(()) => Ok(text.text),
        Err(_) if text.is_full => Ok(text.text),
        Err(OutputError::PdfError(error)) => Err(format!("it is damaged: {error}")),
        Err(error) => Err(format!("it is damaged: {error}")),
    }
}

/// Text that stops its writer when there is enough of it.
#[derive(Debug, Default)]
struct Bounded {
    text: String,
    is_full: bool,
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        self.text.push_str(more);
        // One byte too many tells the parent that there was more.
        self.is_full = self.text.len() > MAX_BYTES;
        if self.is_full { Err(fmt::Error) } else { Ok(()) }
    }
}

struct Writer(Rc<RefCell<Bounded>>);

impl fmt::Write for Writer {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        self.0.borrow_mut().write_str(more)
    }
}

impl ConvertToFmt for Writer {
    type Writer = Self;

    fn convert(self) -> Self {
        self
    }
}

/// Puts an empty line between two pages: else the last word of one and the first of the next are one word.
struct Pages {
    inner: PlainTextOutput<Writer>,
    text: Rc<RefCell<Bounded>>,
}

impl OutputDev for Pages {
    fn begin_page(
        &mut self,
        number: u32,
        media_box: &MediaBox,
        art_box: Option<(f64, f64, f64, f64)>,
    ) -> Result<(), OutputError> {
        let mut text = self.text.borrow_mut();
        if !text.text.is_empty() {
            text.write_str("\n\n")?;
        }
        drop(text);
        self.inner.begin_page(number, media_box, art_box)
    }

    fn end_page(&mut self) -> Result<(), OutputError> {
        self.inner.end_page()
    }

    fn output_character(
        &mut self,
        place: &Transform,
        width: f64,
        spacing: f64,
        font_size: f64,
        character: &str,
    ) -> Result<(), OutputError> {
        self.inner.output_character(place, width, spacing, font_size, character)
    }

    fn begin_word(&mut self) -> Result<(), OutputError> {
        self.inner.begin_word()
    }

    fn end_word(&mut self) -> Result<(), OutputError> {
        self.inner.end_word()
    }

    fn end_line(&mut self) -> Result<(), OutputError> {
        self.inner.end_line()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_never_ends_stops_its_writer() {
        let mut text = Bounded::default();
        let line = "wonderful knots\n";
        let lines = (1..=MAX_BYTES).find(|_| text.write_str(line).is_err()).expect("stopped");
        assert_eq!(lines, MAX_BYTES / line.len() + 1);
        assert!(text.is_full && text.text.len() > MAX_BYTES);
    }
}
