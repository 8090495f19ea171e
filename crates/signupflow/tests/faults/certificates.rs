//! Certificates of the servers behind that end, and authorities that change.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use testkit::postgres::{ClusterOptions, Postgres};
use testkit::process::Program;

use crate::support::binary::Binary;
use crate::support::{KEYS, fresh_email};

const PATIENCE: Duration = Duration::from_secs(10);

/// F33: a certificate that ends within two weeks is told by the log, a metric and the doctor; SIGHUP reads the trusted
/// authorities anew, ends no connection and no session, and keeps the old ones when the file is no good.
#[tokio::test(flavor = "multi_thread")]
async fn an_ending_certificate_is_told_and_authorities_are_read_anew() {
    let database = Postgres::private(&ClusterOptions::default().tls_for(10));
    let folder = tempfile::tempdir().expect("a folder");
    let authority = folder.path().join("ca.pem");
    std::fs::copy(database.authority_file(), &authority).expect("it can be copied");
    let url = database.tls_url("localhost", "postgres").replace("sslmode=require", "sslmode=verify-full");
    let url = format!("{url}&sslrootcert={}", authority.display());
    let mut server = Binary::start_on_postgres(folder.path(), &url).await;
    let who = server.found(&fresh_email()).await.expect("it lives");

    let line = server.program.wait_for_line("the certificate of PostgreSQL ends at", PATIENCE).await;
    assert!(line.contains("in 9 days") && line.contains("WARN"), "{line}");
    let metrics = server.http.get(format!("http://{}/metrics", server.metrics)).send().await.expect("served");
    let metrics = metrics.text().await.expect("text");
    assert!(
        metrics.contains("signupflow_certificate_end_timestamp_seconds{server=\"PostgreSQL\"}"),
        "{metrics}"
    );
    let doctor = Program::new(env!("CARGO_BIN_EXE_signupflow")).args(["doctor", "--format", "json"]);
    let doctor = doctor.env("DATABASE_URL", &url).env("DATA_DIR", folder.path().join("data"));
    let mut doctor = KEYS.iter().fold(doctor, |doctor, (name, value)| doctor.env(name, value)).start();
    doctor.wait_for_exit(Duration::from_secs(30)).await;
    let checks: Value = serde_json::from_str(&doctor.stdout()).expect("JSON");
    let check =
        checks["checks"].as_array().expect("a list").iter().find(|check| check["id"] == "certificates");
    assert_eq!(check.expect("it is looked at")["outcome"], "fail", "{checks}");

    server.program.reload();
    server.program.wait_for_line("trusted authorities were read anew", PATIENCE).await;
    std::fs::write(&authority, "nothing here").expect("it can be written");
    server.program.reload();
    server.program.wait_for_line("the authorities from before stay trusted", PATIENCE).await;
    let me = server.signed(&who, Method::GET, "/api/people/me", &Value::Null).await;
    me.expect("the program lives").expect(200);
}
