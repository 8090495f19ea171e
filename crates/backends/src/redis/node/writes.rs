//! A server that answers but takes no writes: full, unable to save, or without its replicas.
//!
//! Noticed at the first refusal and looked at until it is over, so that it is told once and not with every call.

use std::sync::{Arc, Weak};
use std::time::Duration;

use redis::RedisError;
use tokio::time::Instant;

use super::Node;
use crate::redis::request::Request;

impl Node {
    /// Why the server takes no writes, in a few words; none when it takes them, as far as is known.
    pub(in crate::redis) fn refuses_writes(&self) -> Option<&'static str> {
        self.state.borrow().refuses_writes
    }

    pub(super) fn refused_to_write(self: &Arc<Self>, why: &'static str, error: &RedisError) {
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

    async fn writes_again(self: &Arc<Self>) -> bool {
        self.send(Request::WriteCheck, false, Instant::now() + self.options.call_budget).await.is_ok()
    }
}

async fn look_until_it_writes(node: Weak<Node>, pause: Duration) {
    loop {
        tokio::time::sleep(pause).await;
        let Some(node) = node.upgrade() else { return };
        if node.writes_again().await {
            node.state.send_if_modified(|state| {
                state.refuses_writes = None;
                false
            });
            node.health.takes_writes(&node.name);
            return;
        }
    }
}
