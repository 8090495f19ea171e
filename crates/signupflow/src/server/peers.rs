//! How many connections each peer holds.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The peers that hold connections, and how many.
#[derive(Debug, Clone, Default)]
pub(super) struct Peers(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One connection's place; given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    peers: Peers,
    network: IpAddr,
}

impl Peers {
    /// A place for one more connection of `address`, unless it holds `limit` already.
    pub(super) fn enter(&self, address: IpAddr, limit: usize) -> Option<Place> {
        let network = network_of(address);
        let mut held = self.lock();
        let count = held.entry(network).or_insert(0);
        if *count >= limit {
            if *count == 0 {
                held.remove(&network);
            }
            return None;
        }
        *count += 1;
        Some(Place { peers: self.clone(), network })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.peers.lock();
        if let Some(count) = held.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.network);
            }
        }
    }
}

/// The address, or its /64: what one IPv6 customer gets.
fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_peer_gets_no_more_than_its_places_and_leaves_nothing_behind() {
        let peers = Peers::default();
        let first = peers.enter(ip("192.0.2.1"), 2);
        let second = peers.enter(ip("192.0.2.1"), 2);
        assert!(first.is_some() && second.is_some());
        assert!(peers.enter(ip("192.0.2.1"), 2).is_none());
        let other = peers.enter(ip("192.0.2.2"), 2);
        assert!(other.is_some());
        drop(first);
        let third = peers.enter(ip("192.0.2.1"), 2);
        assert!(third.is_some());
        drop((second, third, other));
        assert!(peers.enter(ip("192.0.2.3"), 0).is_none());
        assert!(peers.lock().is_empty());
    }

    #[test]
    fn a_slash_64_is_one_peer() {
        let peers = Peers::default();
        let first = peers.enter(ip("2001:db8::1"), 1);
        assert!(first.is_some());
        assert!(peers.enter(ip("2001:db8::ffff:1"), 1).is_none());
        assert!(peers.enter(ip("2001:db8:0:1::1"), 1).is_some());
    }
}
