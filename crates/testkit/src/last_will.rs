//! Clean-up that happens however this process ends.
//!
//! A child shell blocks on reading a pipe whose other end only this process holds. The kernel closes
//! that end on a normal exit, a panic, an abort and SIGKILL alike; the shell then runs its script.

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

/// A shell script that runs when the value is dropped or the process ends, whichever comes first.
#[derive(Debug)]
pub(crate) struct LastWill {
    shell: Child,
}

/// Signals sent to the terminal's whole process group must not end the shell before its work is done.
const WAIT_FOR_THE_END: &str =
    "trap '' HUP INT TERM; cd /; if read -r word && [ \"$word\" = revoked ]; then exit 0; fi; ";

impl LastWill {
    /// Leaves `script` behind; it finds `arguments` as `$1`, `$2`, ….
    pub(crate) fn new<A: AsRef<OsStr>>(script: &str, arguments: impl IntoIterator<Item = A>) -> Self {
        let shell = Command::new("/bin/sh")
            .arg("-c")
            .arg(format!("{WAIT_FOR_THE_END}{script}"))
            .arg("testkit-last-will")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("/bin/sh starts");
        Self { shell }
    }

    /// Ends the shell without running the script.
    pub(crate) fn revoke(mut self) {
        if let Some(pipe) = self.shell.stdin.as_mut() {
            // A shell that is already gone cannot run the script either.
            let _ = pipe.write_all(b"revoked\n");
        }
    }
}

impl Drop for LastWill {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_on_drop_with_its_arguments() {
        let folder = tempfile::tempdir().expect("a folder");
        let mark = folder.path().join("a mark");
        drop(LastWill::new("echo done > \"$1\"", [&mark]));
        assert!(mark.exists());
    }

    #[test]
    fn does_nothing_once_revoked() {
        let folder = tempfile::tempdir().expect("a folder");
        let mark = folder.path().join("mark");
        LastWill::new("echo done > \"$1\"", [&mark]).revoke();
        assert!(!mark.exists());
    }
}
