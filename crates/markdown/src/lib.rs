//! Markdown becomes HTML that is safe to show.
