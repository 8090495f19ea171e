//! Runs a built program as an operator would, and watches it: output, ports, signals, exit code.
//!
//! * The environment is empty but for what the test passes, so that the machine cannot lend a setting.
//! * Output goes to files, so that a talkative program never blocks on a full pipe.
//! * The program dies with the value and with the test process.

use std::ffi::OsString;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::last_will::LastWill;

const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(10);

/// A program to start, with its arguments and its whole environment.
#[derive(Clone, Debug)]
pub struct Program {
    path: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    folder: Option<PathBuf>,
}

impl Program {
    /// The program at `path`, for instance `env!("CARGO_BIN_EXE_signupflow")`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), arguments: Vec::new(), environment: Vec::new(), folder: None }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable; nothing else is inherited.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Sets the working folder; without it the program works in an empty temporary one.
    #[must_use]
    pub fn current_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Starts it, standard input closed.
    ///
    /// # Panics
    /// When the program cannot be started.
    pub fn start(self) -> RunningProgram {
        let scratch = TempDir::with_prefix("testkit-program-").expect("the temporary folder can be written");
        let working = scratch.path().join("cwd");
        std::fs::create_dir(&working).expect("a new folder can be written");
        let output = |name: &str| File::create(scratch.path().join(name)).expect("a new folder is writable");
        let child = Command::new(&self.path)
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment)
            .current_dir(self.folder.as_ref().unwrap_or(&working))
            .stdin(Stdio::null())
            .stdout(output("stdout"))
            .stderr(output("stderr"))
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", self.path.display()));
        let will = LastWill::new("kill -9 \"$1\"", [child.id().to_string()]);
        RunningProgram { child, will: Some(will), scratch }
    }
}

/// A started program. Dropping it kills it.
#[derive(Debug)]
pub struct RunningProgram {
    child: Child,
    will: Option<LastWill>,
    scratch: TempDir,
}

impl RunningProgram {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has written to standard output so far.
    pub fn stdout(&self) -> String {
        read(&self.scratch.path().join("stdout"))
    }

    /// Everything it has written to standard error so far.
    pub fn stderr(&self) -> String {
        read(&self.scratch.path().join("stderr"))
    }

    /// Waits until a complete line on either stream contains `needle`, and returns that line.
    ///
    /// # Panics
    /// When the program ends or `within` passes first; the message carries all output.
    pub async fn wait_for_line(&mut self, needle: &str, within: Duration) -> String {
        let deadline = Instant::now() + within;
        loop {
            let ended = self.exit_status().is_some();
            for output in [self.stdout(), self.stderr()] {
                let complete = output.rfind('\n').map_or("", |end| &output[..end]);
                if let Some(line) = complete.lines().find(|line| line.contains(needle)) {
                    return line.to_owned();
                }
            }
            self.give_up_if(ended || Instant::now() > deadline, &format!("the line {needle:?}"));
            tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        }
    }

    /// Waits until a TCP connection to `address` succeeds.
    ///
    /// # Panics
    /// When the program ends or `within` passes first; the message carries all output.
    pub async fn wait_for_port(&mut self, address: SocketAddr, within: Duration) {
        let deadline = Instant::now() + within;
        while TcpStream::connect(address).await.is_err() {
            let ended = self.exit_status().is_some();
            self.give_up_if(ended || Instant::now() > deadline, &format!("a listener on {address}"));
            tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        }
    }

