//! Passwords of accounts: Argon2id (RFC 9106), in the PHC string format that other programs make, too.

use anyhow::{Context, Result};
use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, Params, PasswordHasher, PasswordVerifier};
use host::PassphraseSource;
use secrecy::ExposeSecret;

/// The most that checking one password may take: memory in KiB, passes over it, lanes.
const MOST: (u32, u32, u32) = (64 * 1024, 10, 4);

/// Whether passwords can be checked against it, within bounds.
pub(crate) fn inspect(text: &str) -> Result<(), String> {
    let hint = "`nem hash-password` makes one";
    let hash = PasswordHash::new(text).map_err(|_| format!("is no hash in the PHC string format; {hint}"))?;
    if hash.algorithm.as_str() != "argon2id" || hash.salt.is_none() || hash.hash.is_none() {
        return Err(format!("is no Argon2id hash with its salt; {hint}"));
    }
    let params =
        Params::try_from(&hash).map_err(|_| format!("has parameters that Argon2id has not; {hint}"))?;
    if params.m_cost() > MOST.0 || params.t_cost() > MOST.1 || params.p_cost() > MOST.2 {
        return Err(format!(
            "takes more than {} MiB, {} passes or {} lanes to check; {hint}",
            MOST.0 / 1024,
            MOST.1,
            MOST.2
        ));
    }
    Ok(())
}

/// A hash that no password has.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5$bm9ib2R5IGhhcyB0aGlzIHBhc3N3b3JkLCB3aG9ldmVyIGFza3M";

/// Whether that is the password. Without a hash it takes the same time, and the answer is no. Blocks, and takes memory.
pub(crate) fn verify(password: &str, hash: Option<&str>) -> bool {
    let known = hash.filter(|hash| inspect(hash).is_ok());
    PasswordHash::new(known.unwrap_or(NOBODY)).is_ok_and(|parsed| {
        let matches = Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok();
        matches && known.is_some()
    })
}

/// Hashes a password for the inventory. Blocks, and may ask at the terminal.
///
/// # Errors
/// When there is no password, or no randomness.
pub fn hash_password(source: &PassphraseSource) -> Result<String> {
    let password = source.read_new("the account")?;
    let salt: [u8; 16] = crypto_aws_lc::provider().random()?;
    let hash = Argon2::default()
        .hash_password_with_salt(password.expose_secret().as_bytes(), &salt)
        .ok()
        .context("the password cannot be hashed")?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_by_its_hash_and_no_other_is() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "correct horse\n").unwrap();
        let source: PassphraseSource = format!("file:{}", file.path().display()).parse().unwrap();
        let hash = hash_password(&source).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m="), "{hash}");
        inspect(&hash).unwrap();
        assert!(verify("correct horse", Some(&hash)));
        assert!(!verify("correct horses", Some(&hash)) && !verify("correct horse", None));
        assert!(PasswordHash::new(NOBODY).is_ok(), "an unknown user takes the same work");
        assert_ne!(hash_password(&source).unwrap(), hash, "another salt");
    }

    #[test]
    fn hashes_that_would_keep_the_server_busy_are_refused() {
        let hash =
            |parameters: &str| format!("$argon2id$v=19${parameters}$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA");
        inspect(&hash("m=19456,t=2,p=1")).unwrap();
        for (text, reason) in [
            (hash("m=1048576,t=2,p=1"), "64 MiB"),
            (hash("m=19456,t=1000,p=1"), "10 passes"),
            (hash("m=19456,t=2,p=200"), "4 lanes"),
            ("$argon2id$v=19$m=19456,t=2,p=1".to_owned(), "its salt"),
            ("$scrypt$ln=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA".to_owned(), "Argon2id"),
            ("secret".to_owned(), "PHC"),
            (String::new(), "PHC"),
        ] {
            let refusal = inspect(&text).unwrap_err();
            assert!(refusal.contains(reason), "{text}: {refusal}");
        }
    }
}
