//! In-process stores that survive a restart: memory answers, the SQL database remembers.
//!
//! * What must not be lost is durable in SQL before a verb returns; memory changes after it.
//! * When SQL cannot tell, neither can the store: a [`Fault`], never "there is none".
//! * For one node: a second process with stores of its own would not see what this one does.

mod journal;
mod session_table;
mod sessions;

use hardening::fault::Fault;

use crate::sql::SqlError;

pub use journal::SqlAttemptJournal;
pub use sessions::WriteThroughSessions;

const DATABASE: &str = "database";

fn fault(error: SqlError) -> Fault {
    match error {
        SqlError::Unavailable(detail) => Fault::Unavailable { backend: DATABASE, detail },
        SqlError::Uncertain(detail) => Fault::Uncertain { backend: DATABASE, detail },
        other => Fault::internal(other),
    }
}
