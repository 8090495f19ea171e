//! Addresses of host names, remembered: a name service that fails or hangs must not cut a running server off from
//! backends that are where they were.
//!
//! * A fresh answer always counts. The last good one is used when there is none within 200 ms.
//! * One look a name at a time: a name service that hangs holds one thread, not one for each attempt.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex as Turn;

/// How long a fresh answer is waited for where an old one is at hand; less than it may take to connect.
const PATIENCE: Duration = Duration::from_millis(200);
/// Names remembered; a deployment has a handful.
const MOST_NAMES: usize = 256;

/// Asks a name service.
#[async_trait]
pub trait LookUp: Send + Sync {
    /// The addresses of a host.
    ///
    /// # Errors
    /// When the name is not known or the service does not answer.
    async fn addresses(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// The operating system's name service.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemNames;

#[async_trait]
impl LookUp for SystemNames {
    async fn addresses(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }
}

/// Host names and their last good addresses. Clones share them.
#[derive(Clone)]
pub struct Names {
    look_up: Arc<dyn LookUp>,
    known: Arc<Mutex<Known>>,
}

/// By host and port.
type Known = HashMap<(String, u16), Arc<Name>>;

#[derive(Default)]
struct Name {
    addresses: Mutex<Vec<SocketAddr>>,
    /// It is said once that the last address is used.
    told: AtomicBool,
    turn: Arc<Turn<()>>,
}

impl Default for Names {
    fn default() -> Self {
        Self::asking(SystemNames)
    }
}

impl std::fmt::Debug for Names {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Names").field("known", &locked(&self.known).len()).finish_non_exhaustive()
    }
}

impl Names {
    /// Names that this service knows.
    pub fn asking(service: impl LookUp + 'static) -> Self {
        Self { look_up: Arc::new(service), known: Arc::default() }
    }

    /// The addresses of a host; at least one.
    ///
    /// # Errors
    /// When it has none and never had.
    pub async fn addresses(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let name = self.name(host, port);
        let last = locked(&name.addresses).clone();
        if last.is_empty() {
            return look(&*self.look_up, &name, host, port).await;
        }
        let Ok(turn) = name.turn.clone().try_lock_owned() else { return Ok(last) };
        let (look_up, owned, known) = (self.look_up.clone(), host.to_owned(), name.clone());
        let looking = tokio::spawn(async move {
            let found = look(&*look_up, &known, &owned, port).await;
            drop(turn);
            found
        });
        let reason = match tokio::time::timeout(PATIENCE, looking).await {
            Ok(Ok(Ok(addresses))) => return Ok(addresses),
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        if !name.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(host, reason, "the name cannot be looked up: its last address is used");
        }
        Ok(last)
    }

    fn name(&self, host: &str, port: u16) -> Arc<Name> {
        let mut known = locked(&self.known);
        if known.len() >= MOST_NAMES {
            known.clear();
        }
        known.entry((host.to_owned(), port)).or_default().clone()
    }
}

async fn look(look_up: &dyn LookUp, name: &Name, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let addresses = look_up.addresses(host, port).await?;
    if addresses.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address")));
    }
    locked(&name.addresses).clone_from(&addresses);
    name.told.store(false, Ordering::Relaxed);
    Ok(addresses)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;

    /// Answers with the port given to it, fails without one, and hangs at `HANGS`.
    #[derive(Clone, Default)]
    struct Service {
        port: Arc<Mutex<Option<u16>>>,
        asked: Arc<AtomicU32>,
    }

    const HANGS: u16 = 1;

    #[async_trait]
    impl LookUp for Service {
        async fn addresses(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let port = *locked(&self.port);
            match port {
                Some(HANGS) => std::future::pending().await,
                Some(port) => Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))]),
                None => Err(io::Error::other("the name service is away")),
            }
        }
    }

    fn set(service: &Service, port: Option<u16>) {
        *locked(&service.port) = port;
    }

    async fn port(names: &Names) -> Option<u16> {
        names.addresses("db.test", 5432).await.ok().map(|addresses| addresses[0].port())
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_address_is_used_while_the_name_service_is_away_or_hangs() {
        let service = Service::default();
        let names = Names::asking(service.clone());
        assert_eq!(port(&names).await, None, "nothing is known yet");
        set(&service, Some(10));
        assert_eq!(port(&names).await, Some(10));
        set(&service, None);
        assert_eq!(port(&names).await, Some(10));
        set(&service, Some(20));
        assert_eq!(port(&names).await, Some(20), "a fresh answer counts");

        set(&service, Some(HANGS));
        let before = tokio::time::Instant::now();
        assert_eq!(port(&names).await, Some(20));
        assert_eq!(before.elapsed(), PATIENCE);
        let asked = service.asked.load(Ordering::SeqCst);
        for _ in 0..10 {
            assert_eq!(port(&names).await, Some(20));
        }
        assert_eq!(before.elapsed(), PATIENCE, "the one that hangs is not waited for again");
        assert_eq!(service.asked.load(Ordering::SeqCst), asked);
    }
}
