//! The link that authenticator apps read.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::TotpSecret;
use crate::secret::Secret;

/// Everything but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `otpauth://totp/ISSUER:ACCOUNT?secret=…&issuer=ISSUER&algorithm=SHA1&digits=6&period=30` (the Key URI Format of
/// Google Authenticator). The parameters are spelled out although they are what apps assume.
pub fn otpauth_uri(issuer: &str, account: &str, secret: &TotpSecret) -> Secret<String> {
    let issuer = utf8_percent_encode(issuer, RESERVED);
    let account = utf8_percent_encode(account, RESERVED);
    let secret = secret.to_base32();
    Secret::new(format!(
        "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits=6&period=30",
        secret.expose()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_chose_cannot_break_out_of_its_place() {
        let secret = TotpSecret::from_base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").expect("Base32");
        let uri = otpauth_uri("Sign Up/Flow", "a+b&secret=x?#@example.com", &secret);
        assert_eq!(
            uri.expose(),
            "otpauth://totp/Sign%20Up%2FFlow:a%2Bb%26secret%3Dx%3F%23%40example.com\
             ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Sign%20Up%2FFlow&algorithm=SHA1&digits=6&period=30"
        );
    }
}
