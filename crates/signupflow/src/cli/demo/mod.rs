//! `signupflow demo`: the real server on a throwaway database, with something in it.

mod logins;
mod seed;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use super::console;
use super::failure::Failure;
use super::serve::start_logging;
use super::settings::{Settings, close};
use crate::config::{Config, Loaded};
use crate::wiring::{Assembly, Sources, assemble};
use logins::Login;

pub(super) const EXAMPLES: &str = "EXAMPLES
  signupflow demo                                  gone when it ends
  signupflow demo --port 8080 --data-dir ./demo    kept; the next start goes on with it";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Keeps the data there, instead of in a temporary folder that goes with the program.
    #[arg(long, value_name = "PATH")]
    data_dir: Option<PathBuf>,
    /// The port on this machine; a free one when left out.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
}

pub(super) async fn run(settings: &Settings, args: Args) -> Result<(), Failure> {
    if settings.env_file().is_some() {
        return Err(Failure::Usage(
            "`demo` reads no settings, so that it never touches real data: leave --env-file out".to_owned(),
        ));
    }
    let folder = Folder::open(args.data_dir)?;
    let port = args.port.map_or_else(free_port, Ok)?;
    let Loaded { config, warnings: _ } = Config::load(&demo_settings(folder.path(), port))?;
    let _guard = start_logging(&config)?;
    let logins = prepare(&config, folder.path()).await?;
    let served = crate::serve::run(config, Sources::system(), |assembly, address| {
        // A reader that left does not stop the server.
        let _ = announce(assembly, address, &logins);
    });
    Ok(served.await?)
}

/// Everything a demo is configured by: the environment is left out, it may be a production's.
fn demo_settings(data_dir: &Path, port: u16) -> BTreeMap<String, String> {
    let address = format!("127.0.0.1:{port}");
    BTreeMap::from([
        ("ENVIRONMENT".to_owned(), "development".to_owned()),
        ("DATA_DIR".to_owned(), data_dir.to_string_lossy().into_owned()),
        ("PUBLIC_URL".to_owned(), format!("http://{address}")),
        ("BIND_ADDRESS".to_owned(), address),
    ])
}

/// Seeds an empty database; otherwise reads the logins of the first time.
async fn prepare(config: &Config, folder: &Path) -> Result<Vec<Login>, Failure> {
    if let Some(logins) = logins::read(folder)? {
        return Ok(logins);
    }
    let assembly = assemble(config.clone(), Sources::system()).await?;
    if assembly.services.people.first_admin().await?.is_some() {
        return Err(Failure::Refused(format!(
            "{} holds data that no demo made: choose another --data-dir",
            folder.display()
        )));
    }
    let logins = seed::seed(&assembly.services).await?;
    logins::write(folder, &logins)?;
    close(assembly).await?;
    Ok(logins)
}

fn announce(assembly: &Assembly, address: SocketAddr, logins: &[Login]) -> Result<(), Failure> {
    let url = assembly.config.network.public_url.as_str();
    console::print(&format!("SignUpFlow demo on {url} (listening on {address}); Ctrl-C ends it.\n\n"))?;
    let rows =
        logins.iter().map(|login| vec![login.role.clone(), login.email.clone(), login.password.clone()]);
    console::print_table(&["role", "e-mail", "password"], rows.collect())?;
    let Some(admin) = logins.first() else { return Ok(()) };
    console::print(&format!(
        "\nAPI: {url}/docs\nSign in:\n  curl -s {url}/api/auth/login -H 'Content-Type: application/json' \\\n    \
         -d '{{\"email\":\"{}\",\"password\":\"{}\"}}'\n",
        admin.email, admin.password
    ))
}

fn free_port() -> Result<u16, Failure> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    listener
        .map(|address| address.port())
        .map_err(|error| Failure::Refused(format!("there is no free port on this machine: {error}")))
}

/// Where the data is; a temporary one goes with this value.
struct Folder {
    path: PathBuf,
    temporary: bool,
}

impl Folder {
    fn open(given: Option<PathBuf>) -> Result<Self, Failure> {
        match given {
            Some(path) => Ok(Self { path, temporary: false }),
            None => Self::temporary(),
        }
    }

    /// A folder of a name nobody can guess, so that nobody can prepare it.
    fn temporary() -> Result<Self, Failure> {
        use std::os::unix::fs::DirBuilderExt as _;
        let name = hardening::entropy::random_token(&hardening::entropy::OsEntropy);
        let path = std::env::temp_dir().join(format!("signupflow-demo-{}", name.expose()));
        std::fs::DirBuilder::new().mode(0o700).create(&path).map_err(|error| {
            Failure::Refused(format!("the folder {} cannot be made: {error}", path.display()))
        })?;
        Ok(Self { path, temporary: true })
    }

    fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary {
            // What cannot be removed is in the system's temporary folder, which is emptied anyway.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
