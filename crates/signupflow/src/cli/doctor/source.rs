//! Settings for looking only: loading a configuration makes keys on a first start, and a look must not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use hardening::entropy::OsEntropy;

use crate::config::generated::{SECRETS_FILE, env_lines};
use crate::config::{DATABASE_FILE, Source, dotenv};

/// The same settings; where the first start would make keys, keys that are thrown away stand in for them.
pub(super) fn without_side_effects(source: &dyn Source) -> impl Source + '_ {
    let stand_in = if first_start(source) { dotenv::parse(&env_lines(&OsEntropy)).ok() } else { None };
    StandIn { source, stand_in: stand_in.unwrap_or_default() }
}

fn first_start(source: &dyn Source) -> bool {
    let value = |name: &str| source.get(name).filter(|value| !value.trim().is_empty());
    let embedded = value("DATABASE_URL").or_else(|| value("DATABASE_URL_FILE")).is_none();
    let production = value("ENVIRONMENT").is_some_and(|word| word.trim().eq_ignore_ascii_case("production"));
    let data_dir = value("DATA_DIR").map_or_else(|| PathBuf::from("./data"), |path| path.trim().into());
    // A database without its keys is a finding, not a first start.
    let untouched = !data_dir.join(SECRETS_FILE).exists() && !data_dir.join(DATABASE_FILE).exists();
    embedded && !production && untouched
}

struct StandIn<'a> {
    source: &'a dyn Source,
    stand_in: BTreeMap<String, String>,
}

impl StandIn<'_> {
    fn is_given(&self, name: &str) -> bool {
        let set = |name: &str| self.source.get(name).is_some_and(|value| !value.trim().is_empty());
        set(name) || set(&format!("{name}_FILE"))
    }
}

impl Source for StandIn<'_> {
    fn get(&self, name: &str) -> Option<String> {
        match self.stand_in.get(name) {
            Some(value) if !self.is_given(name) => Some(value.clone()),
            _ => self.source.get(name),
        }
    }

    fn names(&self) -> BTreeSet<String> {
        self.source.names()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn settings(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn looking_makes_no_keys() {
        let folder = tempfile::tempdir().expect("a folder");
        let data_dir = folder.path().join("data");
        let source = settings(&[("DATA_DIR", data_dir.to_str().expect("UTF-8"))]);
        assert!(Config::load(&without_side_effects(&source)).is_ok());
        assert!(!data_dir.exists());
    }

    #[test]
    fn given_keys_are_judged_and_missing_ones_reported_where_none_are_generated() {
        let short = settings(&[("SECRET_KEY", "short"), ("DATA_DIR", "/nonexistent")]);
        assert!(Config::load(&without_side_effects(&short)).is_err());
        let real = settings(&[("DATABASE_URL", "postgresql://db/d"), ("DATA_DIR", "/nonexistent")]);
        let errors = Config::load(&without_side_effects(&real)).expect_err("keys are missing");
        assert!(errors.to_string().contains("SECRET_KEY"));
    }
}
