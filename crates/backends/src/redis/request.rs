//! A request on its way, and what its failure means.

use redis::{Cmd, ErrorKind, Pipeline, RedisError, ServerErrorKind, Value};
use tokio::time::Instant;

use super::line::{Line, Unanswered};
use super::script::NUMBER;
use super::{Arg, LuaScript};

/// What to send.
#[derive(Clone, Copy)]
pub(super) enum Request<'a> {
    /// A script by its hash, and by its text if the server does not know it (any more).
    Script { script: &'static LuaScript, keys: &'a [&'a str], args: &'a [Arg] },
    /// Whether scripts that may write are run: since Redis 7 one that declares itself by its first line, and does
    /// not say otherwise there, is refused beforehand by a server that is full, read-only or cannot save.
    WriteCheck,
}

impl Request<'_> {
    /// Sends it and waits for the answer until `deadline`; `asking` follows an ASK redirection of a cluster.
    pub(super) async fn send(
        self,
        line: &Line,
        asking: bool,
        deadline: Instant,
    ) -> Result<Value, Unanswered> {
        let Self::Script { script, .. } = self else {
            let mut command = Cmd::new();
            command.arg("EVAL").arg("#!lua\nreturn 1").arg(0);
            return transmit(line, command, false, deadline).await;
        };
        match transmit(line, self.command("EVALSHA", script.hash()), asking, deadline).await {
            // Nothing ran, so that it is not sent twice.
            Err(Unanswered::Failed(error))
                if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) =>
            {
                transmit(line, self.command("EVAL", script.source()), asking, deadline).await
            }
            outcome => outcome,
        }
    }

    fn command(self, verb: &str, script: &str) -> Cmd {
        let Self::Script { keys, args, .. } = self else { return Cmd::new() };
        let octets =
            keys.iter().map(|key| key.len()).sum::<usize>() + args.iter().map(Arg::room).sum::<usize>();
        let mut command =
            Cmd::with_capacity(3 + keys.len() + args.len(), verb.len() + script.len() + NUMBER + octets);
        command.arg(verb).arg(script).arg(keys.len()).arg(keys).arg(args);
        command
    }
}

async fn transmit(line: &Line, command: Cmd, asking: bool, deadline: Instant) -> Result<Value, Unanswered> {
    if !asking {
        return line.ask(command, deadline).await;
    }
    let mut pair = Pipeline::new();
    pair.cmd("ASKING").ignore().add_command(command);
    line.ask_in_row(&pair, deadline).await
}

/// What an error says about the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// This connection is of no use any more.
    ConnectionLost,
    /// It is no master any more: every write would fail, at once and for ever.
    Demoted,
    /// It cannot answer now, whatever is asked.
    Busy,
    /// It answers, and refuses every write for this reason.
    TakesNoWrites(&'static str),
    /// It answers, but cannot do this now (a fail-over, slots on the move).
    NotNow,
    /// The script or its caller is wrong.
    Mistake,
}

impl Meaning {
    pub(super) fn of(error: &RedisError) -> Self {
        match error.kind() {
            ErrorKind::Io | ErrorKind::Parse | ErrorKind::AuthenticationFailed => Self::ConnectionLost,
            ErrorKind::Server(ServerErrorKind::ReadOnly) => Self::Demoted,
            ErrorKind::Server(ServerErrorKind::BusyLoading | ServerErrorKind::MasterDown) => Self::Busy,
            ErrorKind::Server(
                ServerErrorKind::ClusterDown
                | ServerErrorKind::TryAgain
                | ServerErrorKind::Moved
                | ServerErrorKind::Ask,
            ) => Self::NotNow,
            ErrorKind::Extension => Self::of_code(error.code().unwrap_or_default()),
            _ => Self::Mistake,
        }
    }

    fn of_code(code: &str) -> Self {
        match code {
            "BUSY" | "UNKILLABLE" => Self::Busy,
            "NOAUTH" | "WRONGPASS" => Self::ConnectionLost,
            "OOM" => Self::TakesNoWrites("it has no memory left"),
            "MISCONF" => Self::TakesNoWrites("it cannot save to its disk"),
            "NOREPLICAS" => Self::TakesNoWrites("it has too few replicas"),
            "FAILOVER" => Self::NotNow,
            _ => Self::Mistake,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(reply: &str) -> Meaning {
        let value = redis::parse_redis_value(format!("-{reply}\r\n").as_bytes()).expect("a reply");
        Meaning::of(&value.extract_error().expect_err("an error"))
    }

    #[test]
    fn errors_are_told_apart() {
        assert_eq!(meaning("READONLY You can't write"), Meaning::Demoted);
        assert_eq!(meaning("LOADING Redis is loading"), Meaning::Busy);
        assert_eq!(meaning("BUSY Redis is busy"), Meaning::Busy);
        for reply in ["OOM command not allowed", "MISCONF Redis is configured", "NOREPLICAS Not enough"] {
            assert!(matches!(meaning(reply), Meaning::TakesNoWrites(_)), "{reply}");
        }
        assert_eq!(meaning("CLUSTERDOWN Hash slot not served"), Meaning::NotNow);
        assert_eq!(meaning("NOAUTH Authentication required."), Meaning::ConnectionLost);
        assert_eq!(meaning("ERR user_script:1: nil"), Meaning::Mistake);
        assert_eq!(meaning("WRONGTYPE Operation"), Meaning::Mistake);
        assert_eq!(meaning("CROSSSLOT Keys"), Meaning::Mistake);
        let lost = RedisError::from(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
        assert_eq!(Meaning::of(&lost), Meaning::ConnectionLost);
    }
}
