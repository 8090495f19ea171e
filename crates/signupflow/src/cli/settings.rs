//! Reading the configuration and putting the program together, for commands.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::console;
use super::failure::Failure;
use crate::config::source::{ProcessEnvironment, with_env_file};
use crate::config::{Config, ConfigErrors, Loaded, SessionStorage, Source};
use crate::wiring::{Assembly, Sources, assemble};

/// Where a command finds its settings.
#[derive(Debug)]
pub(super) struct Settings {
    env_file: Option<PathBuf>,
}

impl Settings {
    pub(super) fn from(env_file: Option<PathBuf>) -> Self {
        Self { env_file }
    }

    /// The file given with `--env-file`.
    pub(super) fn env_file(&self) -> Option<&Path> {
        self.env_file.as_deref()
    }

    /// The process's environment over `--env-file`, `ENV_FILE` or `./.env`.
    pub(super) fn source(&self) -> Result<impl Source + use<>, ConfigErrors> {
        let named = self.env_file.as_ref().map(|path| path.to_string_lossy().into_owned());
        with_env_file(Environment { env_file: named }, Path::new("."))
    }

    /// The configuration with its warnings.
    pub(super) fn load(&self) -> Result<Loaded, ConfigErrors> {
        Config::load(&self.source()?)
    }

    /// The configuration; warnings are told on standard error.
    pub(super) fn config(&self) -> Result<Config, Failure> {
        let Loaded { config, warnings } = self.load()?;
        for warning in warnings {
            console::note(&format!("warning: {warning}"));
        }
        Ok(config)
    }

    /// The program, put together. The embedded database is migrated.
    pub(super) async fn assemble(&self) -> Result<Assembly, Failure> {
        Ok(assemble(self.config()?, Sources::system()).await?)
    }

    /// As [`Self::assemble`], for commands that touch neither sessions nor counters: Redis may be away.
    pub(super) async fn assemble_without_redis(&self) -> Result<Assembly, Failure> {
        let mut config = self.config()?;
        config.session.storage = SessionStorage::Memory;
        Ok(assemble(config, Sources::system()).await?)
    }
}

/// Writes down what is still in memory and lets the database go.
pub(super) async fn close(assembly: Assembly) -> Result<(), Failure> {
    if let Some(sessions) = &assembly.upkeep {
        sessions.shutdown().await?;
    }
    let database = assembly.database.clone();
    drop(assembly);
    database.close().await;
    Ok(())
}

/// The process's environment, with the name of the settings file from the command line.
struct Environment {
    env_file: Option<String>,
}

const ENV_FILE: &str = "ENV_FILE";

impl Source for Environment {
    fn get(&self, name: &str) -> Option<String> {
        match &self.env_file {
            Some(path) if name == ENV_FILE => Some(path.clone()),
            _ => ProcessEnvironment.get(name),
        }
    }

    fn names(&self) -> BTreeSet<String> {
        let mut names = ProcessEnvironment.names();
        if self.env_file.is_some() {
            names.insert(ENV_FILE.to_owned());
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_named_on_the_command_line_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("my.env");
        std::fs::write(&path, "TOTP_ISSUER_NAME=Elsewhere\n").expect("writable");
        let source = Settings::from(Some(path)).source().expect("readable");
        assert_eq!(source.get("TOTP_ISSUER_NAME").as_deref(), Some("Elsewhere"));
        assert!(source.get("PATH").is_some(), "the environment stays above it");
        let missing = Settings::from(Some(folder.path().join("none"))).source().err().expect("refused");
        assert!(missing.to_string().contains("ENV_FILE"), "{missing}");
    }
}
