//! Runs the built program in folders of its own.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use testkit::postgres::Postgres;

/// A passphrase the policy accepts.
pub(crate) const PASSPHRASE: &str = "purple lantern orbiting quietly";

/// A folder to run in, removed at the end; settings are its `.env`.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    settings: Vec<(String, String)>,
}

/// How a run ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    /// With the embedded database in `data/`.
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), settings: Vec::new() }
    }

    /// With one more environment variable.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// On a fresh PostgreSQL, with keys of its own.
    pub(crate) async fn on_postgres() -> Self {
        Self::on_postgres_at(&Postgres::shared().fresh_database().await)
    }

    /// On that PostgreSQL, with keys of its own.
    pub(crate) fn on_postgres_at(url: &str) -> Self {
        let keys = Self::new().done(&["keys", "generate"]);
        let lines = keys.lines().filter_map(|line| line.split_once('='));
        lines.fold(Self::new().with("DATABASE_URL", url), |place, (name, value)| place.with(name, value))
    }

    /// The environment variables it was given.
    pub(crate) fn settings(&self) -> &[(String, String)] {
        &self.settings
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with_input(arguments, "")
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Ended {
        let mut child = self.start(arguments);
        let mut stdin = child.stdin.take().expect("piped");
        // A program that does not read its input has closed it.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let Output { status, stdout, stderr } = child.wait_with_output().expect("it ends");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Ended { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    /// Starts it, with pipes.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_signupflow"))
            .args(arguments)
            .env_clear()
            .env("DATA_DIR", self.path().join("data"))
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .current_dir(self.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program can be started")
    }

    /// Runs what must succeed, and returns its standard output.
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        self.run(arguments).done()
    }

    /// Runs what must succeed and answer in JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let text = self.run(arguments).done();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Creates an admin of a new organization and returns its JSON.
    pub(crate) fn create_admin(&self, name: &str, email: &str, org_name: &str) -> Value {
        let arguments =
            ["admin", "create", "--name", name, "--email", email, "--org-name", org_name, "--format", "json"];
        let text = self.run_with_input(&arguments, &format!("{PASSPHRASE}\n")).done();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}

impl Ended {
    pub(crate) fn done(self) -> String {
        assert_eq!(self.code, Some(0), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self.stdout
    }

    /// It must have ended with this code, and said this on standard error.
    pub(crate) fn failed(self, code: i32, needle: &str) -> Self {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        assert!(self.stderr.contains(needle), "{needle:?} is not in: {}", self.stderr);
        self
    }
}
