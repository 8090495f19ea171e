//! Finds PostgreSQL's programs and runs them without root's rights, which they refuse.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const HOW_TO_INSTALL: &str =
    "PostgreSQL's programs (initdb, pg_ctl) were not found: install them with `apt-get install postgresql`";

/// Where initdb and `pg_ctl` are, and the prefix that gives up root.
#[derive(Debug)]
pub(super) struct Binaries {
    folder: PathBuf,
    unprivileged: Vec<OsString>,
}

impl Binaries {
    /// Looks in PATH, asks `pg_config`, then looks where Debian keeps them, newest version first.
    pub(super) fn find() -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let candidates = std::env::split_paths(&path).chain(told_by_pg_config()).chain(debian_folders());
        Self { folder: with_programs(candidates), unprivileged: drop_root() }
    }

    /// Whether the programs have to run as the user `postgres` instead of the caller.
    pub(super) fn run_as_postgres(&self) -> bool {
        !self.unprivileged.is_empty()
    }

    /// The words that start `program` without root's rights.
    pub(super) fn words(&self, program: &str) -> Vec<OsString> {
        let mut words = self.unprivileged.clone();
        words.push(self.folder.join(program).into_os_string());
        words
    }

    /// Runs `program`, untouched by the caller's locale, `PG…` variables and working folder.
    ///
    /// # Errors
    /// What the program printed, when it did not end with 0.
    pub(super) fn run(&self, program: &str, arguments: &[&str], folder: &Path) -> Result<(), String> {
        let words = self.words(program);
        // Files, not pipes: a server started here inherits them and would keep a pipe open.
        let output_file = folder.join(format!("{program}.out"));
        let output = std::fs::File::create(&output_file).map_err(|error| error.to_string())?;
        let errors = output.try_clone().map_err(|error| error.to_string())?;
        let status = Command::new(&words[0])
            .args(&words[1..])
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .status()
            .map_err(|error| format!("{program} does not start: {error}"))?;
        if status.success() {
            return Ok(());
        }
        let printed = std::fs::read_to_string(&output_file).unwrap_or_default();
        Err(format!("{program} {arguments:?} failed ({status}): {printed}"))
    }
}

fn with_programs(mut candidates: impl Iterator<Item = PathBuf>) -> PathBuf {
    let found = candidates.find(|folder| folder.join("initdb").is_file() && folder.join("pg_ctl").is_file());
    found.unwrap_or_else(|| panic!("{HOW_TO_INSTALL}"))
}

fn told_by_pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| PathBuf::from(folder.trim()))
}

fn debian_folders() -> Vec<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    folders.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    folders.into_iter().map(|(_, folder)| folder).collect()
}

/// The words before a program that refuses to run as root; none for a caller who is not root.
pub(crate) fn drop_root() -> Vec<OsString> {
    if answer_of("id", &["-u"]).as_deref() != Some("0") {
        return Vec::new();
    }
    assert!(
        answer_of("id", &["-u", "postgres"]).is_some(),
        "PostgreSQL does not run as root and there is no user `postgres`: `apt-get install postgresql`"
    );
    ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"].map(OsString::from).to_vec()
}

fn answer_of(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "apt-get install postgresql")]
    fn missing_programs_are_told_with_the_way_to_install_them() {
        with_programs([PathBuf::from("/nonexistent")].into_iter());
    }
}
