//! [`StartError`]: whose fault it is that the program cannot start.

use backends::redis::ConnectError;
use backends::sql::SqlError;
use hardening::fault::Fault;

/// Why the program cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration asks for something this program does not do. Exit code 2.
    #[error("{0}")]
    Configuration(String),
    /// A backend is away. Exit code 3.
    #[error("{0}")]
    Backend(String),
}

impl From<SqlError> for StartError {
    fn from(error: SqlError) -> Self {
        Self::Backend(format!("the database cannot be used: {error}"))
    }
}

impl From<ConnectError> for StartError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Away(reason) => Self::Backend(format!("Redis is away: {reason}")),
            ConnectError::Unusable(reason) => {
                Self::Configuration(format!("Redis cannot be used as it is set up: {reason}"))
            }
        }
    }
}

impl From<Fault> for StartError {
    fn from(fault: Fault) -> Self {
        Self::Backend(fault.to_string())
    }
}
