//! `signupflow serve`.

use std::net::SocketAddr;

use super::console;
use super::failure::Failure;
use super::settings::Settings;
use crate::config::{self, Config, Loaded};
use crate::logging::{self, LogFormat, LogGuard};
use crate::wiring::{Assembly, Sources};

pub(super) const EXAMPLES: &str = "EXAMPLES
  signupflow serve                                    everything in ./data, on http://127.0.0.1:8000
  BIND_ADDRESS=0.0.0.0:8000 signupflow serve          reachable from other machines
  signupflow --env-file /etc/signupflow/env serve     with the settings of a file";

pub(super) async fn run(settings: &Settings) -> Result<(), Failure> {
    let Loaded { config, warnings } = settings.load()?;
    let _guard = start_logging(&config)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let sources = Sources { redis_may_come_later: true, ..Sources::system() };
    Ok(crate::serve::run(config, sources, announce).await?)
}

fn announce(assembly: &Assembly, address: SocketAddr) {
    let url = assembly.config.network.public_url.as_str();
    tracing::info!(%address, url, version = env!("CARGO_PKG_VERSION"), "serving");
    let next = if assembly.first_run {
        format!("Next step: create the first organization. {url} shows how; the API is at {url}/docs\n")
    } else {
        format!("The API is at {url}/docs\n")
    };
    // A reader that left does not stop the server.
    let _ = console::print(&format!("SignUpFlow serves {url} (listening on {address})\n{next}"));
}

/// Logging as configured, for commands that run long.
pub(super) fn start_logging(config: &Config) -> Result<LogGuard, Failure> {
    let format = match config.observability.log_format {
        config::LogFormat::Pretty => LogFormat::Pretty,
        config::LogFormat::Json => LogFormat::Json,
    };
    let filter = std::env::var("RUST_LOG").ok();
    logging::init(format, filter.as_deref()).map_err(|error| Failure::Usage(error.to_string()))
}
