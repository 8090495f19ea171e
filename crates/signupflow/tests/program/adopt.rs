//! A database that SQLAlchemy itself made (Debian's python3-sqlalchemy): adopted, and its people sign in.

use accounts::RequestContext;
use accounts::sign_in::{SignIn, sign_in};
use hardening::email::EmailAddress;
use hardening::secret::Secret;
use testkit::postgres::Postgres;

use crate::admin::opened;
use crate::place::Place;
use crate::python;

const PASSWORD: &str = "correct horse battery staple";

/// The original's models as its documents describe them; argument 1 is the URL.
const MODELS: &str = r#"
import sys
from datetime import datetime
import sqlalchemy as sa
from sqlalchemy.orm import declarative_base, Session

Base = declarative_base()

class Organization(Base):
    __tablename__ = "organizations"
    id = sa.Column(sa.String, primary_key=True)
    name = sa.Column(sa.String, nullable=False)
    region = sa.Column(sa.String)
    config = sa.Column(sa.JSON, default=dict)
    created_at = sa.Column(sa.DateTime, default=datetime.utcnow)
    updated_at = sa.Column(sa.DateTime, default=datetime.utcnow, onupdate=datetime.utcnow)

class Person(Base):
    __tablename__ = "people"
    id = sa.Column(sa.String, primary_key=True)
    org_id = sa.Column(sa.String, sa.ForeignKey("organizations.id"), nullable=False, index=True)
    name = sa.Column(sa.String, nullable=False)
    email = sa.Column(sa.String, unique=True)
    password_hash = sa.Column(sa.String)
    roles = sa.Column(sa.JSON, default=list)
    timezone = sa.Column(sa.String, default="UTC")
    language = sa.Column(sa.String(5), default="en")
    status = sa.Column(sa.String, default="active", nullable=False)
    is_sms_enabled = sa.Column(sa.Boolean, default=True, nullable=False)
    extra_data = sa.Column(sa.JSON, default=dict, nullable=False)
    created_at = sa.Column(sa.DateTime, default=datetime.utcnow)
    updated_at = sa.Column(sa.DateTime, default=datetime.utcnow, onupdate=datetime.utcnow)

class Team(Base):
    __tablename__ = "teams"
    id = sa.Column(sa.Integer, primary_key=True)
    motto = sa.Column(sa.Text)

engine = sa.create_engine(sys.argv[1])
Base.metadata.create_all(engine)
with Session(engine) as session:
    session.add(Organization(id="org_1", name="Church"))
    session.flush()
    for kind in ["2a", "2b", "2y"]:
        session.add(Person(id=kind, org_id="org_1", name=kind, email=f"Person.{kind}@Example.ORG", roles=["admin"],
            password_hash=f"${kind}$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG"))
    session.add(Person(id="silent", org_id="org_1", name="Nobody"))
    session.add(Team(motto="ours"))
    session.commit()
"#;

fn made_by_sqlalchemy(url: &str) {
    python::run(MODELS, &[url], "");
}

async fn hash_of(place: &Place, id: &str) -> String {
    let assembly = opened(place).await;
    let known = assembly.services.accounts.credentials_of(id).await.expect("readable").expect("there");
    assembly.database.clone().close().await;
    known.password_hash.expect("a hash")
}

async fn adopts(place: Place) {
    let status = place.json(&["migrate", "status", "--format", "json"]);
    assert!(status["adoption"]["steps"].as_array().is_some_and(|steps| !steps.is_empty()), "{status}");
    let told = place.done(&["migrate", "up"]);
    assert!(told.contains("adopted people") && told.contains("left teams alone"), "{told}");
    assert!(place.done(&["migrate", "up"]).contains("up to date"));
    assert!(place.done(&["migrate", "status"]).contains("What was done in it"));
    assert!(place.run(&["doctor"]).stdout.contains("adopted people"));
    for kind in ["2a", "2b", "2y"] {
        let assembly = opened(&place).await;
        let context = RequestContext::new("request", "192.0.2.1", "192.0.2.1", None);
        let input = SignIn {
            email: EmailAddress::parse(&format!("person.{kind}@example.org")).expect("an address"),
            password: Secret::new(PASSWORD.to_owned()),
            device_tokens: Vec::new(),
        };
        sign_in(&assembly.services, &context, input).await.expect("the right password");
        assembly.database.clone().close().await;
        assert!(hash_of(&place, kind).await.starts_with("$argon2id$"));
    }
    let told = place.done(&["migrate", "down", "--all", "--yes"]);
    assert!(!told.contains("dropped people") && !told.contains("dropped teams"), "{told}");
    place.done(&["migrate", "up"]);
    assert!(hash_of(&place, "2a").await.starts_with("$argon2id$"), "the rows are still there");
}

