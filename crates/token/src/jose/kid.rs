//! The `kid` of a token: the name of the key, and in the encrypted format of its subkey. Untrusted until the token has
//! proved authentic (RFC 8725, section 3.10): bounded, of a small alphabet, and only looked up in memory.

use shared_types::DeploymentKey;

use super::base64url;

/// `<key>.<salt>` or `<key>.<salt>.<deployment>`: the name of a subkey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kid<'a> {
    /// The name of the key in the key file.
    pub(crate) key: &'a str,
    /// 128 random bits of an epoch, 22 characters on the wire.
    pub(crate) salt: [u8; 16],
    /// The deployment, `CV…` in lower case; empty without one.
    pub(crate) deployment: &'a str,
}

impl<'a> Kid<'a> {
    /// The maximum length: a key's name, a salt, a deployment and two dots.
    pub(crate) const MAX_LEN: usize = MAX_NAME_LEN + 1 + 22 + 1 + 34;

    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split('.');
        let key = parts.next().filter(|name| is_name(name))?;
        let salt = base64url::decode_array(parts.next()?)?;
        let deployment = match parts.next() {
            None => "",
            Some(text) => {
                // The canonical form only, since the text is an input of the key derivation.
                let deployment: DeploymentKey = text.parse().ok()?;
                Some(text).filter(|text| **text == *deployment.text())?
            }
        };
        parts.next().is_none().then_some(Self { key, salt, deployment })
    }
}

const MAX_NAME_LEN: usize = 32;

/// Whether `text` can be the name of a key: 1 to 32 letters, digits, `_` and `-`.
pub(crate) fn is_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    (1..=MAX_NAME_LEN).contains(&text.len()) && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: &str = "AAAAAAAAAAAAAAAAAAAAAA";
    const DEPLOYMENT: &str = "CV000000000000000000000000000000ab";

    #[test]
    fn name_salt_and_deployment_are_parsed() {
        let kid = format!("{}.{SALT}.{DEPLOYMENT}", "k".repeat(32));
        assert_eq!(kid.len(), Kid::MAX_LEN);
        assert_eq!(Kid::parse(&kid).unwrap().deployment, DEPLOYMENT);
        let kid = format!("k-1.{SALT}");
        assert_eq!(Kid::parse(&kid), Some(Kid { key: "k-1", salt: [0; 16], deployment: "" }));
    }

    #[test]
    fn malformed_kids_are_rejected() {
        for kid in [
            String::new(),
            "k".into(),
            "k.".into(),
            format!(".{SALT}"),
            format!("{}.{SALT}", "k".repeat(33)),
            format!("../k.{SALT}"),
            format!("k\0.{SALT}"),
            format!("ключ.{SALT}"),
            format!("k.{SALT}A"),
            format!("k.{}B", &SALT[1..]),
            format!("k.{SALT}."),
            format!("k.{SALT}.{DEPLOYMENT}."),
            format!("k.{SALT}.{DEPLOYMENT}.x"),
            format!("k.{SALT}.{}", DEPLOYMENT.replace("ab", "AB")),
            format!("k.{SALT}.AC000000000000000000000000000000ab"),
        ] {
            assert_eq!(Kid::parse(&kid), None, "{kid}");
        }
    }
}
