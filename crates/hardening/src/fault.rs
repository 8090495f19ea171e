//! [`Fault`]: a backend failed. Not a "no" to somebody, but "we cannot tell right now".

/// Why a port could not do its work. The text is for the log, never for a client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The backend is away, too slow or full. Nothing was changed. Callers answer 503.
    #[error("{backend} is unavailable: {detail}")]
    Unavailable {
        /// Which backend, such as `database` or `redis`.
        backend: &'static str,
        /// What it said.
        detail: String,
    },
    /// The connection broke while a change was being committed: it may or may not have happened.
    #[error("{backend} was lost while committing: {detail}")]
    Uncertain {
        /// Which backend.
        backend: &'static str,
        /// What it said.
        detail: String,
    },
    /// Something that must not happen did. Callers answer 500.
    #[error("internal fault: {0}")]
    Internal(String),
}

impl Fault {
    /// [`Fault::Unavailable`].
    #[expect(clippy::needless_pass_by_value, reason = "so that map_err can take it as it is")]
    pub fn unavailable(backend: &'static str, detail: impl ToString) -> Self {
        Self::Unavailable { backend, detail: detail.to_string() }
    }

    /// [`Fault::Internal`].
    #[expect(clippy::needless_pass_by_value, reason = "so that map_err can take it as it is")]
    pub fn internal(detail: impl ToString) -> Self {
        Self::Internal(detail.to_string())
    }
}
