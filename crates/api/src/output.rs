//! What commands say. Standard output and standard error may be closed at any time by whoever reads them (`lyceum config
//! reference | head -1`): then the rest is for nobody, and that is no fault. The command does its work to the end all the
//! same, and its exit code says how that went.

use std::{
    fmt,
    io::{self, ErrorKind, Write},
    sync::OnceLock,
};

/// Why something could not be said, although somebody may have wanted to read it: a full disk, for one.
static FAILURE: OnceLock<io::Error> = OnceLock::new();

/// A line on standard output.
macro_rules! say {
    ($($said:tt)*) => { $crate::output::line(format_args!($($said)*)) };
}
/// A line on standard error.
macro_rules! complain {
    ($($said:tt)*) => { $crate::output::complaint(format_args!($($said)*)) };
}
pub(crate) use {complain, say};

/// Writes a line to standard output.
pub fn line(said: fmt::Arguments<'_>) {
    keep(to(&mut io::stdout().lock(), format_args!("{said}\n")));
}

/// Writes a text to standard output as it is.
pub fn text(said: &str) {
    keep(to(&mut io::stdout().lock(), format_args!("{said}")));
}

/// Writes a line to standard error. Where even that does not work, nobody can be told.
pub fn complaint(said: fmt::Arguments<'_>) {
    let _ = to(&mut io::stderr().lock(), format_args!("{said}\n"));
}

/// Why not everything came to standard output, if somebody may still be waiting for it.
pub fn failure() -> Option<&'static io::Error> {
    FAILURE.get()
}

fn keep(written: io::Result<()>) {
    if let Err(error) = written {
        // The first says why; the others follow from it.
        let _ = FAILURE.set(error);
    }
}

fn to(out: &mut dyn Write, said: fmt::Arguments<'_>) -> io::Result<()> {
    match out.write_fmt(said).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Somebody who takes nothing, for this reason.
    struct Closed(ErrorKind);

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nobody_who_reads_is_no_fault_and_no_room_is_one() {
        to(&mut Closed(ErrorKind::BrokenPipe), format_args!("a line\n")).expect("nobody wanted it");
        let failed = to(&mut Closed(ErrorKind::StorageFull), format_args!("a line\n")).expect_err("it is lost");
        assert_eq!(failed.kind(), ErrorKind::StorageFull);
    }
}
