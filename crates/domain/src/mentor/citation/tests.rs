use super::*;
use crate::ids::{CourseId, LessonId, PassageId};
use proptest::prelude::*;
use uuid::Uuid;

fn passages(count: u32) -> Vec<NumberedPassage> {
    let numbered = |number| NumberedPassage {
        number,
        passage: PassageId::from_uuid(Uuid::nil()),
        heading: String::new(),
        text: String::new(),
        source: Source {
            citation: number,
            lesson: LessonId::from_uuid(Uuid::from_u128(u128::from(number))),
            course: CourseId::from_uuid(Uuid::nil()),
            title: String::new(),
            number: None,
            excerpt: String::new(),
        },
    };
    (1..=count).map(numbered).collect()
}

/// The numbers that five passages are cited by, and how many others there were.
fn read_of(answer: &str) -> (Vec<u32>, u32) {
    let citations = cited(answer, &passages(5));
    (citations.sources.iter().map(|source| source.citation).collect(), citations.dropped)
}

#[test]
fn numbers_in_brackets_are_citations() {
    for (answer, numbers) in [
        ("The rope bears on itself [1].", vec![1]),
        ("It holds [4][2], as told [2].", vec![2, 4]),
        ("Both [2, 3] and [1; 5] and [ 4 ].", vec![1, 2, 3, 4, 5]),
        ("All of them [1–3], [4-5].", vec![1, 2, 3, 4, 5]),
        ("[2]: that is how it is", vec![]),
        ("As told in [2]: it holds.", vec![2]),
        ("Directly behind[1]. Or (as here)[2]; fix it[3]", vec![1, 2, 3]),
        ("绳子承受自己的力量[1]。ロープ【2】", vec![1, 2]),
        ("【3†source】 and 【4†L1-L9】 and ［5］ and [１]", vec![1, 3, 4, 5]),
        ("**Bold**[1] *and*[2] `code`[3] \"said\"[4]", vec![1, 2, 3, 4]),
        ("- [1] first\n- [2] second\n> quoted [3]", vec![1, 2, 3]),
        ("| a | b [1] |\n|---|---|\n| c | d [2] |", vec![1, 2]),
        ("[[1]] and ([2])", vec![1, 2]),
        ("In Rust 2021[1], HTML[2].", vec![1, 2]),
    ] {
        assert_eq!(read_of(answer), (numbers, 0), "{answer}");
    }
}

#[test]
fn what_is_no_citation_is_none() {
    for answer in [
        "nothing",
        "`v[1]` and ``a ` [2]`` and `[3]`",
        "```rust\nlet a = [1, 2];\n```",
        "~~~\n[1]\n```\n[2]\n~~~",
        "- item\n  ````\n  ```\n  [1]\n  ````",
        "```\n[1] in a listing that never ends",
        "v[1], a[2], xs[3], my_list[4], x.items[5], nextLesson[1], m[1][2], arr[3]",
        "f(x)[1] and vec![1, 2] and &[1] and let a = [1, 2];",
        "array[1] = 5, list[2].push(3), list[3]::new",
        "[1](https://example.org) and [the book][2] and [a link](x)",
        "[^1] and\n[^2]: a note\n[3]: https://example.org",
        "the interval [0, 1], [a], [], [ ], [1, a], [1 2], [1,], [,1], [1–], [1–2–3], [-1], [1.5], [1234567]",
        "[1\n] [1",
        "\\[1\\]",
    ] {
        assert_eq!(read_of(answer), (vec![], 0), "{answer}");
    }
}

#[test]
fn numbers_without_a_passage_are_dropped_and_counted_once() {
    assert_eq!(read_of("As [9] and [2, 7] say, and [9] again, [0]."), (vec![2], 3));
    assert_eq!(read_of("[4–8]"), (vec![4, 5], 3));
    assert_eq!(read_of("[5-2]"), (vec![2, 5], 0), "backwards");
    let (sources, dropped) = read_of("[1–999999]");
    assert_eq!(sources, [1, 2, 3, 4, 5]);
    assert!(dropped <= RANGE);
    assert_eq!(cited("[1] [2]", &[]), Citations { sources: vec![], dropped: 2 });
}

#[test]
fn a_span_that_never_closes_is_none() {
    assert_eq!(read_of("a ` b [1]\n\nc ` d [2]"), (vec![1, 2], 0));
    assert_eq!(read_of("a `` b [1] ` c [2] ` d [3]"), (vec![1, 3], 0));
}

#[test]
fn hostile_answers_take_no_longer_than_others() {
    let ticks: String = (1..4_000).map(|n| "`".repeat(n % 900) + " [1] ").collect();
    for fragment in [
        "[",
        "]",
        "[1",
        "[1,",
        "[1]:",
        "[1–9]",
        "`",
        "``[1]`",
        "[1]",
        "f([",
        "(",
        "x[1]",
        "\n```\n",
        "【1†",
        ticks.as_str(),
    ] {
        let answer = fragment.repeat(200_000 / fragment.len());
        let begun = std::time::Instant::now();
        let _ = read_of(&answer);
        assert!(begun.elapsed().as_secs() < 10, "{}: {:?}", &fragment[..1], begun.elapsed());
    }
}

proptest! {
    #[test]
    fn only_what_is_there_is_a_source(
        answer in r"([a-z \[\]`~(),;0-9–【】†=.!\n-]|```|\[1\]|\[2, 3\]){0,60}",
        count in 0_u32..5,
    ) {
        let citations = cited(&answer, &passages(count));
        let numbers: Vec<_> = citations.sources.iter().map(|source| source.citation).collect();
        prop_assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert!(numbers.iter().all(|number| (1..=count).contains(number) && answer.contains(char::is_numeric)));
        let all = cited(&answer, &[]);
        prop_assert_eq!(all.dropped, citations.dropped + u32::try_from(numbers.len()).expect("few"));
    }

    #[test]
    fn in_a_listing_nothing_is_cited(listing in "[a-z \\[\\]0-9,\n~]{0,80}") {
        prop_assert_eq!(cited(&format!("```\n{listing}\n```\n"), &passages(5)), Citations::default());
    }
}
