//! The application under test: the real one on a free port, with a clock that stands still, cheap hashes and
//! a fresh database; and personas who use it.
//!
//! `SIGNUPFLOW_TEST_DATABASE=postgres` runs the same suite on a throwaway PostgreSQL, `pgbouncer` on one behind a
//! pooler in transaction mode, `SIGNUPFLOW_TEST_REDIS=1` with sessions and counters in a throwaway Redis.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::allow_attributes,
    reason = "each test binary compiles this module, and uses its own part of it"
)]

pub mod api_walk;
pub mod authenticator;
pub mod binary;
pub mod persona;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use accounts::password_reset::{self, WorkedOff};
use axum::Router;
use hardening::clock::{Clock, ManualClock, SystemClock, Timestamp};
use hardening::entropy::OsEntropy;
use hardening::password::Argon2Params;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use signupflow::config::Config;
use signupflow::serve;
use signupflow::server::{Limits, Server};
use signupflow::web::state::AppState;
use signupflow::wiring::{Assembly, Sources, assemble};
use testkit::pgbouncer::PgBouncer;
use testkit::postgres::Postgres;
use tokio::task::JoinHandle;

pub use persona::{Answer, Persona};

/// Accepted by the password rules.
pub const PASSWORD: &str = "three purple otters dance";
/// Also accepted.
pub const OTHER_PASSWORD: &str = "seven quiet lanterns drift";
/// What links and own origin are.
pub const PUBLIC_URL: &str = "http://accounts.test";

/// Secrets, for shapes that make none by themselves.
pub const KEYS: [(&str, &str); 3] = [
    ("SECRET_KEY", "0123456789abcdef0123456789abcdef-tests"),
    ("TOTP_ENCRYPTION_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
    ("AUDIT_SIGNING_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
];

/// A running application.
pub struct TestApp {
    pub address: SocketAddr,
    pub clock: Arc<ManualClock>,
    pub assembly: Arc<Assembly>,
    pub http: reqwest::Client,
    shared: Arc<Shared>,
    serving: Serving,
}

/// What nodes of one deployment share.
struct Shared {
    data_dir: tempfile::TempDir,
    settings: BTreeMap<String, String>,
}

/// The system's clock, wrong by so many seconds.
struct WrongClock(i64);

impl Clock for WrongClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(SystemClock.now().micros() + self.0 * 1_000_000)
    }
}

