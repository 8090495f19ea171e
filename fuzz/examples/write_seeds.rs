//! Writes the seeds that need a signature: valid tokens under the keys of the targets.
//! `cargo run -p signupflow-fuzz --example write_seeds` from the root of the repository.

use std::fs;
use std::time::Duration;

use hardening::csrf::CsrfKeys;
use hardening::device::DeviceKeys;
use hardening::entropy::PredictableEntropy;
use hardening::session::token::{SessionClaims, TokenKeys};
use signupflow_fuzz::{NOW, ring, session_id};

fn main() -> std::io::Result<()> {
    let tokens = TokenKeys::new(&ring(), "http://localhost".into(), "signupflow".into());
    let issued = NOW.unix_seconds() - 60;
    let claims = SessionClaims {
        sub: "person_1".into(),
        org: "org_1".into(),
        sid: session_id(1),
        iat: issued,
        exp: issued + 86_400,
    };
    let csrf = CsrfKeys::new(&ring(), Duration::from_secs(3600));
    let csrf = csrf.issue(&session_id(1), NOW, &PredictableEntropy::from_seed(7));
    let device = DeviceKeys::new(&ring()).issue("person_1", "device_1", 0, NOW);
    for (target, seed) in
        [("session_token", tokens.issue(&claims)), ("csrf_token", csrf), ("device_cookie", device)]
    {
        fs::create_dir_all(format!("fuzz/seeds/{target}"))?;
        fs::write(format!("fuzz/seeds/{target}/valid"), seed.expose())?;
    }
    Ok(())
}
