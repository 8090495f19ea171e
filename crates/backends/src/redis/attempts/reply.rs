//! What the scripts answer about a window, and what it means.

use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::lockout::window::{Limits, Room};
use hardening::lockout::{Budget, BudgetState};

/// Kept, pending, time of the newest kept, end of the lock (-1: none), and a flag of the script's own.
pub(super) type Numbers = (i64, i64, i64, i64, i64);

/// A room code, its end, and the numbers.
pub(super) type RoomReply = (i64, i64, Numbers);

/// A window right after a script touched it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    kept: usize,
    pending: usize,
    newest: Option<Timestamp>,
    blocked_until: Option<Timestamp>,
    /// Reserving: its lock is unreported. Settling: this call locked it.
    pub(super) flag: bool,
}

impl From<Numbers> for Seen {
    fn from((kept, pending, newest, blocked_until, flag): Numbers) -> Self {
        let moment = |micros: i64| (micros >= 0).then(|| Timestamp::from_micros(micros));
        Self {
            kept: usize::try_from(kept).unwrap_or(0),
            pending: usize::try_from(pending).unwrap_or(0),
            newest: moment(newest),
            blocked_until: moment(blocked_until),
            flag: flag == 1,
        }
    }
}

impl Seen {
    /// As `hardening::lockout::window::Window::state` tells it; `newly_locked` is false.
    pub(super) fn state(&self, budget: &Budget, now: Timestamp) -> BudgetState {
        let Limits { limit, window, .. } = budget.limits();
        let used = match self.blocked_until {
            Some(_) => limit,
            None => u32::try_from(self.kept + self.pending).unwrap_or(u32::MAX).min(limit),
        };
        let newest_leaves = self.newest.map_or(now, |newest| newest + window);
        let resets_at = if self.pending == 0 { newest_leaves } else { newest_leaves.max(now + window) };
        BudgetState {
            key: budget.key.clone(),
            used,
            blocked_until: self.blocked_until,
            resets_at: self.blocked_until.unwrap_or(resets_at),
            newly_locked: false,
        }
    }
}

/// Reads a room reply.
pub(super) fn room((code, until, numbers): RoomReply) -> Result<(Room, Seen), Fault> {
    let until = Timestamp::from_micros(until);
    let room = match code {
        0 => Room::Free,
        1 => Room::Busy,
        2 => Room::Full { until },
        3 => Room::Blocked { until },
        _ => return Err(Fault::internal("the attempt script gave an unknown answer")),
    };
    Ok((room, numbers.into()))
}

/// Which refusal is reported: a lock before a full window before a busy one, then the longest.
pub(super) fn rank(room: Room) -> (u8, Timestamp) {
    match room {
        Room::Free => (0, Timestamp::EPOCH),
        Room::Busy => (1, Timestamp::EPOCH),
        Room::Full { until } => (2, until),
        Room::Blocked { until } => (3, until),
    }
}
