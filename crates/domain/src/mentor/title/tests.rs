use super::*;
use proptest::prelude::*;

/// What is shown of an answer that comes in these pieces, and its title.
fn filtered<'a>(wants_title: bool, pieces: impl IntoIterator<Item = &'a str>) -> (String, Option<String>) {
    let mut filter = TitleFilter::new(wants_title);
    let mut shown: String = pieces.into_iter().map(|piece| filter.push(piece.to_owned())).collect();
    let (rest, title) = filter.finish();
    shown.push_str(&rest);
    (shown, title.map(|title| title.to_string()))
}

/// In pieces of one character.
fn bit_by_bit(answer: &str) -> (String, Option<String>) {
    filtered(true, answer.split_inclusive(|_| true))
}

#[test]
fn the_title_is_taken_out_of_the_answer() {
    for (answer, shown, title) in [
        ("It holds.\n\n<<title: Why knots hold>>", "It holds.", "Why knots hold"),
        ("It holds.\n<<Title:Why>>\n\n", "It holds.", "Why"),
        ("It holds. <<title: In the same line>>", "It holds.", "In the same line"),
        ("x<<title: \"**Quoted `knots`.**\">>", "x", "Quoted `knots"),
        ("<<<title: Three>>>", "<", "Three"),
        ("a << b << c\n<<title: Shifts >> and << more>>", "a << b << c", "Shifts >> and << more"),
        ("x\n<<title: One>>\n<<title: Two>>", "x\n<<title: One>>", "Two"),
        ("x <<title: One>> <<title: Two>>", "x <<title: One>>", "Two"),
        ("x\n<<title: Vec<Vec<u8>>>>\n", "x", "Vec<Vec<u8"),
        ("x\n<<title: a\u{202e}b\u{200b}>>", "x", "ab"),
        ("<<title: Nothing but this>>\n", "Nothing but this", "Nothing but this"),
    ] {
        assert_eq!(bit_by_bit(answer), (shown.to_owned(), Some(title.to_owned())), "{answer}");
    }
}

#[test]
fn what_is_no_title_is_given_back() {
    for answer in [
        "It holds.",
        " \n white space around \n ",
        "<<title: in the middle>>\n\nand text behind",
        "<<title: two\nlines>>",
        "the form is `<<title: …>>`.",
        "<<title of it>>",
        "x <<ti",
        "x <",
        "<<title: cut off",
        "<<title:  >>",
    ] {
        assert_eq!(bit_by_bit(answer), (answer.to_owned(), None), "{answer}");
    }
    let long = format!("x <<title: {}>>", "y".repeat(LONGEST + 1));
    assert_eq!(bit_by_bit(&long), (long.clone(), None));
}

#[test]
fn a_title_without_words_and_one_that_breaks_off_go_without_being_one() {
    assert_eq!(bit_by_bit("x\n<<title: …>>"), ("x".to_owned(), None));
    assert_eq!(bit_by_bit("x\n<<title: How to t"), ("x".to_owned(), None));
}

#[test]
fn a_title_is_short() {
    let (_, title) = bit_by_bit(&format!("x\n<<title: {}>>", "knots ".repeat(30)));
    let title = title.expect("one");
    assert!(title.starts_with("knots knots") && title.chars().count() <= SHORT + 1, "{title}");
}

#[test]
fn nothing_is_held_back_but_what_may_be_the_title_and_the_space_before_it() {
    let mut filter = TitleFilter::new(true);
    let mut push = |piece: &str| filter.push(piece.to_owned());
    assert_eq!(push("It holds"), "It holds");
    assert_eq!(push(", see "), ", see");
    assert_eq!(push("<"), "");
    assert_eq!(push("b>"), " <b>");
    assert_eq!(push("\n\n<<ti"), "");
    assert_eq!(push("e"), "\n\n<<tie");
    assert_eq!(push("\n<<title: x>>\n"), "");
    assert_eq!(push("So"), "\n<<title: x>>\nSo");
}

#[test]
fn without_a_wish_for_a_title_every_piece_goes_through_as_it_is() {
    let mut filter = TitleFilter::new(false);
    for piece in ["a \n", "<<title: x>>", " "] {
        assert_eq!(filter.push(piece.to_owned()), piece);
    }
    assert_eq!(filter.finish(), (String::new(), None));
}

fn an_answer() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "<",
        "<<",
        "<<title:",
        "<<TITLE: ",
        ">>",
        ">",
        "x",
        "Knots",
        " ",
        "\n",
        "\t",
        "\u{2028}",
        "ü",
        "<<title: Knots>>",
        "\"",
        "…",
        "\r\n",
        "title:",
    ]);
    proptest::collection::vec(pieces, 0..25).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn wherever_it_is_cut_the_answer_is_the_same(answer in an_answer(), cuts in proptest::collection::vec(0_usize..100, 0..9)) {
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| answer.floor_char_boundary(cut)).collect();
        cuts.extend([0, answer.len()]);
        cuts.sort_unstable();
        let whole = filtered(true, [answer.as_str()]);
        prop_assert_eq!(&filtered(true, cuts.windows(2).map(|pair| &answer[pair[0]..pair[1]])), &whole);
        prop_assert_eq!(&bit_by_bit(&answer), &whole);
        prop_assert_eq!(filtered(false, [answer.as_str()]), (answer, None));
    }

    #[test]
    fn what_is_shown_is_the_answer_without_its_end(answer in an_answer()) {
        let (shown, title) = bit_by_bit(&answer);
        let is_all = answer.trim_start().to_lowercase().starts_with("<<title:");
        prop_assert!(answer.starts_with(&shown) || is_all);
        let gone = answer.strip_prefix(&shown).unwrap_or(&answer).trim().to_lowercase();
        prop_assert!(gone.is_empty() || gone.starts_with("<<title:"), "{gone}");
        prop_assert!(title.is_none() || gone.ends_with(">>"));
        prop_assert!(answer.trim().is_empty() || !shown.trim().is_empty());
    }
}