/// Stops serving when it is dropped.
struct Serving(JoinHandle<()>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// In what a node differs from others of its deployment.
struct Peculiarities {
    /// Its clock.
    own: Arc<dyn Clock>,
    /// Whether it goes by the database's time.
    time_of_database: bool,
    /// Routes beside the product's own.
    further: Router<AppState>,
}

impl TestApp {
    /// With the default settings.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With these variables changed.
    pub async fn with(variables: &[(&str, &str)]) -> Self {
        Self::in_shape(fresh_database().await, fresh_redis(), variables).await
    }

    /// In the shape that nodes can share, whatever the variables say: PostgreSQL, and this Redis.
    pub async fn shared_through(redis_url: &str, variables: &[(&str, &str)]) -> Self {
        let database = testkit::postgres::Postgres::shared().fresh_database().await;
        Self::in_shape(Some(database), Some(redis_url.to_owned()), variables).await
    }

    /// On this PostgreSQL, with these variables changed.
    pub async fn on_postgres(url: &str, variables: &[(&str, &str)]) -> Self {
        Self::in_shape(Some(url.to_owned()), fresh_redis(), variables).await
    }

    /// With routes beside the product's own, under the same layers.
    pub async fn with_routes(further: Router<AppState>) -> Self {
        let (shared, clock) = (Self::settings(fresh_database().await, fresh_redis(), &[]), standing_clock());
        let node = Peculiarities { own: clock.clone(), time_of_database: false, further };
        Self::on_with(shared, clock, node).await
    }

    async fn in_shape(database: Option<String>, redis: Option<String>, variables: &[(&str, &str)]) -> Self {
        Self::on(Self::settings(database, redis, variables), standing_clock()).await
    }

    fn settings(database: Option<String>, redis: Option<String>, variables: &[(&str, &str)]) -> Arc<Shared> {
        let data_dir = tempfile::tempdir().expect("a temporary folder");
        let mut settings = base(&data_dir, database, redis);
        settings.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Arc::new(Shared { data_dir, settings })
    }

    /// Stops and starts again on the same data.
    pub async fn restart(self) -> Self {
        let (shared, clock) = (self.shared.clone(), self.clock.clone());
        let Self { assembly, http, serving, .. } = self;
        drop((serving, http));
        assembly.database.clone().close().await;
        Self::on(shared, clock).await
    }

    /// Another node of the same deployment, on the same clock; see [`TestApp::shared_through`].
    pub async fn another_node(&self) -> Self {
        assert!(self.assembly.redis.is_some(), "nodes share nothing without Redis");
        Self::on(self.shared.clone(), self.clock.clone()).await
    }

    /// Nodes of one deployment of their own.
    pub async fn nodes<const N: usize>() -> [Self; N] {
        Self::nodes_through(&testkit::redis::Redis::shared().fresh_database()).await
    }

    /// Nodes of one deployment on this Redis.
    pub async fn nodes_through<const N: usize>(redis_url: &str) -> [Self; N] {
        let first = Self::shared_through(redis_url, &[]).await;
        let mut nodes = vec![];
        for _ in 1..N {
            nodes.push(first.another_node().await);
        }
        nodes.push(first);
        nodes.try_into().unwrap_or_else(|_| panic!("as many as were asked for"))
    }

    /// Nodes of one deployment on real clocks, each wrong by so many seconds.
    pub async fn nodes_with_wrong_clocks<const N: usize>(
        redis_url: &str,
        variables: &[(&str, &str)],
        wrong_by: [i64; N],
    ) -> [Self; N] {
        let first = Self::shared_through(redis_url, variables).await;
        let mut nodes = vec![];
        for seconds in wrong_by {
            let own = Arc::new(WrongClock(seconds));
            let node = Peculiarities { own, time_of_database: true, further: Router::new() };
            nodes.push(Self::on_with(first.shared.clone(), first.clock.clone(), node).await);
        }
        nodes.try_into().unwrap_or_else(|_| panic!("as many as were asked for"))
    }

    async fn on(shared: Arc<Shared>, clock: Arc<ManualClock>) -> Self {
        let as_usual = Peculiarities { own: clock.clone(), time_of_database: false, further: Router::new() };
        Self::on_with(shared, clock, as_usual).await
    }

    async fn on_with(shared: Arc<Shared>, clock: Arc<ManualClock>, node: Peculiarities) -> Self {
        let Peculiarities { own, time_of_database, further } = node;
        let loaded = Config::load(&shared.settings).expect("the configuration of tests is right");
        let sources = Sources {
            clock: own,
            time_of_database,
            entropy: Arc::new(OsEntropy),
            hash_cost: Some(Argon2Params::cheap_for_tests()),
            redis_call_budget: Some(Duration::from_secs(5)),
            redis_may_come_later: false,
        };
        let assembly = Arc::new(assemble(loaded.config, sources).await.expect("the application starts"));
        let router = serve::application_with(&assembly, further).expect("the application is put together");
        let bound = Server::bind("127.0.0.1:0".parse().expect("an address"), Limits::default())
            .await
            .expect("a free port");
        let address = bound.local_addr();
        let serving = tokio::spawn(async move {
            let _ = bound.serve(router, std::future::pending()).await;
        });
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(256)
            .build()
            .expect("a client");
        Self { address, clock, assembly, http, shared, serving: Serving(serving) }
    }

    /// A request from an address of its own, without credentials.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request_from(&fresh_ip(), method, path)
    }

    /// A request from this address, as a trusted proxy tells it.
    pub fn request_from(&self, ip: &str, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.address)).header("X-Forwarded-For", ip)
    }

    /// POSTs JSON from this address.
    pub async fn post_from(&self, ip: &str, path: &str, body: &Value) -> Answer {
        Answer::of(self.request_from(ip, Method::POST, path).json(body).send().await).await
    }

    /// GETs without credentials.
    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path).send().await).await
    }

    /// Signs in from this address.
    pub async fn login_from(&self, ip: &str, email: &str, password: &str) -> Answer {
        self.post_from(ip, "/api/auth/login", &json!({"email": email, "password": password})).await
    }

    /// Somebody who founds an organization.
    pub async fn admin(&self) -> Persona<'_> {
        let email = fresh_email();
        let body =
            json!({"name": "Ada Admin", "email": email, "password": PASSWORD, "org_name": "Helping Hands"});
        Persona::signed_up(self, &email, body).await
    }

    /// Somebody who accepts an invitation of this admin, with these roles.
    pub async fn invited(&self, admin: &Persona<'_>, roles: &[&str]) -> Persona<'_> {
        let email = fresh_email();
        admin.post("/api/invitations", &json!({"email": email, "roles": roles})).await.expect(201);
        let token = self.mailed_token(&email).await;
        let body =
            json!({"name": "Vic Volunteer", "email": email, "password": PASSWORD, "invitation_token": token});
        Persona::signed_up(self, &email, body).await
    }

    /// A volunteer in this admin's organization.
    pub async fn volunteer(&self, admin: &Persona<'_>) -> Persona<'_> {
        self.invited(admin, &["volunteer"]).await
    }

    /// Answers waiting requests for reset links, as a running server does every second.
    pub async fn answer_resets(&self) -> WorkedOff {
        let mut all = WorkedOff::default();
        loop {
            let done = password_reset::work_off(&self.assembly.services).await.expect("they are answered");
            all.issued += done.issued;
            all.dismissed += done.dismissed;
            all.held_back += done.held_back;
            if !done.goes_on() {
                return all;
            }
        }
    }

    /// Delivers waiting mail and gives the mails to this address, the newest last; without those about new devices,
    /// which nearly every test causes.
    pub async fn mails_to(&self, email: &str) -> Vec<String> {
        let mut mails = self.all_mails_to(email).await;
        mails.retain(|mail| !mail.contains("Subject: New sign-in to your account"));
        mails
    }

    /// Delivers waiting mail and gives all mails to this address, the newest last.
    pub async fn all_mails_to(&self, email: &str) -> Vec<String> {
        self.answer_resets().await;
        while accounts::outbox::deliver_due(&self.assembly.services, &*self.assembly.mailer)
            .await
            .expect("mail is delivered")
            > 0
        {}
        let mut files: Vec<PathBuf> = std::fs::read_dir(self.outbox_dir())
            .map(|entries| entries.filter_map(|entry| entry.ok().map(|e| e.path())).collect())
            .unwrap_or_default();
        files.sort();
        files
            .iter()
            .map(|path| std::fs::read_to_string(path).expect("a mail"))
            .map(|mail| mail.replace("=\r\n", "").replace("=3D", "="))
            .filter(|mail| mail.contains(&format!("To: {email}")))
            .collect()
    }

    /// The token in the link of the newest mail to this address.
    pub async fn mailed_token(&self, email: &str) -> String {
        let mails = self.mails_to(email).await;
        let mail = mails.last().unwrap_or_else(|| panic!("no mail to {email}"));
        let start = mail.find("token=").expect("a link with a token") + "token=".len();
        mail[start..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-' || *c == '_').collect()
    }

    pub fn outbox_dir(&self) -> PathBuf {
        self.shared.data_dir.path().join("outbox")
    }

    pub fn data_dir(&self) -> &std::path::Path {
        self.shared.data_dir.path()
    }

    /// Moves the clock.
    pub fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How many password checks have begun.
    pub fn hashes(&self) -> u64 {
        self.assembly.services.hashing.verifications_started()
    }

    /// Rows of the audit log with this action, oldest first, over all organizations.
    pub async fn audit_rows(&self, action: &str) -> Vec<accounts::ports::AuditRow> {
        use futures_util::TryStreamExt;
        let filter = accounts::ports::AuditFilter { action: Some(action.to_owned()), ..Default::default() };
        self.assembly.services.audit.stream(&filter).try_collect().await.expect("the audit log is readable")
    }

    /// Every row of the audit log, oldest first.
    pub async fn whole_audit_log(&self) -> Vec<accounts::ports::AuditRow> {
        use futures_util::TryStreamExt;
        self.assembly
            .services
            .audit
            .stream(&accounts::ports::AuditFilter::default())
            .try_collect()
            .await
            .expect("readable")
    }
}

fn standing_clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(SystemClock.now()))
}

