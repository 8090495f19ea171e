//! HTML that people may format a little: event descriptions.
//!
//! * What stays: `p br strong em a[href|title] ul ol li`, links over http, https and mailto only. All else is
//!   stripped before it is stored; scripts and styles with their content.
//! * Links get `rel="noopener noreferrer"`.
//! * `limited_html(limited_html(x)) == limited_html(x)`: what is stored is what the parser reads again, so no
//!   second reading (mutation XSS) makes another tree of it.
//! * A text with very many tags is kept as text: nested formatting can make its tree grow with the square
//!   of its length (HTML standard, 13.2.4.3).
//!
//! ```
//! use hardening::sanitise::limited_html;
//! assert_eq!(limited_html("<p onclick=x()>Hi<script>alert(1)</script></p>"), "<p>Hi</p>");
//! assert_eq!(limited_html("<a href='javascript:x()'>me</a>"), "<a rel=\"noopener noreferrer\">me</a>");
//! ```

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};

/// More tags than this, before or after cleaning, and the text is kept as text.
const MAX_TAGS: usize = 1_000;

static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::empty();
    builder
        .tags(HashSet::from(["p", "br", "strong", "em", "a", "ul", "ol", "li"]))
        .clean_content_tags(HashSet::from(["script", "style", "template", "noscript", "iframe", "title"]))
        .tag_attributes(HashMap::from([("a", HashSet::from(["href", "title"]))]))
        .generic_attributes(HashSet::new())
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer"))
        .strip_comments(true);
    builder
});

/// The part of the HTML that is allowed; plain text comes out escaped.
pub fn limited_html(html: &str) -> String {
    if is_plain(html) {
        return html.to_owned();
    }
    if tags(html) > MAX_TAGS {
        return escape(html);
    }
    let mut clean = html.to_owned();
    // One pass is enough for all that is known; a result that a further pass would still change is not
    // one to store, so it is kept as text instead.
    for _ in 0..3 {
        let next = trimmed(&CLEANER.clean(&clean).to_string()).to_owned();
        if tags(&next) > MAX_TAGS {
            return escape(html);
        }
        if next == clean {
            return clean;
        }
        clean = next;
    }
    if trimmed(&CLEANER.clean(&clean).to_string()) == clean { clean } else { escape(html) }
}

/// Whether it holds nothing that the cleaner would read or write as anything but itself: most descriptions do not.
fn is_plain(html: &str) -> bool {
    !html.contains(['<', '>', '&', '\r', '\0', '\u{a0}', '\u{feff}'])
}

fn tags(html: &str) -> usize {
    html.bytes().filter(|b| *b == b'<').count()
}

/// A parser drops a byte order mark at the start, so one must not be left there.
fn trimmed(html: &str) -> &str {
    html.trim_start_matches('\u{feff}')
}

