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
            device_token: None,
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
    let keys = Place::new().done(&["keys", "generate"]);
    let keys = keys.lines().filter_map(|line| line.split_once('='));
    let place = keys.fold(Place::new(), |place, (name, value)| place.with(name, value));
    std::fs::create_dir(place.path().join("data")).expect("made");
    made_by_sqlalchemy(&format!("sqlite:///{}", place.path().join("data/signupflow.db").display()));
    adopts(place).await;
}

#[tokio::test]
async fn a_postgresql_database_of_sqlalchemy_is_adopted() {
    let url = Postgres::shared().fresh_database().await;
    made_by_sqlalchemy(&url.replacen("postgres://", "postgresql://", 1));
    adopts(Place::on_postgres_at(&url)).await;
}
