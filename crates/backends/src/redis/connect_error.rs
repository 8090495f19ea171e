//! Why no server can be used: one that is away may come back, one that is set up wrongly waits for somebody.

use std::fmt::Display;

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Why Redis cannot be used. The text is for operators; it holds no password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// Nobody answers, or not yet as a master: waiting may help.
    #[error("{0}")]
    Away(String),
    /// It answers, and will refuse until its settings or ours change: wrong password, missing right, unknown
    /// master, evicted keys, too old.
    #[error("{0}")]
    Unusable(String),
}

impl ConnectError {
    /// What the answer to a first request means.
    pub(super) fn of(error: &RedisError) -> Self {
        let refused = matches!(
            error.kind(),
            ErrorKind::AuthenticationFailed
                | ErrorKind::Server(ServerErrorKind::NoPerm | ServerErrorKind::ResponseError)
        ) || matches!(error.code(), Some("NOAUTH" | "WRONGPASS"));
        if refused { Self::Unusable(error.to_string()) } else { Self::Away(error.to_string()) }
    }

    /// The same, and which server it was.
    pub(super) fn at(self, place: &impl Display) -> Self {
        match self {
            Self::Away(text) => Self::Away(format!("{place}: {text}")),
            Self::Unusable(text) => Self::Unusable(format!("{place}: {text}")),
        }
    }

    /// The error of several servers of which none can be used: one that is there and refuses says more than
    /// those that are away.
    pub(super) fn of_all(errors: impl IntoIterator<Item = Self>) -> Self {
        let (mut unusable, mut texts) = (false, Vec::new());
        for error in errors {
            unusable |= matches!(error, Self::Unusable(_));
            texts.push(error.to_string());
        }
        texts.sort_unstable();
        texts.dedup();
        let text = texts.join("; ");
        if unusable { Self::Unusable(text) } else { Self::Away(text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(reply: &str) -> ConnectError {
        let value = redis::parse_redis_value(format!("-{reply}\r\n").as_bytes()).expect("a reply");
        ConnectError::of(&value.extract_error().expect_err("an error"))
    }

    #[test]
    fn what_waiting_does_not_change_is_unusable() {
        for reply in [
            "WRONGPASS invalid username-password pair or user is disabled.",
            "NOAUTH HELLO must be called with the client already authenticated",
            "NOPERM this user has no permissions to run the 'eval' command",
            "ERR This instance has cluster support disabled",
            "ERR DB index is out of range",
        ] {
            assert!(matches!(of(reply), ConnectError::Unusable(_)), "{reply}");
        }
        for reply in ["LOADING Redis is loading", "MASTERDOWN Link with MASTER is down", "BUSY Redis is busy"]
        {
            assert!(matches!(of(reply), ConnectError::Away(_)), "{reply}");
        }
        let lost = RedisError::from(std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
        assert!(matches!(ConnectError::of(&lost), ConnectError::Away(_)));
    }

    #[test]
    fn of_several_the_one_that_refuses_decides() {
        let (away, unusable) = (ConnectError::Away("a".into()), ConnectError::Unusable("u".into()));
        assert_eq!(ConnectError::of_all([away.clone(), away.clone()]), away);
        assert_eq!(ConnectError::of_all([unusable, away]), ConnectError::Unusable("a; u".into()));
    }
}
