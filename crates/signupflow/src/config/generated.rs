//! Secrets made by the program itself, for development on the embedded database.
//!
//! * They live in `DATA_DIR/secrets.env`, readable by the owner alone, and are made once.
//! * They are never made over existing data: new keys could not read it.
//! * Of several first starts at once one wins; the others use what it made.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use hardening::entropy::{Entropy, random_bytes, random_token};

use super::database::DATABASE_FILE;
use super::dotenv;
use super::errors::ConfigError;

/// The file's name in `DATA_DIR`.
pub const SECRETS_FILE: &str = "secrets.env";

/// Permission bits of group and others.
const FOREIGN: u32 = 0o077;

pub(super) type Values = BTreeMap<String, String>;

/// What [`load_or_create`] gives.
pub(super) struct Generated {
    pub(super) values: Values,
    /// Something the operator should know.
    pub(super) notice: Option<String>,
}

/// Why there are no generated secrets.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error(
        "{DATABASE_FILE} exists but {SECRETS_FILE} does not; new keys would make the data in it unreadable. \
         Bring {SECRETS_FILE} back from a backup, or set the keys that were used before"
    )]
    DataWithoutSecrets,
    #[error("others than its owner can read it; run: chmod 600 {}", .0.display())]
    Exposed(PathBuf),
    #[error(
        "{0} is missing in it; add a line printed by `signupflow keys generate` if the key was never used"
    )]
    Incomplete(String),
    #[error("{0}")]
    BadLine(dotenv::BadLine),
    #[error("{0}: {1}")]
    Io(String, io::Error),
}

impl Refusal {
    pub(super) fn into_config_error(self, data_dir: &Path) -> ConfigError {
        ConfigError {
            subject: data_dir.join(SECRETS_FILE).display().to_string(),
            held: "cannot be used".to_owned(),
            reason: self.to_string(),
            allowed: "a file of the generated keys, with permissions 0600, made on the first start"
                .to_owned(),
            example: "set SECRET_KEY, TOTP_ENCRYPTION_KEY and AUDIT_SIGNING_KEY yourself; \
                      `signupflow keys generate` prints fresh ones"
                .to_owned(),
        }
    }
}

/// Fresh keys as `NAME=value` lines, for an environment or `.env` file.
pub fn env_lines(entropy: &dyn Entropy) -> String {
    NAMES.iter().map(|name| line(name, entropy)).collect()
}

const NAMES: [&str; 3] = ["SECRET_KEY", "TOTP_ENCRYPTION_KEY", "AUDIT_SIGNING_KEY"];

fn line(name: &str, entropy: &dyn Entropy) -> String {
    let value = match name {
        "TOTP_ENCRYPTION_KEY" => URL_SAFE.encode(random_bytes::<32>(entropy)),
        "AUDIT_SIGNING_KEY" => STANDARD.encode(random_bytes::<32>(entropy)),
        _ => random_token(entropy).expose().clone(),
    };
    format!("{name}={value}\n")
}

/// The generated secrets, of which `needed` must be there; made when there is neither file nor data.
pub(super) fn load_or_create(
    data_dir: &Path,
    needed: &[&str],
    entropy: &dyn Entropy,
) -> Result<Generated, Refusal> {
    let path = data_dir.join(SECRETS_FILE);
    let mut notice = None;
    let mut text = read_private(&path)?;
    if text.is_none() {
        // Looked at before the secrets are looked for again: another first start may just have made both.
        let has_data = data_dir.join(DATABASE_FILE).try_exists().map_err(at(&path))?;
        text = read_private(&path)?;
        if text.is_none() {
            if has_data {
                return Err(Refusal::DataWithoutSecrets);
            }
            create(data_dir, &path, needed, entropy)?;
            notice = Some(format!(
                "new keys are in {}; keep a copy: without them a backup of the data cannot be used",
                path.display()
            ));
            text = read_private(&path)?;
        }
    }
    let mut values = dotenv::parse(&text.unwrap_or_default()).map_err(first_bad_line)?;
    values.retain(|name, _| needed.contains(&name.as_str()));
    match needed.iter().find(|name| !values.contains_key(**name)) {
        Some(name) => Err(Refusal::Incomplete((*name).to_owned())),
        None => Ok(Generated { values, notice }),
    }
}

fn first_bad_line(bad: Vec<dotenv::BadLine>) -> Refusal {
    let bad = bad.into_iter().next();
    Refusal::BadLine(bad.unwrap_or(dotenv::BadLine { line: 1, problem: "it cannot be read" }))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> Refusal {
    let path = path.display().to_string();
    move |error| Refusal::Io(path, error)
}

/// The text of a file that its owner alone can read; `None` when it is not there.
fn read_private(path: &Path) -> Result<Option<String>, Refusal> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(at(path)(error)),
    };
    // Asked of the open file, so that it cannot be exchanged in between.
    let mode = file.metadata().map_err(at(path))?.permissions().mode();
    if mode & FOREIGN != 0 {
        return Err(Refusal::Exposed(path.to_owned()));
    }
    io::read_to_string(&mut file).map(Some).map_err(at(path))
}

