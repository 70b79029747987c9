//! Markdown from outside.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

mod bounds;
mod browser;
mod hostile;
mod rendering;

fn html(markdown: &str) -> String {
    lyceum_markdown::to_html(markdown, &|_| None)
}
