//! The `.env` file.
//!
//! * A line is blank, a `# comment`, or `KEY=value`, with an optional `export` before it. Lines end in LF or
//!   CRLF; a byte order mark at the start is skipped. Of two lines with the same name the later counts.
//! * A bare value ends at the end of the line or at white space followed by `#`; it is trimmed.
//! * `'…'` is taken as it stands. In `"…"` the escapes `\n`, `\r`, `\t`, `\\`, `\"` and `\$` work; another
//!   backslash stays. After the closing quote only a comment may follow. Values end on their line.
//! * Nothing is expanded: `$` is a character like others.

use std::collections::BTreeMap;

/// A line that cannot be read. The message never repeats the line, which may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct BadLine {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// All values of a file.
///
/// # Errors
/// Every line that cannot be read.
pub fn parse(text: &str) -> Result<BTreeMap<String, String>, Vec<BadLine>> {
    let mut values = BTreeMap::new();
    let mut bad = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, line) in text.split('\n').enumerate() {
        match parse_line(line.strip_suffix('\r').unwrap_or(line).trim()) {
            Ok(Some((key, value))) => {
                values.insert(key, value);
            }
            Ok(None) => {}
            Err(problem) => bad.push(BadLine { line: index + 1, problem }),
        }
    }
    if bad.is_empty() { Ok(values) } else { Err(bad) }
}

fn parse_line(line: &str) -> Result<Option<(String, String)>, &'static str> {
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (key, value) = line.split_once('=').ok_or("no `=`; a line is KEY=value")?;
    let key = key.trim();
    let key = match key.split_once(char::is_whitespace) {
        Some(("export", key)) => key.trim_start(),
        _ => key,
    };
    if !is_name(key) {
        return Err(
            "the name before `=` must be letters, digits and underscores, and not start with a digit",
        );
    }
    if value.contains('\0') {
        return Err("a NUL character in the value");
    }
    parse_value(value).map(|value| Some((key.to_owned(), value)))
}

fn is_name(key: &str) -> bool {
    !key.is_empty()
        && !key.starts_with(|c: char| c.is_ascii_digit())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn parse_value(value: &str) -> Result<String, &'static str> {
    let trimmed = value.trim_start();
    let (quoted, rest) = match trimmed.chars().next() {
        Some('\'') => trimmed[1..].split_once('\'').ok_or("a ' that is not closed on its line")?,
        Some('"') => return double_quoted(&trimmed[1..]),
        _ => return Ok(bare(value).to_owned()),
    };
    only_a_comment(rest)?;
    Ok(quoted.to_owned())
}

/// The value up to a comment.
fn bare(value: &str) -> &str {
    let mut after_space = false;
    for (at, c) in value.char_indices() {
        if c == '#' && after_space {
            return value[..at].trim();
        }
        after_space = c.is_whitespace();
    }
    value.trim()
}

fn double_quoted(text: &str) -> Result<String, &'static str> {
    let mut value = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                only_a_comment(chars.as_str())?;
                return Ok(value);
            }
            '\\' => match chars.next() {
                Some('n') => value.push('\n'),
                Some('r') => value.push('\r'),
                Some('t') => value.push('\t'),
                Some(c @ ('\\' | '"' | '$')) => value.push(c),
                Some(c) => value.extend(['\\', c]),
                None => break,
            },
            c => value.push(c),
        }
    }
    Err("a \" that is not closed on its line")
}

fn only_a_comment(rest: &str) -> Result<(), &'static str> {
    let comment = rest.trim_start();
    if comment.is_empty() || (comment.starts_with('#') && comment.len() < rest.len()) {
        Ok(())
    } else {
        Err("text after the closing quote; only a comment may follow, after a space")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value_of(line: &str) -> String {
        parse(line).unwrap().remove("KEY").unwrap()
    }

    #[test]
    fn values_as_people_write_them() {
        for (line, value) in [
            ("KEY=value", "value"),
            ("  KEY = value  ", "value"),
            ("export KEY=value", "value"),
            ("export\tKEY=value", "value"),
            ("KEY=300  # 5 minutes", "300"),
            ("KEY=1  # ±30 seconds clock skew tolerance", "1"),
            ("KEY=a#b", "a#b"),
            ("KEY=#b", "#b"),
            ("KEY= # nothing", ""),
            ("KEY=", ""),
            ("KEY=a=b==", "a=b=="),
            ("KEY=two words", "two words"),
            ("KEY='a # b' # c", "a # b"),
            (r"KEY='a\n'", r"a\n"),
            (r#"KEY="a # \"b\"\n\t\\ \x \$" # c"#, "a # \"b\"\n\t\\ \\x $"),
            ("KEY=\"\"", ""),
            ("KEY=it's", "it's"),
            ("KEY=$HOME", "$HOME"),
            ("\u{feff}KEY=value", "value"),
            ("KEY=old\r\nKEY=value\r\n", "value"),
        ] {
            assert_eq!(value_of(line), value, "{line}");
        }
    }

    #[test]
    fn blank_lines_and_comments_are_nothing() {
        assert_eq!(parse("\n  \r\n# KEY=value\n   # more\n").unwrap(), BTreeMap::new());
    }

    #[test]
    fn every_bad_line_is_named_without_its_text() {
        let text = "OK=1\nhunter2\n\n1KEY=x\nKEY='hunter2\nKEY=\"hunter2\nKEY=\"a\"b\nKEY='a'#b\n=x\nA B=x";
        let bad = parse(text).unwrap_err();
        assert_eq!(bad.iter().map(|b| b.line).collect::<Vec<_>>(), [2, 4, 5, 6, 7, 8, 9, 10]);
        assert!(bad.iter().all(|b| !b.to_string().contains("hunter2")));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _ = parse(&text);
        }

        #[test]
        fn quoted_values_come_back(value in "[^\0\r\n]*") {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
            let line = format!("KEY=\"{escaped}\" # comment");
            prop_assert_eq!(value_of(&line), value.clone());
            if !value.contains('\'') {
                let line = format!("KEY='{value}'");
                prop_assert_eq!(value_of(&line), value);
            }
        }
    }
}
