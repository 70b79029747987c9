//! Reads a PDF from its input and writes its text: the program that [`lyceum_media::BoundedTexts`] starts, by itself, for
//! the tests and for the hand. The server is its own such program.

fn main() -> std::process::ExitCode {
    lyceum_media::pdf_child_main()
}
