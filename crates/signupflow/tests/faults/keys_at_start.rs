//! Starts with keys that are missing, or are not those of the data.

use std::path::Path;
use std::time::Duration;

use testkit::free_port::free_tcp_port;
use testkit::postgres::Postgres;
use testkit::process::Program;

use crate::support::KEYS;

const PATIENCE: Duration = Duration::from_secs(30);
const OTHER: [(&str, &str); 3] = [
    ("SECRET_KEY", "fedcba9876543210fedcba9876543210-tests"),
    ("TOTP_ENCRYPTION_KEY", "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="),
    ("AUDIT_SIGNING_KEY", "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="),
];

/// Settings of a place, changed by the test.
#[derive(Clone)]
struct Place(Vec<(String, String)>);

impl Place {
    fn of(settings: &[(&str, &str)]) -> Self {
        Self(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    fn embedded(folder: &Path) -> Self {
        Self::of(&[("DATA_DIR", &folder.display().to_string())])
    }

    fn with(&self, name: &str, value: &str) -> Self {
        let mut changed = self.without(name);
        changed.0.push((name.to_owned(), value.to_owned()));
        changed
    }

    fn without(&self, name: &str) -> Self {
        Self(self.0.iter().filter(|(set, _)| set != name).cloned().collect())
    }

    fn program(&self, arguments: &[&str]) -> Program {
        let program = Program::new(env!("CARGO_BIN_EXE_signupflow")).args(arguments.iter().copied());
        self.0.iter().fold(program, |program, (name, value)| program.env(name, value))
    }

    /// Starts, stops, and returns what was said.
    async fn serves(&self) -> String {
        let address = format!("127.0.0.1:{}", free_tcp_port());
        let mut program = self.program(&["serve"]).env("BIND_ADDRESS", &address).start();
        program.wait_for_line("serves", PATIENCE).await;
        program.terminate();
        assert_eq!(program.wait_for_exit(PATIENCE).await.code(), Some(0), "{}", program.stderr());
        program.stdout() + &program.stderr()
    }

    /// Must not start, with exit code 2, and returns what was said.
    async fn is_refused(&self) -> String {
        let address = format!("127.0.0.1:{}", free_tcp_port());
        let mut program = self.program(&["serve"]).env("BIND_ADDRESS", &address).start();
        let ended = program.wait_for_exit(PATIENCE).await;
        let said = program.stderr();
        assert_eq!(ended.code(), Some(2), "{said}");
        said
    }

    async fn done(&self, arguments: &[&str]) {
        let mut program = self.program(arguments).start();
        let ended = program.wait_for_exit(PATIENCE).await;
        assert!(ended.success(), "{}", program.stderr());
    }
}

/// F22: keys that are lost are not made anew over existing data; the server says what is missing and does not start.
#[tokio::test]
async fn lost_keys_are_not_replaced_in_silence() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = Place::embedded(folder.path());
    place.serves().await;
    let secrets = folder.path().join("secrets.env");
    let kept = std::fs::read(&secrets).expect("made at the first start");
    std::fs::remove_file(&secrets).expect("own file");
    let said = place.is_refused().await;
    assert!(said.contains("secrets.env") && said.contains("unreadable"), "{said}");
    assert!(!secrets.exists(), "nothing was made");
    std::fs::write(&secrets, kept).expect("own file");
    std::fs::set_permissions(&secrets, std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .expect("own file");
    place.serves().await;
}

/// F22: a key that is not the one the database was used with stops the start, before it signs or encrypts anything;
/// the message names the key, both check values, and the way out.
#[tokio::test]
async fn a_wrong_key_is_named_with_its_check_value() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = KEYS.iter().fold(Place::embedded(folder.path()), |place, (n, v)| place.with(n, v));
    place.serves().await;
    for (name, wrong) in OTHER {
        let said = place.with(name, wrong).is_refused().await;
        assert!(said.contains(&format!("{name} is not the key this database was used with")), "{said}");
        assert!(said.contains(&format!("signupflow keys accept {name}")) && !said.contains(wrong), "{said}");
        let right = place.serves().await;
        assert!(!right.contains("is not the key"), "a refused start leaves nothing: {right}");
    }
    let (name, new) = OTHER[0];
    place.with(name, new).done(&["keys", "accept", name]).await;
    place.with(name, new).serves().await;
}

/// F22: rotating is giving the old key beside the new one, once; a node that still has only the old one goes on with
/// a warning, and a production without a key names what is missing.
#[tokio::test]
async fn a_rotation_is_no_mistake_and_a_missing_key_is_one() {
    let url = Postgres::shared().fresh_database().await;
    let folder = tempfile::tempdir().expect("a folder");
    let base = Place::embedded(folder.path()).with("DATABASE_URL", &url).with("MIGRATE_ON_START", "true");
    let old = KEYS.iter().fold(base, |place, (name, value)| place.with(name, value));
    old.serves().await;
    let (secret, totp) = (OTHER[0].1, OTHER[1].1);
    let both = old
        .with("SECRET_KEY", secret)
        .with("SECRET_KEY_PREVIOUS", KEYS[0].1)
        .with("TOTP_ENCRYPTION_KEY", &format!("{totp},{}", KEYS[1].1));
    both.serves().await;
    let said = old.serves().await;
    assert!(
        said.contains("SECRET_KEY is an older key") && said.contains("TOTP_ENCRYPTION_KEY is an older"),
        "{said}"
    );
    let new = both.without("SECRET_KEY_PREVIOUS").with("TOTP_ENCRYPTION_KEY", totp);
    assert!(!new.serves().await.contains("older key"));
    let said = new.without("TOTP_ENCRYPTION_KEY").is_refused().await;
    assert!(said.contains("TOTP_ENCRYPTION_KEY") && said.contains("keys are generated only"), "{said}");
}
