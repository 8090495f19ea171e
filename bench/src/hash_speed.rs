//! How long one password hash takes on one core, alone: the bound on sign-ins.

use std::sync::Arc;

use hardening::entropy::OsEntropy;
use hardening::password::{Argon2Params, HashPool};
use hardening::secret::Secret;

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "the number is its output")]
async fn main() {
    let pool = HashPool::start(Argon2Params::default(), None, 1, 8, Arc::new(OsEntropy));
    let mut times = Vec::new();
    for round in 0..20 {
        let begun = std::time::Instant::now();
        let hashed = pool.hash(Secret::new(format!("a password of round {round}"))).await;
        if hashed.is_ok() {
            times.push(begun.elapsed().as_secs_f64());
        }
    }
    times.sort_by(f64::total_cmp);
    println!("{}", times.get(times.len() / 2).copied().unwrap_or(f64::NAN));
}
