//! A server that answers but takes no writes: full, unable to save, or without its replicas.
//!
//! Noticed at the first refusal and looked at until it is over, so that it is told once and not with every call.

use std::sync::{Arc, Weak};
use std::time::Duration;

use redis::RedisError;
use tokio::time::Instant;

use super::{Failure, Node};
use crate::redis::request::Request;

impl Node {
    /// Why the server takes no writes, in a few words; none when it takes them, as far as is known.
    pub(in crate::redis) fn refuses_writes(&self) -> Option<&'static str> {
        self.state.borrow().refuses_writes
    }

    pub(super) fn refused_to_write(self: &Arc<Self>, number: u64, why: &'static str, error: &RedisError) {
        self.answered(number);
        if self.state.borrow().refuses_writes == Some(why) {
            return;
        }
        let mut before = None;
        self.state.send_if_modified(|state| {
            before = state.refuses_writes.replace(why);
            false
        });
        if before.is_none() {
            self.health.takes_no_writes(&self.name, &error.to_string());
            tokio::spawn(look_until_it_writes(Arc::downgrade(self), self.options.pause_between_attempts));
        }
    }

    /// Asks whether it takes writes.
    ///
    /// # Errors
    /// Why not, or that it is away.
    pub(in crate::redis) async fn check_writes(self: &Arc<Self>, deadline: Instant) -> Result<(), Failure> {
        self.send(Request::WriteCheck, false, deadline).await?;
        let mut before = None;
        self.state.send_if_modified(|state| {
            before = state.refuses_writes.take();
            false
        });
        if before.is_some() {
            self.health.takes_writes(&self.name);
        }
        Ok(())
    }
}

async fn look_until_it_writes(node: Weak<Node>, pause: Duration) {
    loop {
        tokio::time::sleep(pause).await;
        let Some(node) = node.upgrade() else { return };
        // A failure is noted where it is noticed.
        let _ = node.check_writes(Instant::now() + node.options.call_budget).await;
        if node.refuses_writes().is_none() {
            return;
        }
    }
}
