//! The configuration reference, made from the table of variables.

use std::fmt::Write as _;

use super::variable::{self, Fallback, Section, Variable};

const HEAD: &str = "\
# Configuration

<!-- Made from crates/signupflow/src/config; a test fails when it is stale. -->

Everything is set by environment variables, from the process or from a file of `KEY=value` lines: `./.env`, or
the path in `ENV_FILE`. Real variables win over the file, an empty value counts as unset, and in the file a
comment may follow a value after a space. Nothing at all needs to be set to try the program.

A wrong value stops the start (exit 2) with one message that names every wrong variable, what it held (secrets
are never shown), what is allowed and an example, and every warning. An unknown variable that looks like one of these
is a warning with the nearest known name.

Variables marked *secret* can also be given as `NAME_FILE`, the path of a file that holds the value; one newline
at its end is dropped. Setting both is an error.

## What `ENVIRONMENT=production` demands

- `SECRET_KEY`, `TOTP_ENCRYPTION_KEY` and `AUDIT_SIGNING_KEY` are set; none is generated.
- `DATABASE_URL` is set, or `ALLOW_EMBEDDED_IN_PRODUCTION=true`.
- `PUBLIC_URL` is set and https; `HTTPS_ONLY` and `SECURE_COOKIES` are on, as by default there.
- `SMTP_URL` is set; mails are not written to files.
- `AUDIT_LOG_ENABLED` is on.
- `SESSION_STORAGE` is not set to `memory`, unless `SINGLE_NODE=true`.
- Password hashes are not below OWASP's minimum.

In development on the embedded database, keys that are not set are made on the first start and kept in
`DATA_DIR/secrets.env`, which only its owner may be able to read. They are never made over an existing database:
new keys could not read what is in it.
";

/// The reference as Markdown: what `docs/configuration.md` holds.
pub fn markdown() -> String {
    let mut text = HEAD.to_owned();
    let mut section: Option<Section> = None;
    for variable in variable::all() {
        if section != Some(variable.section) {
            section = Some(variable.section);
            let _ = writeln!(text, "\n## {}\n", variable.section.title());
            text.push_str("| variable | default | allowed | what it does |\n|---|---|---|---|\n");
        }
        text.push_str(&row(variable));
    }
    text
}

fn row(variable: &Variable) -> String {
    let default = match variable.default {
        Fallback::Value(value) => format!("`{value}`"),
        Fallback::Derived(words) => words.to_owned(),
        Fallback::Nothing => "unset".to_owned(),
    };
    let secret = if variable.secret { " *secret*" } else { "" };
    let example = match variable.example {
        words if words.starts_with('<') => String::new(),
        value => format!(" Example: `{value}`"),
    };
    let allowed = variable.allowed.to_string().replace('|', "\\|");
    format!("| `{}`{secret} | {default} | {allowed} | {}{example} |\n", variable.name, variable.description)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Refresh the file with `WRITE_REFERENCE=1 cargo test -p signupflow reference`.
    #[test]
    fn the_document_is_fresh() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
        if std::env::var_os("WRITE_REFERENCE").is_some() {
            std::fs::write(&path, markdown()).unwrap();
        }
        let document = std::fs::read_to_string(&path).unwrap();
        assert!(document == markdown(), "stale; refresh with WRITE_REFERENCE=1");
    }

    #[test]
    fn every_variable_has_a_row() {
        let text = markdown();
        for variable in variable::all() {
            assert_eq!(text.matches(&format!("\n| `{}`", variable.name)).count(), 1, "{}", variable.name);
        }
    }
}