/// As the cleaner would write the text.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    for character in trimmed(text).replace("\r\n", "\n").chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\u{a0}' => escaped.push_str("&nbsp;"),
            '\r' => escaped.push('\n'),
            '\0' => {}
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_allowed_stays() {
        for html in [
            "<p>a <strong>b</strong> <em>c</em><br>d</p>",
            "<ul><li>a</li><li>b</li></ul><ol><li>c</li></ol>",
            "<a href=\"https://example.com/?a=1&amp;b=2\" title=\"t\" rel=\"noopener noreferrer\">x</a>",
            "<a href=\"mailto:a@example.com\" rel=\"noopener noreferrer\">x</a>",
            "plain &amp; simple",
        ] {
            assert_eq!(limited_html(html), html);
        }
    }

    #[test]
    fn everything_else_is_stripped() {
        for (html, expected) in [
            ("<h1>a</h1>", "a"),
            ("<img src=x onerror=alert(1)>", ""),
            ("<p style='color:red' class=x id=y>a</p>", "<p>a</p>"),
            ("<a href=/relative>a</a>", "<a rel=\"noopener noreferrer\">a</a>"),
            ("<a href='//evil.example'>a</a>", "<a rel=\"noopener noreferrer\">a</a>"),
            ("<a href=' jAvAsCrIpT:alert(1)'>a</a>", "<a rel=\"noopener noreferrer\">a</a>"),
            ("<a href='java\nscript:alert(1)'>a</a>", "<a rel=\"noopener noreferrer\">a</a>"),
            ("<a href='data:text/html,x' target=_blank>a</a>", "<a rel=\"noopener noreferrer\">a</a>"),
            ("<!-- x -->a<!doctype html>", "a"),
            ("<style>*{}</style><iframe src=x>y</iframe><form><input></form>", ""),
            ("1 < 2 & 3 > 2", "1 &lt; 2 &amp; 3 &gt; 2"),
        ] {
            assert_eq!(limited_html(html), expected, "{html}");
        }
    }

    /// Shapes that made a second parser see another tree than the first.
    const MUTATIONS: &[&str] = &[
        "<svg><style><img src=x onerror=alert(1)></style></svg>",
        "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
        "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
        "<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">",
        "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
        "<template><a title=\"</template><img src=x onerror=alert(1)>\">",
        "<table><a href=javascript:alert(1)><td><a title='<b>'>",
        "<p><svg><foreignObject><p></svg></p><a title=\"&lt;/a&gt;&lt;img src=x&gt;\">x</a>",
        "<xmp><a title=\"</xmp><img src=x onerror=alert(1)>\"></xmp>",
        "<textarea><a title=\"</textarea><script>alert(1)</script>\"></textarea>",
        "<a title=\"`<img src=x onerror=alert(1)>`\">x",
        "<select><option><p></select><script>alert(1)</script>",
        "<plaintext><a href=javascript:x()>",
        "\u{feff}\u{feff}<script>\u{feff}</script>\u{feff}x",
        "<li><p><ul></p></li></ul><em><p></em></p>",
        "<a><p><a href=http://x.example><p></a>",
    ];

    fn assert_harmless(html: &str) {
        let clean = limited_html(html);
        assert_eq!(limited_html(&clean), clean, "{html}");
        for part in clean.split('<').skip(1) {
            let name = part.trim_start_matches('/').split(['>', ' ']).next().unwrap();
            assert!(
                ["p", "br", "strong", "em", "a", "ul", "ol", "li"].contains(&name),
                "{html} gave {clean}"
            );
            let (tag, _) = part.split_once('>').unwrap();
            let mut quoted = tag[tag.find(' ').unwrap_or(tag.len())..].split('"');
            while let (Some(attribute), Some(value)) = (quoted.next(), quoted.next()) {
                let allowed = match attribute.trim() {
                    "href=" => {
                        ["http:", "https:", "mailto:"].iter().any(|s| value.to_lowercase().starts_with(s))
                    }
                    "title=" => true,
                    "rel=" => value == "noopener noreferrer",
                    _ => false,
                };
                assert!(allowed, "{html} gave {clean}");
            }
        }
    }

    #[test]
    fn mutations_are_harmless_and_stable() {
        for html in MUTATIONS {
            assert_harmless(html);
        }
    }

    #[test]
    fn too_many_tags_are_text() {
        let many = "<em title=1>".repeat(600) + &"<p>".repeat(600);
        assert!(limited_html(&many).starts_with("&lt;em title=1&gt;"));
        let grows = "<a href=http://x.example/><em>".repeat(400) + &"<p>x".repeat(100);
        let clean = limited_html(&grows);
        assert!(clean.len() < 20 * grows.len());
        assert_eq!(limited_html(&clean), clean);
        let text = "<\u{0}\r\n\r\u{a0}&".repeat(1_200);
        assert_eq!(limited_html(&limited_html(&text)), limited_html(&text));
    }

    const PIECES: &[&str] = &[
        "<p>",
        "</p>",
        "<em>",
        "</em>",
        "<strong>",
        "</strong>",
        "<a href=http://x.example>",
        "</a>",
        "<ul>",
        "</ul>",
        "<ol>",
        "<li>",
        "</li>",
        "<br>",
        "<table>",
        "<td>",
        "</table>",
        "<svg>",
        "</svg>",
        "<math>",
        "<mtext>",
        "<style>",
        "</style>",
        "<title>",
        "</title>",
        "<template>",
        "</template>",
        "<script>",
        "</script>",
        "<!--",
        "-->",
        "<select>",
        "<option>",
        "</select>",
        "<form>",
        "</form>",
        "<noscript>",
        "</noscript>",
        "<a title=\"",
        "\">",
        "'>",
        "&lt;",
        "&#60;",
        "&nbsp;",
        "<![CDATA[",
        "]]>",
        "<b>",
        "<i>",
        "<textarea>",
        "</textarea>",
        "<button>",
        "<h1>",
        "<iframe>",
        "<mglyph>",
        "<foreignObject>",
        "onx=1",
        "\u{feff}",
        "\0",
        "\r\n",
        "\n",
        "<",
        ">",
        "&",
        "<?x",
        "</",
        "<a href=javascript:x>",
        "<xmp>",
        "<pre>",
    ];

    fn fragment() -> impl Strategy<Value = String> {
        let piece = prop_oneof![prop::sample::select(PIECES).prop_map(str::to_owned), "[ -~]{0,6}"];
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn cleaning_twice_changes_nothing_and_leaves_only_what_is_allowed(html in fragment()) {
            assert_harmless(&html);
        }

        #[test]
        fn any_text_is_harmless(html in any::<String>()) {
            assert_harmless(&html);
        }

        #[test]
        fn what_is_taken_for_plain_is_written_by_the_cleaner_as_it_is(text in any::<String>(), odd in "[ \t\n\u{c}\u{b}\"'`=/a-z\u{2028}\u{fffe}]{0,8}") {
            for text in [text.clone(), format!("{odd}{text}{odd}")] {
                if is_plain(&text) {
                    prop_assert_eq!(CLEANER.clean(&text).to_string(), text);
                }
            }
        }
    }
}