/// Writes the file aside and links it into place, so that it appears whole and never over another one.
fn create(data_dir: &Path, path: &Path, names: &[&str], entropy: &dyn Entropy) -> Result<(), Refusal> {
    DirBuilder::new().recursive(true).mode(0o700).create(data_dir).map_err(at(data_dir))?;
    let mut text =
        "# Made on the first start. Without these keys the data beside them cannot be used.\n".to_owned();
    text.extend(names.iter().map(|name| line(name, entropy)));
    let aside = data_dir.join(format!("{SECRETS_FILE}.{}", random_token(entropy).expose()));
    let written = write_private(&aside, &text).and_then(|()| match fs::hard_link(&aside, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    let removed = fs::remove_file(&aside);
    written.and(removed).and_then(|()| File::open(data_dir)?.sync_all()).map_err(at(path))
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hardening::entropy::{OsEntropy, PredictableEntropy};

    fn mode_of(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_first_start_makes_private_files_and_later_ones_read_them() {
        let parent = tempfile::tempdir().unwrap();
        let data_dir = parent.path().join("a/data");
        let first = load_or_create(&data_dir, &NAMES, &OsEntropy).unwrap();
        assert!(first.notice.unwrap().contains(SECRETS_FILE));
        assert_eq!(mode_of(&data_dir), 0o700);
        assert_eq!(mode_of(&data_dir.join(SECRETS_FILE)), 0o600);
        assert_eq!(fs::read_dir(&data_dir).unwrap().count(), 1, "nothing is left beside it");
        fs::write(data_dir.join(DATABASE_FILE), "").unwrap();
        let second = load_or_create(&data_dir, &NAMES, &OsEntropy).unwrap();
        assert!(second.notice.is_none());
        assert_eq!((second.values.len(), second.values), (3, first.values));
    }

    #[test]
    fn keys_are_never_made_over_existing_data() {
        let data_dir = tempfile::tempdir().unwrap();
        fs::write(data_dir.path().join(DATABASE_FILE), "").unwrap();
        let refusal = load_or_create(data_dir.path(), &NAMES, &OsEntropy).err().unwrap();
        assert!(matches!(refusal, Refusal::DataWithoutSecrets));
        assert!(refusal.to_string().contains("unreadable"));
        assert!(!data_dir.path().join(SECRETS_FILE).exists());
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_with_the_cure() {
        for mode in [0o640, 0o604, 0o660, 0o610] {
            let data_dir = tempfile::tempdir().unwrap();
            let path = data_dir.path().join(SECRETS_FILE);
            load_or_create(data_dir.path(), &NAMES, &OsEntropy).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let message = load_or_create(data_dir.path(), &NAMES, &OsEntropy).err().unwrap().to_string();
            assert!(message.contains(&format!("chmod 600 {}", path.display())), "{message}");
        }
    }

    #[test]
    fn an_incomplete_or_broken_file_is_refused_without_being_shown() {
        let data_dir = tempfile::tempdir().unwrap();
        load_or_create(data_dir.path(), &["SECRET_KEY"], &OsEntropy).unwrap();
        let refusal = load_or_create(data_dir.path(), &NAMES, &OsEntropy).err().unwrap();
        assert!(matches!(refusal, Refusal::Incomplete(name) if name == "TOTP_ENCRYPTION_KEY"));
        fs::write(data_dir.path().join(SECRETS_FILE), "hunter2").unwrap();
        let refusal = load_or_create(data_dir.path(), &NAMES, &OsEntropy).err().unwrap();
        let error = refusal.into_config_error(data_dir.path());
        assert!(error.reason.contains("line 1") && !format!("{error:?}").contains("hunter2"), "{error:?}");
    }

    #[test]
    fn of_racing_first_starts_all_get_the_same_keys() {
        let parent = tempfile::tempdir().unwrap();
        let data_dir = parent.path().join("data");
        let start = std::sync::Barrier::new(8);
        let all: Vec<Values> = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..8)
                .map(|seed| {
                    let (data_dir, start) = (&data_dir, &start);
                    scope.spawn(move || {
                        start.wait();
                        let entropy = PredictableEntropy::from_seed(seed);
                        let made = load_or_create(data_dir, &NAMES, &entropy).unwrap();
                        // As the winner's server would, at once.
                        fs::write(data_dir.join(DATABASE_FILE), "").unwrap();
                        made.values
                    })
                })
                .collect();
            racers.into_iter().map(|racer| racer.join().unwrap()).collect()
        });
        assert!(all.iter().all(|values| *values == all[0] && values.len() == 3));
        assert_eq!(fs::read_dir(&data_dir).unwrap().count(), 2);
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("file"), "").unwrap();
        let message = load_or_create(&parent.path().join("file/data"), &NAMES, &OsEntropy).err().unwrap();
        assert!(message.to_string().contains("file/data"), "{message}");
    }

    #[test]
    fn printed_lines_are_fresh_and_complete() {
        let lines = env_lines(&OsEntropy);
        assert_eq!(dotenv::parse(&lines).unwrap().into_keys().collect::<Vec<_>>().len(), 3);
        assert_ne!(lines, env_lines(&OsEntropy));
    }
}