#[tokio::test]
async fn a_sqlite_file_of_sqlalchemy_is_adopted() {
    let (place, url) = sqlite_place();
    made_by_sqlalchemy(&url);
    adopts(place).await;
}

#[tokio::test]
async fn a_postgresql_database_of_sqlalchemy_is_adopted() {
    let url = Postgres::shared().fresh_database().await;
    made_by_sqlalchemy(&url.replacen("postgres://", "postgresql://", 1));
    adopts(Place::on_postgres_at(&url)).await;
}

/// Stricter models: arguments are the URL and `refused` or `allowed`.
const STRICT: &str = r#"
import sys
import sqlalchemy as sa
from sqlalchemy.orm import declarative_base

Base = declarative_base()
allowed = sys.argv[2] == "allowed"

class Organization(Base):
    __tablename__ = "organizations"
    id = sa.Column(sa.String, primary_key=True)
    name = sa.Column(sa.String, nullable=False)
    status = sa.Column(sa.Enum(*(["active", "deleted", "reserved"] if allowed else ["active", "closed"]), name="org_status",
        native_enum=not allowed, create_constraint=True), default="active", nullable=False)

class Person(Base):
    __tablename__ = "people"
    org_id = sa.Column(sa.String, sa.ForeignKey("organizations.id"), primary_key=True)
    id = sa.Column(sa.String, primary_key=True, unique=allowed)
    name = sa.Column(sa.String, nullable=False)
    email = sa.Column(sa.String, unique=True)
    password_hash = sa.Column(sa.String)
    roles = sa.Column(sa.JSON)
    is_sms_enabled = sa.Column(sa.Boolean(create_constraint=True), nullable=False)
    points = sa.Column(sa.Integer, sa.CheckConstraint("points >= 0", name="some_points"), nullable=False)
    __table_args__ = (sa.CheckConstraint("length(name) >= 1", name="named"),)

Base.metadata.create_all(sa.create_engine(sys.argv[1]))
"#;

/// Everything that is wrong is told before anything is changed; without it, people join.
fn refuses_or_adopts(place: &Place, url: &str, wrong_status: &str) {
    python::run(STRICT, &[url, "refused"], "");
    let refused = place.run(&["migrate", "up"]).failed(1, "nothing was changed");
    for sentence in ["people.id does not tell rows apart alone", wrong_status] {
        assert!(refused.stderr.contains(sentence), "{sentence}: {}", refused.stderr);
        assert!(place.done(&["migrate", "status"]).contains(sentence));
    }
    python::run(
        "import sys, sqlalchemy as sa\ne = sa.create_engine(sys.argv[1])\nm = sa.MetaData()\nm.reflect(e)\n\
         assert set(m.tables) == {'people', 'organizations'}, m.tables\nm.drop_all(e)",
        &[url],
        "",
    );
    python::run(STRICT, &[url, "allowed"], "");
    let told = place.done(&["migrate", "up"]);
    assert!(told.contains("people.points wants a value"), "{told}");
    place.create_admin("Ada Admin", "ada@example.org", "Helping Hands");
}

#[test]
fn constraints_in_a_sqlite_file_of_sqlalchemy_are_heard() {
    let (place, url) = sqlite_place();
    refuses_or_adopts(&place, &url, "people.id");
}

