//! Ports nobody listens on, for servers that cannot bind port 0 and say what they got.
//!
//! Asking the system for "any port" and letting go of it can give two callers the same one, and any outgoing
//! connection may take it before the server binds it. So ports are dealt in turn, from below the range the system
//! gives to connections (`ip_local_port_range`, from 32768 on by default).

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

const FIRST: u32 = 10_000;
const COUNT: u32 = 22_000;
/// How far apart two processes begin whose numbers follow each other; prime, so that it fills the range.
const APART: u32 = 211;

static DEALT: AtomicU32 = AtomicU32::new(0);

/// A TCP port of the loopback address nobody listens on, and no other call in this process gets.
///
/// # Panics
/// When every port of the range is taken.
pub fn free_tcp_port() -> u16 {
    let begin = std::process::id().wrapping_mul(APART);
    for _ in 0..COUNT {
        let turn = DEALT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + begin.wrapping_add(turn) % COUNT;
        let port = u16::try_from(port).expect("the range ends below 65536");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("none of the {COUNT} ports from {FIRST} on is free");
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_port_can_be_bound() {
        assert!(TcpListener::bind(("127.0.0.1", free_tcp_port())).is_ok());
    }

    #[test]
    fn no_two_callers_get_the_same_port() {
        let dealt = || (0..200).map(|_| free_tcp_port()).collect::<Vec<_>>();
        let all = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(dealt)).collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("it ends")).collect::<Vec<_>>()
        });
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert!(all.iter().all(|port| (10_000..32_000).contains(port)), "{all:?}");
    }
}
