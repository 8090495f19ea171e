//! The work of one hashing thread: its memory, the pepper, and what to do with a stored hash.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::phc::{PepperId, Phc};
use super::pool::Verdict;
use super::{Argon2Params, MAX_LENGTH};
use crate::entropy::{Entropy, random_bytes};
use crate::secret::Secret;

/// bcrypt takes twice as long for each step; 15 is about two seconds.
const HIGHEST_BCRYPT_COST: u32 = 15;

/// What all threads of a pool have in common.
pub(super) struct Recipe {
    params: Argon2Params,
    pepper: Option<(PepperId, Secret<[u8; 32]>)>,
    /// A hash nobody knows the password of, made with the current recipe.
    dummy: Phc,
}

impl Recipe {
    pub(super) fn new(params: Argon2Params, pepper: Option<Secret<[u8; 32]>>, entropy: &dyn Entropy) -> Self {
        let pepper = pepper.map(|secret| (pepper_id(&secret), secret));
        let tag = random_bytes::<32>(entropy);
        let dummy = Phc {
            algorithm: Algorithm::Argon2id,
            version: Version::V0x13,
            params,
            pepper: pepper.as_ref().map(|(id, _)| *id),
            salt: random_bytes::<16>(entropy).to_vec(),
            tag: tag.to_vec(),
        };
        Self { params, pepper, dummy }
    }
}

/// One thread's work area.
pub(super) struct Workbench<'a> {
    recipe: &'a Recipe,
    blocks: Vec<Block>,
}

impl<'a> Workbench<'a> {
    pub(super) fn new(recipe: &'a Recipe) -> Self {
        Self { recipe, blocks: Vec::new() }
    }

    /// Hashes a new password; `None` when the recipe's parameters are impossible.
    pub(super) fn hash(&mut self, password: &Secret<String>, salt: [u8; 16]) -> Option<String> {
        let mut phc = Phc { salt: salt.to_vec(), ..self.recipe.dummy.clone() };
        let tag = self.tag_of(password.expose(), &phc)?;
        phc.tag = tag.to_vec();
        Some(phc.to_string())
    }

    /// Compares a password with what is stored. Without a readable hash, the dummy is worked on instead; a
    /// password too long to have been accepted is replaced by none.
    pub(super) fn verify(&mut self, password: &Secret<String>, stored: Option<&str>) -> Verdict {
        let too_long = password.expose().chars().nth(MAX_LENGTH).is_some();
        let password = if too_long { "" } else { password.expose() };
        let (matches, outdated) = match stored.map(Stored::read) {
            Some(Stored::Bcrypt(hash)) => (bcrypt::verify(password, hash).unwrap_or(false), true),
            Some(Stored::Argon2(phc)) if self.can_verify(&phc) => {
                (self.matches(password, &phc), self.is_outdated(&phc))
            }
            _ => {
                let dummy = self.recipe.dummy.clone();
                self.matches(password, &dummy);
                (false, false)
            }
        };
        match (matches && !too_long, outdated) {
            (true, false) => Verdict::Match,
            (true, true) => Verdict::MatchOutdated,
            (false, _) => Verdict::Mismatch,
        }
    }

    fn can_verify(&self, phc: &Phc) -> bool {
        phc.pepper.is_none() || phc.pepper == self.recipe.dummy.pepper
    }

    fn is_outdated(&self, phc: &Phc) -> bool {
        let dummy = &self.recipe.dummy;
        phc.params.weaker_than(self.recipe.params)
            || phc.algorithm != dummy.algorithm
            || phc.version != dummy.version
            || phc.pepper != dummy.pepper
            || phc.tag.len() < dummy.tag.len()
    }

    fn matches(&mut self, password: &str, phc: &Phc) -> bool {
        self.tag_of(password, phc).is_some_and(|tag| bool::from(tag.ct_eq(&phc.tag)))
    }

    fn tag_of(&mut self, password: &str, phc: &Phc) -> Option<Zeroizing<Vec<u8>>> {
        let Argon2Params { m_kib, t, p } = phc.params;
        let params = Params::new(m_kib, t, p, Some(phc.tag.len())).ok()?;
        let needed = params.block_count();
        let secret = match (&self.recipe.pepper, phc.pepper) {
            (Some((_, secret)), Some(_)) => secret.expose().as_slice(),
            _ => &[],
        };
        let argon2 = Argon2::new_with_secret(secret, phc.algorithm, phc.version, params).ok()?;
        let mut tag = Zeroizing::new(vec![0; phc.tag.len()]);
        let result = if phc.params == self.recipe.params {
            self.blocks.resize(needed, Block::new());
            argon2.hash_password_into_with_memory(password.as_bytes(), &phc.salt, &mut tag, &mut self.blocks)
        } else {
            // A foreign hash may need much more memory, which must not stay with the thread.
            let mut blocks = vec![Block::new(); needed];
            argon2.hash_password_into_with_memory(password.as_bytes(), &phc.salt, &mut tag, &mut blocks)
        };
        result.ok().map(|()| tag)
    }
}

enum Stored<'a> {
    Argon2(Phc),
    Bcrypt(&'a str),
    Unreadable,
}

impl<'a> Stored<'a> {
    fn read(stored: &'a str) -> Self {
        if is_bcrypt(stored) {
            return Self::Bcrypt(stored);
        }
        Phc::parse(stored).map_or(Self::Unreadable, Self::Argon2)
    }
}

/// `$2a$`, `$2b$` and `$2y$` name the same algorithm for passwords of sane length; `$2x$` is a known bug.
fn is_bcrypt(stored: &str) -> bool {
    let known = ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| stored.starts_with(prefix));
    let parts = || stored.parse::<bcrypt::HashParts>().ok();
    known && parts().is_some_and(|parts| (4..=HIGHEST_BCRYPT_COST).contains(&parts.get_cost()))
}

fn pepper_id(pepper: &Secret<[u8; 32]>) -> PepperId {
    let digest = Sha256::new().chain_update(b"password pepper id").chain_update(pepper.expose()).finalize();
    let mut id = PepperId::default();
    id.copy_from_slice(&digest[..6]);
    id
}

#[cfg(test)]
#[path = "work_tests.rs"]
mod tests;
