//! More connections than the process may have open files.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use testkit::process::Program;
use tokio::net::{TcpSocket, TcpStream};

use crate::support::binary::Binary;
use crate::support::fresh_email;
use crate::tools::*;

const OPEN_FILES: usize = 1024;
const STORM: usize = 1400;
/// A loopback address that is nobody's proxy.
const STRANGER: [u8; 4] = [127, 0, 0, 2];
const PROXY: [u8; 4] = [127, 0, 0, 1];

async fn storm(from: [u8; 4], to: SocketAddr) -> Vec<TcpStream> {
    let connecting = (0..STORM).map(|_| async {
        let socket = TcpSocket::new_v4().expect("this test has files to spare");
        socket.bind(SocketAddr::from((from, 0))).expect("a loopback address");
        socket.connect(to).await
    });
    join_all(connecting).await.into_iter().flatten().collect()
}

/// Files the process has open.
fn open_files(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).expect("it lives").count()
}

/// Processor time of the process so far.
fn processor_time(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it lives");
    let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
    let fields: Vec<u64> = fields.split_whitespace().filter_map(|field| field.parse().ok()).collect();
    // utime and stime, in ticks of 10 ms; the state, a letter, is not among the numbers.
    Duration::from_millis(10 * (fields[10] + fields[11]))
}

async fn expect_served(server: &Binary, who: &crate::support::binary::Tokens) {
    let begun = Instant::now();
    me(server, who).await.expect(200);
    assert!(begun.elapsed() < LONGEST_ANSWER, "{:?}", begun.elapsed());
}

/// F16: of a storm of connections one address gets half of what there are at most, and others still connect; one that
/// takes them all leaves those who are connected served and the server at rest, and when it is over everybody connects.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_connections_leaves_those_who_are_there_served() {
    let folder = tempfile::tempdir().expect("a folder");
    let limited = format!("ulimit -n {OPEN_FILES} && exec \"$0\" serve");
    let program = Program::new("/bin/sh").args(["-c", &limited, env!("CARGO_BIN_EXE_signupflow")]);
    let server = Binary::start_as(program, folder.path(), &[]).await;
    let who = server.found(&fresh_email()).await.expect("it lives");
    for _ in 0..rounds() {
        let strangers = storm(STRANGER, server.address).await;
        expect_served(&server, &who).await;
        let taken = open_files(server.program.pid());
        assert!(taken <= OPEN_FILES / 2, "{taken} files are open for one stranger");
        let newcomer = reqwest::get(format!("http://{}/health", server.address)).await;
        assert_eq!(newcomer.expect("others connect").status(), 200);
        drop(strangers);

        let all = storm(PROXY, server.address).await;
        assert!(all.len() > OPEN_FILES);
        let before = processor_time(server.program.pid());
        for _ in 0..10 {
            expect_served(&server, &who).await;
            // The program keeps real time.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let spent = processor_time(server.program.pid()).saturating_sub(before);
        assert!(spent < Duration::from_millis(300), "it spins: {spent:?}");
        let taken = open_files(server.program.pid());
        assert!((OPEN_FILES / 2..OPEN_FILES).contains(&taken), "{taken} of {OPEN_FILES} files are open");
        drop(all);
        let over = Instant::now();
        let newcomer = reqwest::get(format!("http://{}/health", server.address)).await;
        assert_eq!(newcomer.expect("everybody connects").status(), 200);
        assert!(over.elapsed() < RECOVERY, "{:?}", over.elapsed());
    }
    expect_no_fault_of_its_own(&server);
}