fn base(
    folder: &tempfile::TempDir,
    database: Option<String>,
    redis: Option<String>,
) -> BTreeMap<String, String> {
    let mut source = BTreeMap::new();
    let mut set = |name: &str, value: &str| source.insert(name.to_owned(), value.to_owned());
    set("DATA_DIR", &folder.path().display().to_string());
    set("PUBLIC_URL", PUBLIC_URL);
    set("TRUSTED_PROXIES", "127.0.0.1/32");
    if let Some(url) = redis {
        set("REDIS_URL", &url);
    }
    if let Some(url) = database {
        set("DATABASE_URL", &url);
        set("MIGRATE_ON_START", "true");
        for (name, value) in KEYS {
            set(name, value);
        }
    }
    source
}

async fn fresh_database() -> Option<String> {
    match std::env::var("SIGNUPFLOW_TEST_DATABASE").as_deref() {
        Ok("postgres") => Some(Postgres::shared().fresh_database().await),
        Ok("sqlite") | Err(_) => None,
        Ok("pgbouncer") => {
            static POOLER: OnceLock<PgBouncer> = OnceLock::new();
            let pooler = POOLER.get_or_init(|| PgBouncer::before(Postgres::shared()));
            Some(pooler.url(&Postgres::shared().fresh_database().await))
        }
        Ok(other) => panic!("SIGNUPFLOW_TEST_DATABASE is {other}; it must be sqlite, postgres or pgbouncer"),
    }
}

fn fresh_redis() -> Option<String> {
    let wanted = std::env::var("SIGNUPFLOW_TEST_REDIS").is_ok_and(|value| value == "1");
    wanted.then(|| testkit::redis::Redis::shared().fresh_database())
}

/// How many rounds a race over two nodes takes: so many usually, `SIGNUPFLOW_RACE_ROUNDS` where that is set (`make soak`).
pub fn race_rounds(usual: usize) -> usize {
    std::env::var("SIGNUPFLOW_RACE_ROUNDS")
        .map_or(usual, |rounds| rounds.parse().expect("a number of rounds"))
}

/// An address nobody else in this test uses.
pub fn fresh_ip() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let n = NEXT.fetch_add(1, Ordering::SeqCst);
    format!("10.{}.{}.{}", (n >> 16) & 255, (n >> 8) & 255, n & 255)
}

/// An e-mail address nobody else in this test uses.
pub fn fresh_email() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("person{}@example.com", NEXT.fetch_add(1, Ordering::SeqCst))
}
