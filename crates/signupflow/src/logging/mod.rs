//! What the program says about itself, on stderr.
//!
//! * One event, one line, whatever a logged value holds: line breaks and control characters, terminal
//!   escapes, and characters that reorder or hide text (bidirectional controls, zero-width) are written
//!   as escapes, so that nobody who chooses a value can forge or disguise a line.
//! * `LOG_FORMAT=json`: one JSON object a line. `pretty`: text, coloured on a terminal unless `NO_COLOR`
//!   is set and not empty.
//! * `RUST_LOG` filters (default `info`). Dependencies that see secrets on the wire or in statements never
//!   say more than `info`, whatever the filter says.
//! * Writing never blocks a request: lines wait in a bounded queue; what does not fit is dropped and
//!   counted. The audit trail does not pass through here.

mod queue;
#[cfg(test)]
mod tests;

use std::{
    fmt::{self, Write as _},
    io::{self, IsTerminal},
};

use tracing::{Level, Metadata, Subscriber, field::Field};
use tracing_subscriber::{
    EnvFilter, Layer,
    field::MakeExt,
    filter::{FilterExt, FilterFn, ParseError},
    fmt::{MakeWriter, format::Writer},
    layer::SubscriberExt,
    registry::LookupSpan,
    util::{SubscriberInitExt, TryInitError},
};

pub use queue::LogGuard;

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Text for people.
    #[default]
    Pretty,
    /// One JSON object a line, for collectors.
    Json,
}

impl std::str::FromStr for LogFormat {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        match text {
            "pretty" => Ok(Self::Pretty),
            "json" => Ok(Self::Json),
            _ => Err(UnknownFormat),
        }
    }
}

/// The text names no [`LogFormat`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a log format is `pretty` or `json`")]
pub struct UnknownFormat;

/// Logging cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The filter is malformed.
    #[error("RUST_LOG is not a filter: {0}")]
    Filter(#[from] ParseError),
    /// The thread that writes cannot be started.
    #[error("cannot start the log writer: {0}")]
    Writer(#[from] io::Error),
    /// Something logs already.
    #[error("logging was started twice: {0}")]
    Twice(#[from] TryInitError),
}

/// Starts logging to stderr, for the whole program. `filter` is `RUST_LOG`; none or empty means `info`.
///
/// Keep the guard until the end of `main`: dropping it writes what still waits.
///
/// # Errors
/// When the filter is malformed, the writer cannot start, or logging was started before.
pub fn init(format: LogFormat, filter: Option<&str>) -> Result<LogGuard, LoggingError> {
    let colours =
        io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let filter = env_filter(filter)?;
    let (queue, guard) = queue::start(io::stderr())?;
    let layer = lines(format, colours, queue).with_filter(filter.and(FilterFn::new(is_discreet)));
    tracing_subscriber::registry().with(layer).try_init()?;
    Ok(guard)
}

fn env_filter(filter: Option<&str>) -> Result<EnvFilter, ParseError> {
    EnvFilter::builder().parse(filter.filter(|filter| !filter.trim().is_empty()).unwrap_or("info"))
}

/// Crates whose `debug` shows header values, statement parameters or messages.
const INDISCREET: [&str; 9] =
    ["h2", "hyper", "hyper_util", "tokio_postgres", "rustls", "redis", "lettre", "reqwest", "rusqlite"];

fn is_discreet(event: &Metadata<'_>) -> bool {
    let owner = event.target().split("::").next().unwrap_or_default();
    *event.level() <= Level::INFO || !INDISCREET.contains(&owner)
}

fn lines<S, W>(format: LogFormat, colours: bool, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer();
    match format {
        LogFormat::Pretty => {
            let fields = tracing_subscriber::fmt::format::debug_fn(write_field).delimited(" ");
            Box::new(layer.fmt_fields(fields).with_ansi(colours).with_writer(writer))
        }
        LogFormat::Json => {
            Box::new(layer.json().flatten_event(true).with_ansi(false).with_writer(JsonSafe(writer)))
        }
    }
}

fn write_field(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    if field.name() != "message" {
        write!(writer, "{}=", field.name())?;
    }
    write!(Escaped(writer), "{value:?}")
}

/// Characters that end a line, steer a terminal, or change how what surrounds them reads.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Writes unsafe characters as Rust writes them in source text.
struct Escaped<'a, 'w>(&'a mut Writer<'w>);

impl fmt::Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|character| match character {
            safe if !is_unsafe(safe) => self.0.write_char(safe),
            '\n' => self.0.write_str("\\n"),
            '\r' => self.0.write_str("\\r"),
            '\t' => self.0.write_str("\\t"),
            other => write!(self.0, "\\u{{{:x}}}", u32::from(other)),
        })
    }
}

/// Escapes, in a line of JSON, the unsafe characters that JSON itself would let stand. They occur inside
/// strings only, where an escape means the same.
struct JsonSafe<W>(W);

impl<'writer, W: MakeWriter<'writer>> MakeWriter<'writer> for JsonSafe<W> {
    type Writer = JsonSafeLine<W::Writer>;

    fn make_writer(&'writer self) -> Self::Writer {
        JsonSafeLine(self.0.make_writer())
    }
}

struct JsonSafeLine<W>(W);

impl<W: io::Write> io::Write for JsonSafeLine<W> {
    /// Takes a whole line at once: that is how the formatter hands it over.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let (text, end) = text.strip_suffix('\n').map_or((&*text, ""), |text| (text, "\n"));
        let mut safe = String::with_capacity(line.len());
        for character in text.chars() {
            if is_unsafe(character) {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(safe, "\\u{unit:04x}").map_err(io::Error::other)?;
                }
            } else {
                safe.push(character);
            }
        }
        safe.push_str(end);
        self.0.write_all(safe.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
