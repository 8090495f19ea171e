//! Ports nobody listens on, for servers that cannot bind port 0 and say what they got.
//!
//! Another process may take the port between the look and the use; callers try again when that happens.

use std::net::TcpListener;

/// A TCP port of the loopback address that was free a moment ago.
///
/// # Panics
/// When the machine has no free port left.
pub fn free_tcp_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("the loopback address has a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_can_be_bound() {
        assert!(TcpListener::bind(("127.0.0.1", free_tcp_port())).is_ok());
    }
}
