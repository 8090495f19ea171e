//! Where settings come from: the process's environment over an optional `.env` file.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::deployment::ENV_FILE;
use super::dotenv;
use super::errors::{ConfigError, ConfigErrors};

/// Gives the value of a name. A name that is set to nothing gives an empty string, which counts as unset but
/// hides a layer below.
pub trait Source {
    /// The value of one name. Bytes that are not UTF-8 arrive as U+FFFD, which no setting accepts.
    fn get(&self, name: &str) -> Option<String>;

    /// Every name that is set.
    fn names(&self) -> BTreeSet<String>;
}

impl Source for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<String> {
        self.get(name).cloned()
    }

    fn names(&self) -> BTreeSet<String> {
        self.keys().cloned().collect()
    }
}

/// The environment of this process, read when asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessEnvironment;

impl Source for ProcessEnvironment {
    fn get(&self, name: &str) -> Option<String> {
        env::var_os(name).map(lossy)
    }

    fn names(&self) -> BTreeSet<String> {
        env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect()
    }
}

fn lossy(value: OsString) -> String {
    value.into_string().unwrap_or_else(|bytes| bytes.to_string_lossy().into_owned())
}

/// One source over another: what the upper one has, even empty, wins.
pub struct Layered<U, L> {
    upper: U,
    lower: L,
}

impl<U: Source, L: Source> Source for Layered<U, L> {
    fn get(&self, name: &str) -> Option<String> {
        self.upper.get(name).or_else(|| self.lower.get(name))
    }

    fn names(&self) -> BTreeSet<String> {
        let mut names = self.upper.names();
        names.extend(self.lower.names());
        names
    }
}

/// `upper` over the file that its `ENV_FILE` names, else over `.env` in `directory` if there is one.
///
/// # Errors
/// The file cannot be read, or lines of it cannot.
pub fn with_env_file<U: Source>(
    upper: U,
    directory: &Path,
) -> Result<Layered<U, BTreeMap<String, String>>, ConfigErrors> {
    let named = upper.get(ENV_FILE.name).filter(|path| !path.trim().is_empty());
    let path = named.as_ref().map_or_else(|| directory.join(".env"), |path| PathBuf::from(path.trim()));
    let text = match fs::read(&path) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound && named.is_none() => Ok(String::new()),
        Err(error) => Err(format!("{} cannot be read: {error}", path.display())),
    };
    let text =
        text.map_err(|reason| ConfigErrors::from(vec![unreadable(named.as_deref(), &path, reason)]))?;
    let lower = dotenv::parse(&text).map_err(|bad| bad_lines(&path, &bad))?;
    Ok(Layered { upper, lower })
}

/// What a process starts with: its environment over `ENV_FILE` or `./.env`.
///
/// # Errors
/// As [`with_env_file`].
pub fn of_process() -> Result<impl Source, ConfigErrors> {
    with_env_file(ProcessEnvironment, Path::new("."))
}

fn unreadable(named: Option<&str>, path: &Path, reason: String) -> ConfigError {
    let mut error = ConfigError::about(&ENV_FILE, named, reason);
    if named.is_none() {
        error.subject = path.display().to_string();
        "is there".clone_into(&mut error.held);
    }
    error
}

fn bad_lines(path: &Path, bad: &[dotenv::BadLine]) -> ConfigErrors {
    ConfigErrors::from(
        bad.iter()
            .map(|bad| ConfigError {
                subject: format!("{}, line {},", path.display(), bad.line),
                held: "cannot be read".to_owned(),
                reason: bad.problem.to_owned(),
                allowed: "KEY=value, a # comment, or an empty line".to_owned(),
                example: "SESSION_TTL_HOURS=24  # a day".to_owned(),
            })
            .collect::<Vec<_>>(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn real_variables_win_even_when_empty() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(".env"), "A=file\nB=file\nC=file\n").unwrap();
        let source = with_env_file(map(&[("A", "real"), ("B", "")]), directory.path()).unwrap();
        assert_eq!(source.get("A").as_deref(), Some("real"));
        assert_eq!(source.get("B").as_deref(), Some(""));
        assert_eq!(source.get("C").as_deref(), Some("file"));
        assert_eq!(source.names().into_iter().collect::<String>(), "ABC");
    }

    #[test]
    fn env_file_names_another_file_and_must_then_exist() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(".env"), "A=default\n").unwrap();
        let other = directory.path().join("other.env");
        let named = map(&[("ENV_FILE", other.to_str().unwrap())]);
        let message = with_env_file(named.clone(), directory.path()).err().unwrap().to_string();
        assert!(message.contains("ENV_FILE") && message.contains("other.env"), "{message}");
        fs::write(&other, "A=other\n").unwrap();
        let source = with_env_file(named, directory.path()).unwrap();
        assert_eq!(source.get("A").as_deref(), Some("other"));
    }

    #[test]
    fn no_file_is_fine_and_a_bad_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        assert!(with_env_file(map(&[]), directory.path()).unwrap().names().is_empty());
        fs::write(directory.path().join(".env"), "A=1\nhunter2\n'\n").unwrap();
        let message = with_env_file(map(&[]), directory.path()).err().unwrap().to_string();
        assert!(message.contains(".env, line 2") && message.contains(".env, line 3"), "{message}");
        assert!(!message.contains("hunter2"));
        fs::write(directory.path().join(".env"), b"A=\xff\n").unwrap();
        let message = with_env_file(map(&[]), directory.path()).err().unwrap().to_string();
        assert!(message.contains("UTF-8"), "{message}");
    }

    #[test]
    fn the_process_environment_is_a_source() {
        assert!(ProcessEnvironment.get("PATH").is_some_and(|path| !path.is_empty()));
        assert!(ProcessEnvironment.names().contains("PATH"));
        assert!(of_process().is_ok_and(|source| source.get("PATH").is_some()));
    }
}
