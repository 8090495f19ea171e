//! The built program, as an operator runs it: its own process, real clock, real hashes, files in a folder.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use testkit::process::{Program, RunningProgram};

use super::{Answer, KEYS, PASSWORD, api_walk::WIDE, fresh_ip};

/// A running `signupflow serve`.
pub struct Binary {
    pub program: RunningProgram,
    pub address: SocketAddr,
    pub metrics: SocketAddr,
    pub http: reqwest::Client,
    /// From the start of the process until it was ready, or until it listened.
    pub start_took: Duration,
    pub data_dir: PathBuf,
}

impl Binary {
    /// Starts it on this folder, with traffic limits out of the way and these variables besides, and waits until
    /// it is ready.
    pub async fn start(folder: &Path, variables: &[(&str, &str)]) -> Self {
        Self::start_as(the_program(), folder, variables).await
    }

    /// The same, by another command line, which must become the program.
    pub async fn start_as(program: Program, folder: &Path, variables: &[(&str, &str)]) -> Self {
        let started = Instant::now();
        let binary = Self::begin_as(program, folder, variables).await;
        while binary.get("/ready").await.status != 200 {
            assert!(started.elapsed() < Duration::from_secs(30), "{}", binary.program.stderr());
            // It looks at its backends in real time.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self { start_took: started.elapsed(), ..binary }
    }

    /// The same, and waits only until it listens.
    pub async fn begin(folder: &Path, variables: &[(&str, &str)]) -> Self {
        Self::begin_as(the_program(), folder, variables).await
    }

    async fn begin_as(program: Program, folder: &Path, variables: &[(&str, &str)]) -> Self {
        let port = testkit::free_port::free_tcp_port;
        let (address, metrics) =
            (SocketAddr::from(([127, 0, 0, 1], port())), SocketAddr::from(([127, 0, 0, 1], port())));
        let rules = folder.join("rules.toml");
        std::fs::write(&rules, WIDE).expect("the folder can be written");
        let data_dir = folder.join("data");
        let mut program = program
            .env("BIND_ADDRESS", address.to_string())
            .env("METRICS_ADDRESS", metrics.to_string())
            .env("DATA_DIR", &data_dir)
            .env("PUBLIC_URL", super::PUBLIC_URL)
            .env("TRUSTED_PROXIES", "127.0.0.1/32")
            .env("RATE_LIMIT_API_REQUESTS", "1000000")
            .env("RATE_LIMIT_RULES_FILE", &rules);
        for (name, value) in variables {
            program = program.env(name, value);
        }
        let http = reqwest::Client::builder().pool_max_idle_per_host(64).build().expect("a client");
        let started = Instant::now();
        let mut program = program.start();
        program.wait_for_port(address, Duration::from_secs(30)).await;
        Self { program, address, metrics, http, start_took: started.elapsed(), data_dir }
    }

    /// GETs without credentials, from an address of its own.
    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(&fresh_ip(), Method::GET, path).send().await).await
    }

    /// Starts it on this PostgreSQL, which it migrates; `folder` is for what is left.
    pub async fn start_on_postgres(folder: &Path, url: &str) -> Self {
        let own = [("DATABASE_URL", url), ("MIGRATE_ON_START", "true")];
        Self::start(folder, &[own.as_slice(), KEYS.as_slice()].concat()).await
    }

    /// A request from this address.
    pub fn request(&self, ip: &str, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.address)).header("X-Forwarded-For", ip)
    }

    /// POSTs JSON from an address of its own, again after a moment while the server is busy with passwords;
    /// none when the server goes away meanwhile.
    pub async fn post(&self, path: &str, body: &Value) -> Option<Answer> {
        loop {
            let response = self.request(&fresh_ip(), Method::POST, path).json(body).send().await.ok()?;
            let answer = answered(response).await?;
            if answer.json["code"] != "busy" {
                return Some(answer);
            }
            let seconds = answer.expect(503).header("retry-after").parse().expect("whole seconds");
            // The program keeps real time.
            tokio::time::sleep(Duration::from_secs(seconds)).await;
        }
    }

    /// A request with a session; none when the server goes away meanwhile.
    pub async fn signed(&self, who: &Tokens, method: Method, path: &str, body: &Value) -> Option<Answer> {
        let request = self.request(&fresh_ip(), method, path).bearer_auth(&who.token);
        let request = request.header("X-CSRF-Token", &who.csrf);
        let request = if body.is_null() { request } else { request.json(body) };
        answered(request.send().await.ok()?).await
    }

    /// Founds an organization; none when the server goes away meanwhile. Tried again when a call to Redis took more
    /// than its 50 ms: on a machine that compiles and tests, such calls come without a fault too.
    pub async fn found(&self, email: &str) -> Option<Tokens> {
        let body = json!({"name": "Ada", "email": email, "password": PASSWORD, "org_name": "Helping Hands"});
        let mut answer = self.post("/api/auth/signup", &body).await?;
        for _ in 0..100 {
            if answer.json["code"] == "backend_unavailable" {
                tokio::time::sleep(Duration::from_millis(100)).await;
                answer = self.post("/api/auth/signup", &body).await?;
            }
        }
        let answer = answer.expect(201);
        Some(Tokens {
            email: email.to_owned(),
            token: answer.field("token"),
            csrf: answer.field("csrf_token"),
        })
    }

    /// Signs in from a fresh address.
    pub async fn login(&self, email: &str, password: &str) -> Option<Answer> {
        self.post("/api/auth/login", &json!({"email": email, "password": password})).await
    }

    /// A number of kilobytes from `/proc/PID/status`, such as `VmRSS` or `VmHWM`.
    pub fn memory_kib(&self, what: &str) -> u64 {
        memory_kib(self.program.pid(), what)
    }
}

fn the_program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_signupflow")).args(["serve"])
}

/// What a signed-in client holds.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub email: String,
    pub token: String,
    pub csrf: String,
}

async fn answered(response: reqwest::Response) -> Option<Answer> {
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.ok()?;
    let json = serde_json::from_str(&text).unwrap_or(Value::Null);
    Some(Answer { status, headers, text, json })
}

/// A number of kilobytes from `/proc/PID/status`.
pub fn memory_kib(pid: u32, what: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process lives");
    let line = status.lines().find(|line| line.starts_with(what)).expect("the line is there");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}
