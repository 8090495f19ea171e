//! The cost of a hash.

/// Argon2id parameters (RFC 9106, section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argon2Params {
    /// Memory in KiB, at least 8 per lane.
    pub m_kib: u32,
    /// Passes over the memory.
    pub t: u32,
    /// Lanes. They are computed one after the other; more than one only matters for foreign hashes.
    pub p: u32,
}

impl Default for Argon2Params {
    /// 19 MiB, two passes, one lane (OWASP Password Storage Cheat Sheet): about 17 ms on a server core.
    fn default() -> Self {
        Self { m_kib: 19_456, t: 2, p: 1 }
    }
}

impl Argon2Params {
    /// The least the algorithm allows. Protects nothing; for tests that sign in a thousand times.
    pub const fn cheap_for_tests() -> Self {
        Self { m_kib: 8, t: 1, p: 1 }
    }

    /// Whether a hash with `self` is cheaper to attack than one with `current`. More lanes are no weakness.
    pub(super) fn weaker_than(self, current: Self) -> bool {
        self.m_kib < current.m_kib || self.t < current.t
    }

    /// Whether a stored hash with these parameters may be computed at all. A damaged or hostile row must not
    /// take the machine's memory or minutes of its time.
    pub(super) fn affordable(self) -> bool {
        const MOST_MEMORY_KIB: u32 = 262_144;
        const MOST_WORK_KIB: u64 = 2_097_152;
        let work = u64::from(self.m_kib) * u64::from(self.t);
        (8..=MOST_MEMORY_KIB).contains(&self.m_kib) && work <= MOST_WORK_KIB && (1..=64).contains(&self.p)
    }
}
