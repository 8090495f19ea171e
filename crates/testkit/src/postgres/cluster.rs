//! One data folder and the server on it: made, started, stopped, killed, frozen, removed.

use std::fmt::Write as _;
use std::fs::{OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::binaries::Binaries;
use crate::certificates::Authority;
use crate::free_port::free_tcp_port;
use crate::last_will::LastWill;
use crate::process::{children_of, send_signal};

/// Stops the server, thawing a frozen one first, and removes the folder; tries again because a server
/// that is just starting or initialising writes on for a moment. `$1` is the folder, then `pg_ctl`'s words.
const STOP_AND_REMOVE: &str = r#"
folder=$1; shift; tries=0
while [ -e "$folder" ] && [ "$tries" -lt 50 ]; do
    pid=$(head -n 1 "$folder/data/postmaster.pid") && kill -s CONT "$pid"
    "$@" -D "$folder/data" -m immediate -t 5 stop
    rm -rf "$folder"
    tries=$((tries + 1))
    [ -e "$folder" ] && sleep 0.2
done"#;

/// A UNIX socket's path must stay below 108 bytes; longer temporary folders are left for `/tmp`.
const LONGEST_TEMPORARY_FOLDER: usize = 60;
const ATTEMPTS_TO_START: u32 = 30;

/// How a private cluster differs from the shared one.
#[derive(Clone, Debug, Default)]
pub struct ClusterOptions {
    tcp: bool,
    tls: bool,
    certificate_days: Option<u64>,
    durable: bool,
    settings: Vec<(String, String)>,
}

impl ClusterOptions {
    /// Also listens on 127.0.0.1, on a free port that stays the same over restarts.
    #[must_use]
    pub fn tcp(mut self) -> Self {
        self.tcp = true;
        self
    }

    /// Also speaks TLS on TCP, with a certificate for `localhost` from an authority of its own.
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self.tcp()
    }

    /// As [`ClusterOptions::tls`], with a certificate that ends after so many days.
    #[must_use]
    pub fn tls_for(mut self, days: u64) -> Self {
        self.certificate_days = Some(days);
        self.tls()
    }

    /// Keeps `fsync`, `synchronous_commit` and `full_page_writes` on.
    #[must_use]
    pub fn durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// A line of `postgresql.conf`, such as `("max_connections", "20")`.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }
}

#[derive(Debug)]
pub(super) struct Cluster {
    folder: PathBuf,
    binaries: Binaries,
    port: Option<u16>,
    authority_file: Option<PathBuf>,
    will: Option<LastWill>,
}

impl Cluster {
    pub(super) fn create(options: &ClusterOptions) -> Self {
        let binaries = Binaries::find();
        let folder = new_folder();
        let mut words = vec![folder.clone().into_os_string()];
        words.extend(binaries.words("pg_ctl"));
        let will = LastWill::new(STOP_AND_REMOVE, words);
        let mut cluster = Self { folder, binaries, port: None, authority_file: None, will: Some(will) };
        cluster.initialise();
        cluster.configure(options);
        cluster.start();
        cluster
    }

    fn initialise(&self) {
        if self.binaries.run_as_postgres() {
            let chown = Command::new("chown").arg("postgres").arg(&self.folder).status();
            assert!(chown.is_ok_and(|status| status.success()), "root can give a folder to `postgres`");
        }
        let data = self.data();
        let arguments = ["-D", text(&data), "-U", "postgres", "-A", "trust", "--no-sync"];
        let arguments = [&arguments[..], &["--no-instructions", "-E", "UTF8", "--locale=C.UTF-8"]].concat();
        self.binaries.run("initdb", &arguments, &self.folder).expect("initdb makes a cluster");
    }

