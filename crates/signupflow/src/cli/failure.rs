//! [`Failure`]: how a command ends when it does not end well.

use std::io::{self, Write as _};
use std::process::ExitCode;

use accounts::{Error, Refusal};
use backends::breached::FilterError;
use backends::sql::SqlError;
use hardening::fault::Fault;

use crate::config::ConfigErrors;
use crate::serve::ServeError;
use crate::wiring::StartError;

/// Why a command did not do what it was asked; the text is for the operator.
#[derive(Debug)]
pub(super) enum Failure {
    /// A check failed or something was refused: exit code 1.
    Refused(String),
    /// Already told on standard output; with this exit code.
    Told(u8),
    /// Wrong usage or configuration: exit code 2.
    Usage(String),
    /// A backend is away: exit code 3.
    Away(String),
    /// Whoever read standard output has read enough, as `head` does.
    ReaderLeft,
}

impl Failure {
    /// Says it on standard error and gives the exit code.
    pub(super) fn report(&self) -> ExitCode {
        let (code, text) = match self {
            Self::ReaderLeft => return ExitCode::SUCCESS,
            Self::Told(code) => return ExitCode::from(*code),
            Self::Refused(text) => (1, text),
            Self::Usage(text) => (2, text),
            Self::Away(text) => (3, text),
        };
        // With standard error gone as well there is nobody left to tell.
        let _ = writeln!(io::stderr(), "error: {}", text.trim_end());
        ExitCode::from(code)
    }

    /// For writing to standard output.
    pub(super) fn of_output(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::ReaderLeft
        } else {
            Self::Refused(format!("the output cannot be written: {error}"))
        }
    }
}

impl From<ConfigErrors> for Failure {
    fn from(errors: ConfigErrors) -> Self {
        Self::Usage(errors.to_string())
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Configuration(text) => Self::Usage(text),
            StartError::Backend(text) => Self::Away(text),
        }
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        match error {
            ServeError::Start(error) => error.into(),
            ServeError::Bind(_) | ServeError::BindMetrics(_) => Self::Usage(error.to_string()),
            ServeError::CutShort(error) => Self::Refused(error.to_string()),
        }
    }
}

impl From<SqlError> for Failure {
    fn from(error: SqlError) -> Self {
        match error {
            SqlError::Unavailable(_) | SqlError::Uncertain(_) => Self::Away(error.to_string()),
            other => Self::Refused(other.to_string()),
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Unavailable { .. } | Fault::Uncertain { .. } => Self::Away(fault.to_string()),
            Fault::Internal(_) => Self::Refused(fault.to_string()),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => refusal.into(),
            Error::Fault(fault) => fault.into(),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let Refusal::InvalidInput(fields) = &refusal else { return Self::Refused(refusal.to_string()) };
        let sentences = fields.iter().flat_map(|(field, sentences)| {
            sentences.iter().map(move |sentence| format!("{}: {sentence}", option_of(field)))
        });
        Self::Refused(sentences.collect::<Vec<_>>().join("; "))
    }
}

/// The field's name as it is typed here.
fn option_of(field: &str) -> String {
    match field {
        "password" => field.to_owned(),
        _ => format!("--{}", field.replace('_', "-")),
    }
}

impl From<FilterError> for Failure {
    fn from(error: FilterError) -> Self {
        Self::Refused(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_tell_refusals_configuration_and_backends_apart() {
        let code = |failure: Failure| format!("{:?}", failure.report());
        let expected = |code: u8| format!("{:?}", ExitCode::from(code));
        assert_eq!(code(Refusal::NotFound("person").into()), expected(1));
        assert_eq!(code(StartError::Configuration("x".into()).into()), expected(2));
        assert_eq!(code(StartError::Backend("x".into()).into()), expected(3));
        assert_eq!(code(Fault::unavailable("database", "x").into()), expected(3));
        assert_eq!(code(Fault::internal("x").into()), expected(1));
        assert_eq!(code(SqlError::Bad("x".into()).into()), expected(1));
        assert_eq!(code(SqlError::Uncertain("x".into()).into()), expected(3));
        assert_eq!(code(Failure::of_output(&io::ErrorKind::BrokenPipe.into())), expected(0));
    }

    #[test]
    fn invalid_fields_are_named_as_they_are_typed() {
        let Failure::Refused(text) = Failure::from(Refusal::field("org_name", "is required")) else {
            panic!("a refusal")
        };
        assert_eq!(text, "--org-name: is required");
    }
}
