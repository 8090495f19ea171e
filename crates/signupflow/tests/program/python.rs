//! Runs Debian's Python, with the libraries the original is built on.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// Runs a script that must succeed, and returns its standard output. `scripts/install-test-tools.sh` installs what it
/// needs.
#[track_caller]
pub(crate) fn run(script: &str, arguments: &[&str], input: &str) -> String {
    let mut child = Command::new("/usr/bin/python3")
        .args(["-c", script])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 is installed");
    // A script that does not read its input has closed it.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}
