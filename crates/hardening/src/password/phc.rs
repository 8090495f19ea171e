//! The stored form of an Argon2 hash: `$argon2id$v=19$m=19456,t=2,p=1$salt$tag` (the PHC string format), with
//! `keyid=` among the parameters when a pepper went in.

use std::fmt;

use argon2::{Algorithm, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::Argon2Params;

/// Which pepper a hash was made with: the first bytes of its fingerprint, not a secret.
pub(super) type PepperId = [u8; 6];

/// A hash taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Phc {
    pub(super) algorithm: Algorithm,
    pub(super) version: Version,
    pub(super) params: Argon2Params,
    pub(super) pepper: Option<PepperId>,
    pub(super) salt: Vec<u8>,
    pub(super) tag: Vec<u8>,
}

impl Phc {
    /// Reads a stored hash; `None` when it is damaged, of another kind, or unaffordable.
    pub(super) fn parse(stored: &str) -> Option<Self> {
        let mut fields = stored.strip_prefix('$')?.split('$');
        let algorithm = match fields.next()? {
            "argon2id" => Algorithm::Argon2id,
            "argon2i" => Algorithm::Argon2i,
            "argon2d" => Algorithm::Argon2d,
            _ => return None,
        };
        let mut params = fields.next()?;
        // Hashes from before version 1.3 do not name theirs.
        let mut version = Version::V0x10;
        if let Some(number) = params.strip_prefix("v=") {
            version = Version::try_from(number.parse::<u32>().ok()?).ok()?;
            params = fields.next()?;
        }
        let (params, pepper) = parse_params(params)?;
        let salt = STANDARD_NO_PAD.decode(fields.next()?).ok()?;
        let tag = STANDARD_NO_PAD.decode(fields.next()?).ok()?;
        let sizes_fit = (8..=64).contains(&salt.len()) && (16..=64).contains(&tag.len());
        let fits = sizes_fit && fields.next().is_none() && params.affordable();
        fits.then_some(Self { algorithm, version, params, pepper, salt, tag })
    }
}

fn parse_params(text: &str) -> Option<(Argon2Params, Option<PepperId>)> {
    let (mut m, mut t, mut p, mut pepper) = (None, None, None, None);
    for pair in text.split(',') {
        let (name, value) = pair.split_once('=')?;
        let number = || value.parse::<u32>().ok();
        match name {
            "m" if m.is_none() => m = Some(number()?),
            "t" if t.is_none() => t = Some(number()?),
            "p" if p.is_none() => p = Some(number()?),
            "keyid" if pepper.is_none() => {
                pepper = Some(STANDARD_NO_PAD.decode(value).ok()?.try_into().ok()?);
            }
            _ => return None,
        }
    }
    Some((Argon2Params { m_kib: m?, t: t?, p: p? }, pepper))
}

impl fmt::Display for Phc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Argon2Params { m_kib, t, p } = self.params;
        write!(f, "${}$v={}$m={m_kib},t={t},p={p}", self.algorithm.as_str(), u32::from(self.version))?;
        if let Some(pepper) = self.pepper {
            write!(f, ",keyid={}", STANDARD_NO_PAD.encode(pepper))?;
        }
        write!(f, "${}${}", STANDARD_NO_PAD.encode(&self.salt), STANDARD_NO_PAD.encode(&self.tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HASH: &str =
        "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b4dWRWJTmaaJObG5w6cLv3xYnI";

    #[test]
    fn a_hash_is_read_and_written_back() {
        let phc = Phc::parse(HASH).expect("valid");
        assert_eq!(phc.params, Argon2Params { m_kib: 65_536, t: 3, p: 4 });
        assert_eq!(phc.salt, b"somesalt");
        assert_eq!(phc.to_string(), HASH);
        let peppered = Phc { pepper: Some([1, 2, 3, 4, 5, 6]), ..phc };
        assert_eq!(Phc::parse(&peppered.to_string()), Some(peppered));
    }

    #[test]
    fn damaged_and_unaffordable_hashes_are_not_read() {
        for (from, to) in [
            ("argon2id", "argon2x"),
            ("v=19", "v=18"),
            ("m=65536", "m=4294967295"),
            ("m=65536", "m=65536,m=65536"),
            ("m=65536", "m=-1"),
            ("m=65536", "x=65536"),
            ("t=3", "t=4000000000"),
            ("t=3,", ""),
            ("p=4", "p=0"),
            ("p=4", "p=4,keyid=AAAA"),
            ("c29tZXNhbHQ", "c2"),
            ("c29tZXNhbHQ", "?"),
            ("$Rdesc", "$A$Rdesc"),
            ("xYnI", "xYnI$"),
        ] {
            let damaged = HASH.replacen(from, to, 1);
            assert_ne!(damaged, HASH);
            assert_eq!(Phc::parse(&damaged), None, "{damaged}");
        }
        assert_eq!(Phc::parse(""), None);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "\\$?(argon2id)?\\$(v=19\\$)?[mtp=,0-9$a-zé]{0,60}") {
            let _ = Phc::parse(&text);
        }
    }
}
