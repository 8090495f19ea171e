//! Everybody signs in at once, as after a restart.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::support::{PASSWORD, Persona, TestApp, fresh_ip};
use futures_util::future::join_all;
use testkit::fault_proxy::{FaultProxy, Mode};
use testkit::postgres::{ClusterOptions, Postgres};

const PEOPLE: usize = 300;
/// Two seconds of waiting for a turn, two for a hash at most, a sign-in at a database this slow, and time for a busy
/// machine to say so.
const BOUNDED: Duration = Duration::from_secs(8);
/// A database on the other side of an ocean: sign-ins spend their time waiting for it.
const SLOW: Mode = Mode::Delay(Duration::from_millis(20));

/// F17: However many sign in at once, people who are signed in are served; a sign-in whose turn does not come
/// within two seconds gets 503 with a jittered `Retry-After`, is counted against nobody, and succeeds later.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_stampede_of_sign_ins_leaves_everybody_else_served() {
    let database = Postgres::private(&ClusterOptions::default().tcp());
    let proxy = FaultProxy::start(database.tcp_address().expect("it listens on TCP")).await;
    let app = TestApp::on_postgres(&format!("postgresql://postgres@{}/postgres", proxy.address()), &[]).await;
    let admin = app.admin().await;
    let mut emails: Vec<String> = Vec::new();
    while emails.len() < PEOPLE {
        emails.extend(join_all((0..4).map(|_| app.admin())).await.into_iter().map(|person| person.email));
    }
    proxy.set(SLOW).await;
    let (done, stampede_is_over) = tokio::sync::watch::channel(false);
    let stampede = async {
        let logins = emails.iter().map(async |email| {
            let begun = Instant::now();
            let answer = app.login_from(&fresh_ip(), email, PASSWORD).await;
            (email, answer, begun.elapsed())
        });
        let answers = join_all(logins).await;
        done.send_replace(true);
        answers
    };
    let (answers, meanwhile) = tokio::join!(stampede, served_meanwhile(&admin, stampede_is_over));
    assert!(meanwhile > 3, "{meanwhile}");
    proxy.up().await;
    let mut waits = BTreeSet::new();
    for (email, answer, took) in answers {
        assert!(took < BOUNDED, "{took:?}");
        if answer.status == 503 {
            waits.insert(answer.expect_problem(503, "busy").header("retry-after").to_owned());
            let later = app.login_from(&fresh_ip(), email, PASSWORD).await.expect(200);
            assert_eq!(later.header("x-ratelimit-remaining"), "5", "it was not counted");
        } else {
            answer.expect(200);
        }
    }
    assert_eq!(waits, BTreeSet::from(["1", "2", "3"].map(str::to_owned)), "they do not come back at once");
    assert!(app.audit_rows("auth.login_failed").await.is_empty());
}

/// How many requests of a signed-in person were meanwhile until the stampede was over; each must be.
async fn served_meanwhile(person: &Persona<'_>, over: tokio::sync::watch::Receiver<bool>) -> usize {
    let mut served = 0;
    while !*over.borrow() && served < 80 {
        person.get("/api/people/me").await.expect(200);
        served += 1;
    }
    served
}