    /// Waits until the program ends by itself.
    ///
    /// # Panics
    /// When it still runs after `within`.
    pub async fn wait_for_exit(&mut self, within: Duration) -> ExitStatus {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.exit_status() {
                return status;
            }
            self.give_up_if(Instant::now() > deadline, "its end");
            tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        }
    }

    /// How it ended, if it has.
    ///
    /// # Panics
    /// When the operating system cannot say.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the state of a child of ours is known")
    }

    /// Asks it to stop (SIGTERM), as `systemd` and container engines do.
    pub fn terminate(&self) {
        send_signal("TERM", [self.pid()]);
    }

    /// Asks it to read its files anew (SIGHUP), as `systemctl reload` does.
    pub fn reload(&self) {
        send_signal("HUP", [self.pid()]);
    }

    /// Ends it at once (SIGKILL), as the out-of-memory killer does, and waits until it is gone.
    pub fn kill(&mut self) {
        // Both fail only for a child that is already gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(will) = self.will.take() {
            will.revoke();
        }
    }

    fn give_up_if(&self, hopeless: bool, what: &str) {
        assert!(
            !hopeless,
            "waited in vain for {what} from process {}\n--- stdout\n{}\n--- stderr\n{}",
            self.pid(),
            self.stdout(),
            self.stderr()
        );
    }
}

impl Drop for RunningProgram {
    fn drop(&mut self) {
        self.kill();
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}

/// Sends a signal by name (`TERM`, `KILL`, `STOP`, `CONT`) to processes the caller started.
pub(crate) fn send_signal(name: &str, pids: impl IntoIterator<Item = u32>) {
    let pids: Vec<String> = pids.into_iter().map(|pid| pid.to_string()).collect();
    // A process that has gone meanwhile needs no signal.
    let _ = Command::new("/bin/sh")
        .args(["-c", "signal=$1; shift; kill -s \"$signal\" \"$@\"", "testkit-signal", name])
        .args(pids)
        .stderr(Stdio::null())
        .status();
}

/// The direct children of a process, from `/proc`.
pub(crate) fn children_of(parent: u32) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field, the name in brackets, may itself contain spaces and brackets.
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn shell(script: &str) -> Program {
        Program::new("/bin/sh").args(["-c", script])
    }

    #[tokio::test]
    async fn output_lines_and_the_exit_code_are_seen() {
        let mut program = shell("echo ready; echo trouble >&2; exit 3").start();
        assert_eq!(program.wait_for_line("trouble", PATIENCE).await, "trouble");
        assert_eq!(program.wait_for_exit(PATIENCE).await.code(), Some(3));
        assert_eq!((program.stdout().as_str(), program.stderr().as_str()), ("ready\n", "trouble\n"));
    }

    #[tokio::test]
    async fn only_the_given_environment_is_passed() {
        let mut program = Program::new("/usr/bin/env").env("GIVEN", "yes").start();
        program.wait_for_exit(PATIENCE).await;
        assert_eq!(program.stdout(), "GIVEN=yes\n");
    }

    #[tokio::test]
    async fn terminate_can_be_handled_by_the_program() {
        let mut program = shell("trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done")
            .env("PATH", "/usr/bin:/bin")
            .start();
        program.wait_for_line("ready", PATIENCE).await;
        program.terminate();
        assert_eq!(program.wait_for_exit(PATIENCE).await.code(), Some(7));
    }

    #[tokio::test]
    async fn kill_cannot_be_handled_by_the_program() {
        use std::os::unix::process::ExitStatusExt as _;
        let mut program = shell("trap '' TERM; echo ready; exec /bin/sleep 60").start();
        program.wait_for_line("ready", PATIENCE).await;
        program.kill();
        assert_eq!(program.exit_status().and_then(|status| status.signal()), Some(9));
    }

    #[tokio::test]
    async fn dropping_it_ends_it() {
        let program = shell("exec /bin/sleep 60").start();
        let pid = program.pid();
        drop(program);
        assert!(!children_of(std::process::id()).contains(&pid));
    }

    #[tokio::test]
    #[should_panic(expected = "last words")]
    async fn an_early_end_is_told_with_the_output() {
        shell("echo last words").start().wait_for_line("never written", PATIENCE).await;
    }

    #[tokio::test]
    async fn an_open_port_is_noticed() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let mut program = shell("exec /bin/sleep 60").start();
        program.wait_for_port(listener.local_addr().expect("bound"), PATIENCE).await;
    }
}
