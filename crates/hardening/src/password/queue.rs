//! A bounded queue between async callers and hashing threads.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// First in, first out, at most `capacity` waiting.
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    arrived: Condvar,
    capacity: usize,
}

struct State<T> {
    waiting: VecDeque<T>,
    idle: usize,
    closed: bool,
}

impl<T> Queue<T> {
    pub(super) fn new(capacity: usize) -> Self {
        let state = State { waiting: VecDeque::new(), idle: 0, closed: false };
        Self { state: Mutex::new(state), arrived: Condvar::new(), capacity }
    }

    /// Adds an item; false when too many wait already. An item for which a thread is idle does not wait.
    pub(super) fn push(&self, item: T) -> bool {
        let mut state = self.lock();
        if state.closed || state.waiting.len() >= self.capacity + state.idle {
            return false;
        }
        state.waiting.push_back(item);
        self.arrived.notify_one();
        true
    }

    /// How much of the room is taken, in percent.
    pub(super) fn load_percent(&self) -> usize {
        self.lock().waiting.len() * 100 / self.capacity.max(1)
    }

    /// Waits for an item; `None` when the queue was closed.
    pub(super) fn pop(&self) -> Option<T> {
        let mut state = self.lock();
        state.idle += 1;
        let mut state = self
            .arrived
            .wait_while(state, |state| state.waiting.is_empty() && !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        state.idle -= 1;
        if state.closed { None } else { state.waiting.pop_front() }
    }

    /// Drops what waits and sends the threads home.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.waiting.clear();
        self.arrived.notify_all();
    }

    // Nothing in here panics half way through a change, so a poisoned lock is still sound.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_refuses_and_a_closed_one_too() {
        let queue = Queue::new(2);
        assert!(queue.push(1));
        assert_eq!(queue.load_percent(), 50);
        assert!(queue.push(2) && !queue.push(3));
        assert_eq!(queue.pop(), Some(1));
        assert!(queue.push(3));
        queue.close();
        assert_eq!(queue.pop(), None);
        assert!(!queue.push(4));
    }
}