    fn configure(&mut self, options: &ClusterOptions) {
        self.port = options.tcp.then(free_tcp_port);
        let listen = if options.tcp { "127.0.0.1" } else { "" };
        // dynamic_shared_memory_type=mmap: nothing is left in /dev/shm when the server is killed.
        let mut lines = format!(
            "\nunix_socket_directories = '{}'\nport = {}\nlisten_addresses = '{listen}'\n\
             max_connections = 300\nshared_buffers = 32MB\ntimezone = 'UTC'\nlog_timezone = 'UTC'\n\
             dynamic_shared_memory_type = mmap\nwal_level = minimal\nmax_wal_senders = 0\n",
            self.folder.display(),
            self.port.unwrap_or(5432),
        );
        if options.tls {
            lines.push_str(&self.certified(options.certificate_days));
        }
        if !options.durable {
            lines.push_str("fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n");
        }
        for (name, value) in &options.settings {
            let _ = writeln!(lines, "{name} = '{}'", value.replace('\'', "''"));
        }
        let file = OpenOptions::new().append(true).open(self.data().join("postgresql.conf"));
        file.and_then(|mut file| file.write_all(lines.as_bytes())).expect("a new cluster can be configured");
    }

    /// Makes certificate and key, and the lines of `postgresql.conf` that use them.
    fn certified(&mut self, days: Option<u64>) -> String {
        let folder = self.folder.join("certificates");
        std::fs::create_dir(&folder).expect("a new folder can be written");
        let [certificate, key, authority] = Authority::signing_for(&["localhost"], days).write(&folder);
        // The server refuses a key that others may read.
        std::fs::set_permissions(&key, Permissions::from_mode(0o600)).expect("a new file's mode can be set");
        if self.binaries.run_as_postgres() {
            let chown = Command::new("chown").arg("postgres").arg(&key).status();
            assert!(chown.is_ok_and(|status| status.success()), "root can give a file to `postgres`");
        }
        self.authority_file = Some(authority);
        let (certificate, key) = (certificate.display(), key.display());
        format!("ssl = on\nssl_cert_file = '{certificate}'\nssl_key_file = '{key}'\n")
    }

    pub(super) fn authority_file(&self) -> Option<&Path> {
        self.authority_file.as_deref()
    }

    /// Starts the server; after a kill the memory of its last backends may stand in the way for a moment.
    pub(super) fn start(&self) {
        let data = self.data();
        let log = self.folder.join("log");
        let arguments = ["-D", text(&data), "-w", "-s", "-t", "60", "-l", text(&log), "start"];
        let mut refusal = String::new();
        for _ in 0..ATTEMPTS_TO_START {
            match self.binaries.run("pg_ctl", &arguments, &self.folder) {
                Ok(()) => return,
                Err(error) => refusal = error,
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let log = std::fs::read_to_string(&log).unwrap_or_default();
        panic!("PostgreSQL does not start: {refusal}\n{log}");
    }

    pub(super) fn stop(&self) {
        let data = self.data();
        let arguments = ["-D", text(&data), "-w", "-s", "-m", "fast", "stop"];
        self.binaries.run("pg_ctl", &arguments, &self.folder).expect("a running server can be stopped");
    }

    /// Sends a signal to the postmaster first, then to every process it has started.
    pub(super) fn signal(&self, name: &str) {
        let Some(postmaster) = self.postmaster() else { return };
        let children = children_of(postmaster);
        send_signal(name, [postmaster]);
        send_signal(name, children);
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn port(&self) -> Option<u16> {
        self.port
    }

    fn postmaster(&self) -> Option<u32> {
        let file = std::fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        file.lines().next()?.trim().parse().ok()
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // A frozen backend would make the stop wait five seconds.
        self.signal("CONT");
        drop(self.will.take());
    }
}

fn new_folder() -> PathBuf {
    let mut parent = std::env::temp_dir();
    if parent.as_os_str().len() > LONGEST_TEMPORARY_FOLDER {
        parent = PathBuf::from("/tmp");
    }
    let folder = tempfile::Builder::new().prefix("testkit-pg-").tempdir_in(parent);
    // The last will removes it, so that a killed process leaves nothing behind either.
    folder.expect("the temporary folder can be written").keep()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the temporary folder's path is UTF-8")
}
