//! [`FileMailer`]: a mail is a file in a folder, for development, tests and machines without a mail server.
//!
//! * `ID.eml`, readable by the owner only: mails hold live links.
//! * Written whole or not at all, durable when reported; the same mail again replaces its own file.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use accounts::outbox::RenderedMail;
use accounts::ports::{Mailer, Undelivered};
use async_trait::async_trait;

use super::message::{Sender, compose};

/// Puts mails into a folder.
#[derive(Clone, Debug)]
pub struct FileMailer {
    directory: Arc<Path>,
    sender: Sender,
    /// One at a time, so that two attempts at one mail do not write the same temporary file.
    writing: Arc<tokio::sync::Mutex<()>>,
}

impl FileMailer {
    /// A mailer into `directory`, which is made (mode 0700) when the first mail is delivered.
    pub fn new(directory: impl Into<PathBuf>, sender: Sender) -> Self {
        Self { directory: directory.into().into(), sender, writing: Arc::default() }
    }

    /// Where the mail with this id is, or will be.
    pub fn path_of(&self, id: &str) -> PathBuf {
        self.directory.join(format!("{id}.eml"))
    }
}

#[async_trait]
impl Mailer for FileMailer {
    async fn deliver(&self, id: &str, mail: &RenderedMail) -> Result<(), Undelivered> {
        // Composing refuses ids that are no file names.
        let message = compose(&self.sender, id, mail).map_err(Undelivered::Refused)?.formatted();
        let (directory, target) = (Arc::clone(&self.directory), self.path_of(id));
        let temporary = self.directory.join(format!(".{id}.part"));
        let turn = Arc::clone(&self.writing).lock_owned().await;
        let written = tokio::task::spawn_blocking(move || {
            let outcome = write(&directory, &temporary, &target, &message);
            drop(turn);
            outcome
        });
        match written.await {
            Ok(outcome) => outcome.map_err(|error| Undelivered::Later(format!("mail folder: {error}"))),
            Err(stopped) => Err(Undelivered::Later(stopped.to_string())),
        }
    }
}

fn write(directory: &Path, temporary: &Path, target: &Path, message: &[u8]) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    // A crash may have left one with another owner's idea of permissions, or a link.
    match fs::remove_file(temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(temporary)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(message)?;
    file.sync_all()?;
    fs::rename(temporary, target)?;
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs::read_dir;

    use hardening::clock::Timestamp;

    use super::*;

    fn mail(text: &str) -> RenderedMail {
        RenderedMail {
            to: "bo@example.com".into(),
            subject: "Hello".into(),
            text: text.into(),
            html: "<p>the same</p>".into(),
            link: None,
            date: Timestamp::from_unix_seconds(1_700_000_000),
        }
    }

    fn mailer(folder: &Path) -> FileMailer {
        FileMailer::new(folder, Sender::parse("no-reply@acc.example").expect("a sender"))
    }

    #[tokio::test]
    async fn a_mail_is_one_private_file_and_delivering_again_replaces_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let outbox = folder.path().join("data").join("outbox");
        let mailer = mailer(&outbox);
        mailer.deliver("mail_1", &mail("first")).await.expect("delivered");
        mailer.deliver("mail_1", &mail("second")).await.expect("delivered again");
        mailer.deliver("mail_2", &mail("other")).await.expect("delivered");
        let mut names: Vec<_> =
            read_dir(&outbox).expect("readable").map(|entry| entry.expect("an entry").file_name()).collect();
        names.sort();
        assert_eq!(names, ["mail_1.eml", "mail_2.eml"]);
        let text = fs::read_to_string(mailer.path_of("mail_1")).expect("readable");
        assert!(text.contains("second") && !text.contains("first"), "{text}");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&mailer.path_of("mail_1")), mode(&outbox)), (0o600, 0o700));
    }

    #[tokio::test]
    async fn what_a_crash_left_is_no_obstacle_and_no_leak() {
        let folder = tempfile::tempdir().expect("a folder");
        let elsewhere = folder.path().join("elsewhere");
        fs::write(&elsewhere, "mine").expect("written");
        std::os::unix::fs::symlink(&elsewhere, folder.path().join(".mail_1.part")).expect("linked");
        let mailer = mailer(folder.path());
        mailer.deliver("mail_1", &mail("text")).await.expect("delivered");
        assert_eq!(fs::read_to_string(&elsewhere).expect("there"), "mine");
        assert!(!fs::symlink_metadata(mailer.path_of("mail_1")).expect("there").is_symlink());
    }

    #[tokio::test]
    async fn no_id_leads_out_of_the_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let outcome = mailer(&folder.path().join("outbox")).deliver("../mail_1", &mail("text")).await;
        assert!(matches!(outcome, Err(Undelivered::Refused(_))), "{outcome:?}");
        assert_eq!(read_dir(folder.path()).expect("readable").count(), 0);
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_used_is_a_fault_to_be_retried() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        fs::write(&file, "").expect("written");
        let outcome = mailer(&file).deliver("mail_1", &mail("text")).await;
        assert!(matches!(outcome, Err(Undelivered::Later(_))), "{outcome:?}");
    }
}
