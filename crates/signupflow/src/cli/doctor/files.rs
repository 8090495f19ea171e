//! Folders and files: who may read them, and whether they can be written.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use hardening::entropy::{OsEntropy, random_token};

use super::Check;
use crate::config::Config;
use crate::config::generated::SECRETS_FILE;

/// Permission bits of group and others.
const FOREIGN: u32 = 0o077;
/// Permission bits of group and others to change what is in a folder.
const FOREIGN_WRITE: u32 = 0o022;

pub(super) fn examine(config: &Config) -> Vec<Check> {
    let data_dir = &config.deployment.data_dir;
    let mut checks = vec![folder(data_dir), secrets(&data_dir.join(SECRETS_FILE))];
    if config.mail.smtp.is_none() {
        checks.push(outbox(data_dir));
    }
    checks.push(breached(config));
    checks
}

fn folder(path: &Path) -> Check {
    const ID: &str = "data_dir";
    const TITLE: &str = "Data folder";
    let shown = path.display();
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Check::skip(ID, TITLE, format!("{shown} is not there yet; the first start makes it"));
        }
        Err(error) => {
            let fix = format!("let the user that runs the server enter the folders above {shown}");
            return Check::fail(ID, TITLE, format!("{shown}: {error}"), fix);
        }
    };
    if !metadata.is_dir() {
        return Check::fail(ID, TITLE, format!("{shown} is no folder"), "set DATA_DIR to a folder");
    }
    let mode = metadata.permissions().mode() & 0o777;
    if mode & FOREIGN_WRITE != 0 {
        let detail = format!("others may change what is in {shown} (mode {mode:03o})");
        return Check::fail(ID, TITLE, detail, format!("run: chmod 700 {shown}"));
    }
    match write_test(path) {
        Ok(()) => Check::pass(ID, TITLE, format!("{shown}, mode {mode:03o}, writable")),
        Err(error) => {
            let fix = format!("make the user that runs the server the owner of {shown}");
            Check::fail(ID, TITLE, format!("nothing can be written to {shown}: {error}"), fix)
        }
    }
}

/// Writes a file of a name nobody uses, and removes it.
fn write_test(folder: &Path) -> io::Result<()> {
    let path = folder.join(format!(".doctor-{}", random_token(&OsEntropy).expose()));
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    fs::remove_file(&path)
}

fn secrets(path: &Path) -> Check {
    const ID: &str = "secrets_file";
    const TITLE: &str = "Generated keys";
    let shown = path.display();
    match fs::metadata(path).map(|metadata| metadata.permissions().mode() & 0o777) {
        Ok(mode) if mode & FOREIGN == 0 => Check::pass(ID, TITLE, format!("{shown}, mode {mode:03o}")),
        Ok(mode) => {
            let detail = format!("others than the owner can read {shown} (mode {mode:03o})");
            Check::fail(
                ID,
                TITLE,
                detail,
                format!("run: chmod 600 {shown}, and rotate the keys if it was shared"),
            )
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Check::skip(ID, TITLE, "none: keys come from the environment, or the first start makes them")
        }
        Err(error) => Check::fail(
            ID,
            TITLE,
            format!("{shown}: {error}"),
            format!("make the user that runs the server the owner of {shown}"),
        ),
    }
}

fn outbox(data_dir: &Path) -> Check {
    const ID: &str = "mail";
    const TITLE: &str = "Mail";
    let outbox = data_dir.join("outbox");
    let shown = outbox.display();
    if !outbox.exists() {
        return Check::skip(ID, TITLE, format!("mails will be files in {shown}, made with the first one"));
    }
    match write_test(&outbox) {
        Ok(()) => Check::pass(ID, TITLE, format!("mails are files in {shown}; set SMTP_URL to send them")),
        Err(error) => Check::fail(
            ID,
            TITLE,
            format!("no mail can be written to {shown}: {error}"),
            format!("make the user that runs the server the owner of {shown}"),
        ),
    }
}

/// One that cannot be used is a wrong setting already.
fn breached(config: &Config) -> Check {
    const ID: &str = "breached_passwords";
    const TITLE: &str = "Breached passwords";
    match &config.password.breached {
        Some(filter) => Check::pass(ID, TITLE, format!("{} passwords", filter.passwords())),
        None => Check::skip(ID, TITLE, "no list of your own; common passwords are refused without one"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Outcome;
    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("own file");
    }

    #[test]
    fn folders_others_may_change_are_found() {
        let parent = tempfile::tempdir().expect("a folder");
        let path = parent.path().join("data");
        assert_eq!(folder(&path).outcome, Outcome::Skip);
        fs::create_dir(&path).expect("new");
        set_mode(&path, 0o700);
        assert_eq!(folder(&path).outcome, Outcome::Pass);
        assert_eq!(fs::read_dir(&path).expect("there").count(), 0, "the test leaves nothing");
        set_mode(&path, 0o777);
        let check = folder(&path);
        assert_eq!(check.outcome, Outcome::Fail);
        assert!(check.fix.is_some_and(|fix| fix.contains("chmod 700")));
        let file = parent.path().join("file");
        fs::write(&file, "").expect("writable");
        assert_eq!(folder(&file).outcome, Outcome::Fail);
    }

    #[test]
    fn keys_others_can_read_are_found() {
        let parent = tempfile::tempdir().expect("a folder");
        let path = parent.path().join(SECRETS_FILE);
        assert_eq!(secrets(&path).outcome, Outcome::Skip);
        fs::write(&path, "").expect("writable");
        for (mode, outcome) in [(0o600, Outcome::Pass), (0o400, Outcome::Pass), (0o640, Outcome::Fail)] {
            set_mode(&path, mode);
            assert_eq!(secrets(&path).outcome, outcome, "{mode:o}");
        }
    }
}