#[tokio::test]
async fn constraints_in_a_postgresql_database_of_sqlalchemy_are_heard() {
    let url = Postgres::shared().fresh_database().await;
    let theirs = url.replacen("postgres://", "postgresql://", 1);
    refuses_or_adopts(
        &Place::on_postgres_at(&url),
        &theirs,
        "organizations.status is org_status, and must hold text",
    );
}

/// Their rows, and how many tables and indexes there are: a run that was killed doubles nothing.
const PICTURE: &str = r#"
import sys
import sqlalchemy as sa

engine = sa.create_engine(sys.argv[1])
with engine.connect() as connection:
    for row in connection.execute(sa.text("SELECT id, org_id, name, email, password_hash, CAST(roles AS VARCHAR), timezone, "
        "CAST(extra_data AS VARCHAR), CAST(updated_at AS VARCHAR) FROM people WHERE org_id = 'org_1' ORDER BY id")):
        print(row)
    if len(sys.argv) > 2:
        for table in ["person_emails", "signupflow_adopted", "signupflow_migrations"]:
            print(table, connection.execute(sa.text("SELECT count(*) FROM " + table)).scalar())
        tables = sorted(sa.inspect(engine).get_table_names())
        print(tables, [(table, sorted(index["name"] for index in sa.inspect(engine).get_indexes(table))) for table in tables])
"#;

/// Killed after so many milliseconds, ever later, until one comes to its end; then a run to the end.
fn survives_being_killed(place: &Place, url: &str, expected: &str) {
    made_by_sqlalchemy(url);
    let before = python::run(PICTURE, &[url], "");
    let (mut killed, mut moment) = (0, 2);
    loop {
        let mut child = place.start(&["migrate", "up"]);
        // Real time, and moments nobody planned: both are what is tested.
        std::thread::sleep(std::time::Duration::from_millis(moment));
        child.kill().expect("it can be killed");
        if child.wait().expect("it ends").success() {
            break;
        }
        assert_eq!(python::run(PICTURE, &[url], ""), before, "killed after {moment} ms");
        killed += 1;
        moment += 1 + moment / 6;
    }
    assert!(killed > 3, "{killed}");
    assert!(place.done(&["migrate", "up"]).contains("up to date"));
    assert_eq!(python::run(PICTURE, &[url, "whole"], ""), format!("{before}{expected}"));
    assert!(place.run(&["doctor"]).stdout.contains("adopted people"));
}

fn sqlite_place() -> (Place, String) {
    let keys = Place::new().done(&["keys", "generate"]);
    let keys = keys.lines().filter_map(|line| line.split_once('='));
    let place = keys.fold(Place::new(), |place, (name, value)| place.with(name, value));
    std::fs::create_dir(place.path().join("data")).expect("made");
    let url = format!("sqlite:///{}", place.path().join("data/signupflow.db").display());
    (place, url)
}

/// What there is beside their rows when nobody kills anything.
fn undisturbed(place: &Place, url: &str) -> String {
    made_by_sqlalchemy(url);
    let rows = python::run(PICTURE, &[url], "").len();
    place.done(&["migrate", "up"]);
    python::run(PICTURE, &[url, "whole"], "").split_off(rows)
}

/// `migrate up` of a foreign SQLite file, killed at many moments, goes on where it was; no row of theirs changes.
#[test]
fn an_adoption_of_a_sqlite_file_survives_kill_9() {
    let ((place, url), (calm, calm_url)) = (sqlite_place(), sqlite_place());
    survives_being_killed(&place, &url, &undisturbed(&calm, &calm_url));
}

/// The same on PostgreSQL, where the server notices later that the program is gone.
#[tokio::test]
async fn an_adoption_of_a_postgresql_database_survives_kill_9() {
    let (url, calm_url) =
        (Postgres::shared().fresh_database().await, Postgres::shared().fresh_database().await);
    let theirs = |url: &str| url.replacen("postgres://", "postgresql://", 1);
    let expected = undisturbed(&Place::on_postgres_at(&calm_url), &theirs(&calm_url));
    survives_being_killed(&Place::on_postgres_at(&url), &theirs(&url), &expected);
}

