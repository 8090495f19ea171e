//! Standard output, standard error, and the person in front of them.

use std::fmt::Write as _;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use clap::ValueEnum;
use comfy_table::presets::{NOTHING, UTF8_FULL_CONDENSED};
use comfy_table::{Cell, Color, ContentArrangement, Table};
use hardening::secret::Secret;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::failure::Failure;

/// Longest line that is read from standard input, in bytes.
const LONGEST_LINE: u64 = 8192;

/// Tables are not squeezed into less, in columns.
const LEAST_WIDTH: u16 = 40;

/// The form of what is to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people: with lines and colours on a terminal, plain columns elsewhere.
    #[default]
    Table,
    /// For programs.
    Json,
}

/// Writes to standard output.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| Failure::of_output(&error))
}

/// Writes a value as indented JSON.
pub(super) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::Refused(format!("the answer cannot be written as JSON: {error}")))?;
    print(&format!("{text}\n"))
}

/// Writes a table. Cells are made harmless: what others typed neither steers the terminal nor forges a row.
pub(super) fn print_table(headers: &[&str], rows: Vec<Vec<String>>) -> Result<(), Failure> {
    let mut table = empty_table(headers);
    for row in rows {
        table.add_row(row.iter().map(|cell| styled(&harmless(cell))));
    }
    print(&format!("{}\n", table.trim_fmt()))
}

fn empty_table(headers: &[&str]) -> Table {
    let mut table = Table::new();
    if io::stdout().is_terminal() {
        // Some terminals do not know their width and say 0.
        let width = table.width().filter(|width| *width >= LEAST_WIDTH);
        table.load_style(UTF8_FULL_CONDENSED);
        if !may_colour() {
            table.force_no_tty();
        }
        if let Some(width) = width {
            table.set_width(width).set_content_arrangement(ContentArrangement::Dynamic);
        }
    } else {
        table.load_style(NOTHING).force_no_tty();
    }
    table.set_header(headers.iter().map(|header| header.to_uppercase()));
    table
}

fn styled(cell: &str) -> Cell {
    match cell {
        "✓" | "applied" | "success" => Cell::new(cell).fg(Color::Green),
        "✗" | "changed" | "unknown" | "failure" => Cell::new(cell).fg(Color::Red),
        "pending" => Cell::new(cell).fg(Color::Yellow),
        _ => Cell::new(cell),
    }
}

/// Whether a picture on standard output may have colours.
pub(super) fn draws_in_colour() -> bool {
    io::stdout().is_terminal() && may_colour()
}

/// Whether standard output takes colours (<https://no-color.org>: set and not empty means no).
fn may_colour() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The text with control, reordering and invisible characters written as escapes.
pub(super) fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        let hidden = matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}');
        if character.is_control() || hidden {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
        } else {
            out.push(character);
        }
    }
    out
}

/// Says something on standard error.
pub(super) fn note(text: &str) {
    // With standard error gone there is nobody to tell.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Whether somebody can be asked.
pub(super) fn can_ask() -> bool {
    io::stdin().is_terminal()
}

/// Asks on the terminal; `None` when nobody is there.
pub(super) fn ask(question: &str) -> Result<Option<String>, Failure> {
    if !can_ask() {
        return Ok(None);
    }
    let mut err = io::stderr();
    // A question that cannot be shown is still answered or not.
    let _ = write!(err, "{question} ").and_then(|()| err.flush());
    read_line().map(|line| Some(line.trim().to_owned()))
}

/// A new password: twice from a hidden prompt, or the first line of standard input. Neither arguments nor
/// the environment are looked at: other people of the machine can see those.
pub(super) fn new_password() -> Result<Secret<String>, Failure> {
    if !can_ask() {
        let line = Secret::new(read_line()?);
        if line.expose().is_empty() {
            return Err(Failure::Usage(
                "there is no password on standard input: pipe it in, or run the command on a terminal"
                    .to_owned(),
            ));
        }
        return Ok(line);
    }
    let hidden = |prompt: &str| {
        rpassword::prompt_password(prompt)
            .map(Secret::new)
            .map_err(|error| Failure::Usage(format!("the password cannot be read: {error}")))
    };
    let password = hidden("Password: ")?;
    if hidden("The same again: ")?.expose() != password.expose() {
        return Err(Failure::Refused("the two passwords are not the same".to_owned()));
    }
    Ok(password)
}

fn read_line() -> Result<String, Failure> {
    let mut line = String::new();
    let mut input = io::Read::take(io::stdin().lock(), LONGEST_LINE);
    input
        .read_line(&mut line)
        .map_err(|error| Failure::Usage(format!("standard input cannot be read: {error}")))?;
    let end = line.trim_end_matches('\n');
    Ok(end.strip_suffix('\r').unwrap_or(end).to_owned())
}

/// A bar on standard error, shown only on a terminal.
pub(super) fn progress(total: u64, template: &str) -> ProgressBar {
    let bar = if io::stderr().is_terminal() { ProgressBar::new(total) } else { ProgressBar::hidden() };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_typed_cannot_steer_a_terminal() {
        assert_eq!(harmless("a\u{1b}[31m\nb\u{202e}c"), "a\\u{1b}[31m\\u{a}b\\u{202e}c");
        assert_eq!(harmless("Zoë – 日本"), "Zoë – 日本");
    }
}
