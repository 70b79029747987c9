//! Emphasis around text that may hold Markdown itself.

/// How strongly.
#[derive(Clone, Copy)]
pub(crate) enum Emphasis {
    Plain,
    Strong,
}

/// What to write on both sides of `text`; nothing if it holds marks that could end the emphasis too early.
pub(crate) fn marks(text: &str, emphasis: Emphasis) -> &'static str {
    // Code binds tighter than emphasis: marks in it do no harm.
    let outside = || text.split('`').step_by(2);
    let (star, underscore) = match emphasis {
        Emphasis::Plain => ("*", "_"),
        Emphasis::Strong => ("**", "__"),
    };
    if !outside().any(|piece| piece.contains('*')) {
        star
    } else if !outside().any(|piece| piece.contains('_')) {
        underscore
    } else {
        ""
    }
}

/// The text with its marks.
pub(crate) fn emphasised(text: &str, emphasis: Emphasis) -> String {
    let marks = marks(text, emphasis);
    format!("{marks}{text}{marks}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_that_are_free() {
        assert_eq!(emphasised("a `*` _b_", Emphasis::Plain), "*a `*` _b_*");
        assert_eq!(emphasised("a *b*", Emphasis::Plain), "_a *b*_");
        assert_eq!(emphasised("*a* _b_", Emphasis::Strong), "*a* _b_");
    }
}
