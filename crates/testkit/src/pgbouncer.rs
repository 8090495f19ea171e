//! A throwaway `PgBouncer` in transaction mode before a throwaway PostgreSQL: it gives a server connection to
//! another client after each transaction, so that whatever outlives one is lost, or meets somebody else.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::free_port::free_tcp_port;
use crate::last_will::LastWill;
use crate::postgres::Postgres;
use crate::postgres::binaries::drop_root;

const HOW_TO_INSTALL: &str = "pgbouncer does not start: install it with `apt-get install pgbouncer`";
/// Where Debian keeps it, which is not in everybody's PATH.
const DEBIAN: &str = "/usr/sbin/pgbouncer";
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(10);
/// Fewer server connections than a pool of ours has, so that clients share them all the time.
const SERVER_CONNECTIONS: u32 = 3;

/// A running pooler. Dropping it stops it and removes its folder.
#[derive(Debug)]
pub struct PgBouncer {
    folder: PathBuf,
    port: u16,
    child: Child,
    will: Option<LastWill>,
}

impl PgBouncer {
    /// A pooler before this server, for all its databases.
    ///
    /// # Panics
    /// When `PgBouncer` is not installed (the message says how to) or does not start.
    pub fn before(server: &Postgres) -> Self {
        let folder = tempfile::Builder::new().prefix("testkit-pgb-").tempdir_in("/tmp");
        let folder = folder.expect("the temporary folder can be written").keep();
        let port = free_tcp_port();
        std::fs::write(folder.join("ini"), configuration(server, &folder, port)).expect("a new folder");
        let mut words = drop_root();
        if !words.is_empty() {
            give_to_postgres(&folder);
        }
        words.push(if Path::new(DEBIAN).is_file() { DEBIAN } else { "pgbouncer" }.into());
        let log = std::fs::File::create(folder.join("log")).expect("a new folder can be written");
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).arg("-q").arg(folder.join("ini"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().unwrap_or_else(|error| panic!("{HOW_TO_INSTALL} ({error})"));
        let arguments = [child.id().to_string(), folder.display().to_string()];
        let will = LastWill::new("kill -9 \"$1\"; rm -rf \"$2\"", arguments);
        let mut pooler = Self { folder, port, child, will: Some(will) };
        pooler.wait_until_it_listens();
        pooler
    }

    fn wait_until_it_listens(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.folder.join(format!(".s.PGSQL.{}", self.port)).exists() {
            let ended = self.child.try_wait().is_ok_and(|status| status.is_some());
            let hopeless = ended || Instant::now() > deadline;
            assert!(!hopeless, "{HOW_TO_INSTALL}; it said:\n{}", self.log());
            std::thread::sleep(LOOK_AGAIN_AFTER);
        }
    }

    /// The URL through the pooler of a database of the server behind.
    pub fn url(&self, url_or_name: &str) -> String {
        let path = url_or_name.split('?').next().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or_default();
        let (folder, port) = (self.folder.display(), self.port);
        format!("postgresql://postgres@/{name}?host={folder}&port={port}&pgbouncer=true")
    }

    /// What it said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        drop(self.will.take());
        let _ = self.child.wait();
    }
}

fn configuration(server: &Postgres, folder: &Path, port: u16) -> String {
    let (host, server_port) = (server.socket_folder().display(), server.port());
    let folder = folder.display();
    format!(
        "[databases]\n* = host={host} port={server_port} user=postgres\n[pgbouncer]\nlisten_port = {port}\n\
         unix_socket_dir = {folder}\nauth_type = any\npool_mode = transaction\n\
         default_pool_size = {SERVER_CONNECTIONS}\nserver_idle_timeout = 2\nmax_client_conn = 500\nlog_connections = 0\n\
         log_disconnections = 0\n"
    )
}

fn give_to_postgres(folder: &Path) {
    let id = |flag| {
        let output = Command::new("id").args([flag, "postgres"]).output().expect("`id` can be run");
        String::from_utf8_lossy(&output.stdout).trim().parse().ok()
    };
    chown(folder, id("-u"), id("-g")).expect("root can give a folder to `postgres`");
}
