//! One redis-server process: started, killed, frozen, started again on the same port and socket.

use std::fmt::Write as _;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::{Cmd, FromRedisValue};

use crate::free_port::free_tcp_port;
use crate::last_will::LastWill;
use crate::process::send_signal;

const HOW_TO_INSTALL: &str = "redis-server does not start: install it with `apt-get install redis-server`";
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(10);
/// A port may be taken between the look and the use.
const ATTEMPTS_TO_START: u32 = 5;

/// What a server is started with.
#[derive(Clone, Debug, Default)]
pub(super) struct Setup {
    pub(super) tcp: bool,
    pub(super) sentinel: bool,
    pub(super) settings: Vec<(String, String)>,
    /// Certificate, key and authority, as files.
    pub(super) tls: Option<[PathBuf; 3]>,
}

#[derive(Debug)]
pub(super) struct Server {
    setup: Setup,
    folder: PathBuf,
    port: Option<u16>,
    tls_port: Option<u16>,
    running: Mutex<Option<Running>>,
    _removal: LastWill,
}

#[derive(Debug)]
struct Running {
    child: Child,
    will: LastWill,
}

impl Server {
    pub(super) fn start(setup: &Setup) -> Self {
        for _ in 1..ATTEMPTS_TO_START {
            let server = Self::new(setup.clone());
            if server.try_to_run().is_ok() {
                return server;
            }
        }
        let server = Self::new(setup.clone());
        server.run();
        server
    }

    fn new(setup: Setup) -> Self {
        let folder = tempfile::Builder::new().prefix("testkit-redis-").tempdir_in(short_parent());
        let folder = folder.expect("the temporary folder can be written").keep();
        let removal = LastWill::new("rm -rf \"$1\" || { sleep 0.2; rm -rf \"$1\"; }", [&folder]);
        let port = setup.tcp.then(free_tcp_port);
        let tls_port = setup.tls.is_some().then(free_tcp_port);
        let server = Self { setup, folder, port, tls_port, running: Mutex::new(None), _removal: removal };
        server.configure();
        server
    }

    fn configure(&self) {
        let mut lines = format!(
            "port {}\nbind 127.0.0.1\nunixsocket {}\nunixsocketperm 700\ndir {}\ndaemonize no\n",
            self.port.unwrap_or(0),
            self.socket().display(),
            self.folder.display(),
        );
        if !self.setup.sentinel {
            lines.push_str("save \"\"\nappendonly no\n");
        }
        if let (Some([certificate, key, authority]), Some(port)) = (&self.setup.tls, self.tls_port) {
            let _ = write!(
                lines,
                "tls-port {port}\ntls-cert-file {}\ntls-key-file {}\ntls-ca-cert-file {}\ntls-auth-clients no\n",
                certificate.display(),
                key.display(),
                authority.display(),
            );
        }
        for (name, value) in &self.setup.settings {
            let _ = writeln!(lines, "{name} {value}");
        }
        std::fs::write(self.folder.join("redis.conf"), lines).expect("a new folder can be written");
    }

    /// Starts it, unless it runs, and waits until it answers.
    pub(super) fn run(&self) {
        if let Err(log) = self.try_to_run() {
            panic!("{HOW_TO_INSTALL}; it said:\n{log}");
        }
    }

    fn try_to_run(&self) -> Result<(), String> {
        let mut running = self.running();
        if running.is_some() {
            return Ok(());
        }
        let log = self.folder.join("log");
        let output = File::create(&log).expect("a new folder can be written");
        let mut command = Command::new("redis-server");
        command.arg(self.folder.join("redis.conf"));
        if self.setup.sentinel {
            command.arg("--sentinel");
        }
        command.stdin(Stdio::null()).stdout(output).stderr(Stdio::null());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{HOW_TO_INSTALL} ({error})"));
        let will = LastWill::new("kill -9 \"$1\"", [child.id().to_string()]);
        let deadline = Instant::now() + PATIENCE;
        while self.ask::<String>(&["PING"]).is_err() {
            let ended = child.try_wait().is_ok_and(|status| status.is_some());
            if ended || Instant::now() > deadline {
                // It may be gone already.
                let _ = (child.kill(), child.wait());
                will.revoke();
                return Err(std::fs::read_to_string(&log).unwrap_or_default());
            }
            std::thread::sleep(LOOK_AGAIN_AFTER);
        }
        *running = Some(Running { child, will });
        Ok(())
    }

    /// Ends it at once (SIGKILL) and waits until it is gone.
    pub(super) fn kill(&self) {
        if let Some(Running { mut child, will }) = self.running().take() {
            // Both fail only for a child that is already gone.
            let _ = (child.kill(), child.wait());
            will.revoke();
        }
    }

    pub(super) fn signal(&self, name: &str) {
        if let Some(running) = self.running().as_ref() {
            send_signal(name, [running.child.id()]);
        }
    }

    /// Asks over the UNIX socket, on a connection of its own.
    pub(super) fn ask<T: FromRedisValue>(&self, words: &[&str]) -> redis::RedisResult<T> {
        let client = redis::Client::open(self.url())?;
        let mut connection = client.get_connection_with_timeout(PATIENCE)?;
        let mut command = Cmd::new();
        command.arg(words);
        command.query(&mut connection)
    }

    pub(super) fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.port.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }

    pub(super) fn tls_address(&self) -> Option<SocketAddr> {
        self.tls_port.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("s")
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits until `condition` holds.
pub(super) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(LOOK_AGAIN_AFTER);
    }
}

/// A UNIX socket's path must stay below 108 bytes; longer temporary folders are left for `/tmp`.
fn short_parent() -> PathBuf {
    const LONGEST: usize = 60;
    let parent = std::env::temp_dir();
    if parent.as_os_str().len() > LONGEST { PathBuf::from("/tmp") } else { parent }
}
