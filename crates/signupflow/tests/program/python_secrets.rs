//! Second factors shared with a Python program: `cryptography`'s Fernet and `MultiFernet` both ways, its idea of a key,
//! and codes as Python's `hmac` makes them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use hardening::session::Assurance;
use serde_json::{Value, json};

use crate::admin::opened;
use crate::place::Place;
use crate::python;
use crate::two_factor::{EMAIL, admin_in, both_steps};

/// What a Python program does with the row of the admin: arguments are the database, the person, the keys as JSON (newest
/// first) and the secret to store. Prints what it read, what a rotation gives, and the code of the present.
const PROGRAM: &str = r#"
import base64, hashlib, hmac, json, sqlite3, struct, sys, time
from cryptography.fernet import Fernet, MultiFernet

file, person, keys, secret = sys.argv[1:]
fernet = MultiFernet([Fernet(key) for key in json.loads(keys)])

def code(secret):
    key = base64.b32decode(secret + "=" * (-len(secret) % 8), casefold=True)
    digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    at = digest[-1] & 15
    return "%06d" % ((struct.unpack(">I", digest[at:at + 4])[0] & 0x7fffffff) % 10**6)

database = sqlite3.connect(file)
(token,) = database.execute("SELECT totp_secret FROM user_security_settings WHERE user_id = ?", (person,)).fetchone()
read = fernet.decrypt(token.encode()).decode()
stored = fernet.encrypt(secret.encode()) if secret else fernet.rotate(token.encode())
with database:
    database.execute("UPDATE user_security_settings SET totp_secret = ?, totp_last_step = 0 WHERE user_id = ?",
                     (stored.decode(), person))
print(json.dumps({"read": read, "code": code(secret or read)}))
"#;

/// Prints for each text whether it is a key.
const KEYS: &str = r"
import json, sys
from cryptography.fernet import Fernet

def taken(key):
    try:
        return bool(Fernet(key))
    except Exception:
        return False

print(json.dumps([taken(key) for key in json.load(sys.stdin)]))
";

fn key(byte: u8) -> String {
    URL_SAFE.encode([byte; 32])
}

/// Reads the secret as Python does, and leaves another one (or the same one, under the first of the keys).
fn python_changes(place: &Place, person: &str, keys: &[&str], secret: &str) -> Value {
    let file = place.path().join("data").join(signupflow::config::DATABASE_FILE);
    let arguments = [file.to_str().expect("UTF-8"), person, &json!(keys).to_string(), secret];
    serde_json::from_str(&python::run(PROGRAM, &arguments, "")).expect("JSON")
}

async fn signs_in(place: &Place, code: &Value) {
    let assembly = opened(place).await;
    let passed = both_steps(&assembly, code.as_str().expect("text")).await;
    assembly.database.clone().close().await;
    assert_eq!(passed.expect("the right code"), Assurance::TwoFactor);
}

/// With the key as both programs may have it in their settings; secrets of 80 bits and small letters too.
#[tokio::test]
async fn python_reads_our_secrets_and_we_read_pythons() {
    let plain = URL_SAFE.encode([0xfb; 32]);
    let place = admin_in(Place::new().with("TOTP_ENCRYPTION_KEY", &plain));
    let shown = place.json(&["admin", "enroll-2fa", EMAIL, "--format", "json"]);
    let person = shown["person"]["id"].as_str().expect("an id");
    let mut expected = shown["secret"].as_str().expect("text").to_owned();
    let spelled = [
        plain.clone(),
        STANDARD.encode([0xfb; 32]),
        plain.replacen('-', "+", 5),
        format!("{plain}=="),
        format!("{}!{}", &plain[..9], &plain[9..]),
    ];
    let secrets = [
        "JBSWY3DPEHPK3PXP",
        "jbswy3dpehpk3pxp",
        "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
        "GEZDGNBVGY3TQOJQ",
        "MFRGGZDFMZTWQ2LK",
    ];
    let mut place = place;
    for (key, secret) in spelled.iter().zip(secrets) {
        let seen = python_changes(&place, person, &[key], secret);
        assert_eq!(seen["read"], *expected, "{key}");
        place = place.with("TOTP_ENCRYPTION_KEY", key);
        signs_in(&place, &seen["code"]).await;
        secret.clone_into(&mut expected);
    }
}

/// Whoever rotates, the other one reads with the new key alone.
#[tokio::test]
async fn a_rotation_by_either_is_read_by_the_other() {
    let (first, second, third) = (key(1), key(2), key(3));
    let mut place = admin_in(Place::new().with("TOTP_ENCRYPTION_KEY", &first));
    let shown = place.json(&["admin", "enroll-2fa", EMAIL, "--format", "json"]);
    let person = shown["person"]["id"].as_str().expect("an id").to_owned();
    place = place.with("TOTP_ENCRYPTION_KEY", &format!("{second},{first}"));
    let counts = place.json(&["keys", "rotate", "--format", "json"]);
    assert_eq!(counts["renewed"], 1, "{counts}");
    let seen = python_changes(&place, &person, &[&third, &second], "");
    assert_eq!(seen["read"], shown["secret"], "Python reads what we rotated");
    place = place.with("TOTP_ENCRYPTION_KEY", &format!("{third},{second}"));
    let counts = place.json(&["keys", "rotate", "--format", "json"]);
    assert_eq!((&counts["renewed"], &counts["current"]), (&json!(0), &json!(1)), "{counts}");
    place = place.with("TOTP_ENCRYPTION_KEY", &third);
    signs_in(&place, &seen["code"]).await;
}

/// What is a key for Python is one for us, and nothing else.
#[test]
fn both_take_the_same_texts_for_keys() {
    let plain = URL_SAFE.encode([0xfb; 32]);
    let bare = plain.trim_end_matches('=');
    let mut texts = vec![
        plain.clone(),
        STANDARD.encode([0xfb; 32]),
        bare.to_owned(),
        format!("{plain}=="),
        format!("{plain}AAAA"),
        format!("A{plain}"),
        format!("={plain}"),
        format!("{bare}*="),
        format!("{}={}", &plain[..10], &plain[10..]),
        format!("{}!{}", &plain[..10], &plain[10..]),
        format!("{}\u{e9}{}", &plain[..10], &plain[10..]),
        URL_SAFE.encode([1; 31]),
        URL_SAFE.encode([1; 33]),
        "your-fernet-encryption-key-here".to_owned(),
    ];
    texts.extend((0..plain.len()).map(|at| format!("{}{}", &plain[..at], &plain[at + 1..])));
    texts.extend((0..plain.len()).map(|at| format!("{}={}", &plain[..at], &plain[at..])));
    let taken: Vec<bool> =
        serde_json::from_str(&python::run(KEYS, &[], &json!(texts).to_string())).expect("JSON");
    assert!(taken.len() == texts.len() && taken.contains(&true) && taken.contains(&false));
    for (text, taken) in texts.iter().zip(taken) {
        // Secrets that are missing are made in the data folder, and must not be found there by the next text.
        let folder = tempfile::tempdir().expect("a folder");
        let settings =
            [("TOTP_ENCRYPTION_KEY", text.clone()), ("DATA_DIR", folder.path().display().to_string())];
        let settings: std::collections::BTreeMap<_, _> =
            settings.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
        let ours = signupflow::config::Config::load(&settings);
        let complained = ours.err().is_some_and(|errors| errors.to_string().contains("TOTP_ENCRYPTION_KEY"));
        assert_eq!(!complained, taken, "{text:?}");
    }
}