/// The row SQLAlchemy's program would have for somebody with a second factor. Arguments are the URL, the people as a JSON
/// list, and the key.
const FACTORS: &str = r#"
import json, sys
import sqlalchemy as sa
from cryptography.fernet import Fernet

metadata = sa.MetaData()
settings = sa.Table("user_security_settings", metadata,
    sa.Column("user_id", sa.String, primary_key=True), sa.Column("totp_secret", sa.String),
    sa.Column("totp_enabled", sa.Boolean), sa.Column("totp_verified_at", sa.DateTime),
    sa.Column("created_at", sa.DateTime), sa.Column("updated_at", sa.DateTime))
engine = sa.create_engine(sys.argv[1])
metadata.create_all(engine)
with engine.begin() as connection:
    for person in json.loads(sys.argv[2]):
        secret = Fernet(sys.argv[3]).encrypt(b"JBSWY3DPEHPK3PXP").decode()
        connection.execute(settings.insert().values(user_id=person, totp_secret=secret, totp_enabled=True))
"#;

fn failed_check(place: &Place) -> Option<String> {
    let told: serde_json::Value =
        serde_json::from_str(&place.run(&["doctor", "--format", "json"]).stdout).expect("JSON");
    let checks = told["checks"].as_array().expect("checks");
    let check = checks.iter().find(|check| check["id"] == "second_factors").expect("the check");
    (check["outcome"] == "fail").then(|| check["detail"].as_str().expect("text").to_owned())
}

/// Second factors that were stored under another key: told by `migrate up` and the doctor, and refused by the first start
/// like a wrong key (F22). Where some can be read they are told of, until the right key is given beside it.
#[test]
fn second_factors_under_another_key_are_noticed() {
    const OTHER: &str = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";
    let (place, url) = sqlite_place();
    made_by_sqlalchemy(&url);
    python::run(FACTORS, &[&url, r#"["2a", "2b"]"#, OTHER], "");
    let told = place.run(&["migrate", "up"]);
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    assert!(
        told.stderr.contains("TOTP_ENCRYPTION_KEY opens none of the 2 second factors"),
        "{}",
        told.stderr
    );
    assert!(failed_check(&place).is_some_and(|said| said.contains("opens none of the 2")));
    let refused = place.run(&["admin", "enroll-2fa", "person.2y@example.org"]);
    refused.failed(2, "TOTP_ENCRYPTION_KEY opens none of the 2 second factors");

    // With one that can be read the start is no longer refused, but the others are told of.
    let settings = place.settings().to_vec();
    let own = settings.iter().find(|(name, _)| name == "TOTP_ENCRYPTION_KEY").expect("a key");
    python::run(FACTORS, &[&url, r#"["2y"]"#, &own.1], "");
    place.done(&["admin", "unlock", "person.2a@example.org"]);
    let said = failed_check(&place).expect("a complaint");
    assert!(said.contains("of 3 second factors") && said.contains("does not open 2"), "{said}");
    let both = format!("{},{OTHER}", own.1);
    let place = place.with("TOTP_ENCRYPTION_KEY", &both);
    assert_eq!(failed_check(&place), None);
}

/// Whoever has lost the key goes on without these second factors.
#[test]
fn a_lost_key_of_second_factors_can_be_given_up() {
    let (place, url) = sqlite_place();
    made_by_sqlalchemy(&url);
    python::run(FACTORS, &[&url, r#"["2a"]"#, "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="], "");
    place.done(&["migrate", "up"]);
    let refused = place.run(&["admin", "unlock", "person.2a@example.org"]);
    refused.failed(2, "signupflow keys accept TOTP_ENCRYPTION_KEY");
    place.done(&["keys", "accept", "TOTP_ENCRYPTION_KEY"]);
    place.done(&["admin", "reset-2fa", "person.2a@example.org"]);
    assert_eq!(failed_check(&place), None);
}
