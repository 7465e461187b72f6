//! HTTP basic authentication (RFC 7617) against the users of the statistics page.
//!
//! Called by `route` for each request. Neither which user exists nor how much of a password was
//! right shows in the time it takes: digests are compared, in constant time, for every user.

use aws_lc_rs::{constant_time::verify_slices_are_equal, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::config::model::User;

/// Who may look.
#[derive(Debug)]
pub(super) struct Credentials {
    users: Vec<Digests>,
}

#[derive(Debug)]
struct Digests {
    name: [u8; 32],
    password: [u8; 32],
}

impl Credentials {
    /// No users: everybody may look.
    pub(super) fn new(users: &[User]) -> Self {
        let digests =
            |user: &User| Digests { name: sha256(user.name.as_bytes()), password: user.password_sha256 };
        Self { users: users.iter().map(digests).collect() }
    }

    /// Whether the value of an Authorization field names a user and its password.
    pub(super) fn allow(&self, authorization: Option<&[u8]>) -> bool {
        if self.users.is_empty() {
            return true;
        }
        let Some((name, password)) = authorization.and_then(parse_basic) else { return false };
        let (name, password) = (sha256(&name), sha256(&password));
        let mut allowed = false;
        for user in &self.users {
            let same_name = verify_slices_are_equal(&name, &user.name).is_ok();
            let same_password = verify_slices_are_equal(&password, &user.password).is_ok();
            allowed |= same_name & same_password;
        }
        allowed
    }
}

/// `Basic` in any case, spaces, base64 of `name:password`; the name has no colon (RFC 7617 section 2).
fn parse_basic(value: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (scheme, rest) = value.split_at_checked(b"basic".len())?;
    if !scheme.eq_ignore_ascii_case(b"basic") || !rest.starts_with(b" ") {
        return None;
    }
    let mut name = STANDARD.decode(rest.trim_ascii()).ok()?;
    let colon = memchr::memchr(b':', &name)?;
    let password = name.split_off(colon + 1);
    name.truncate(colon);
    Some((name, password))
}

fn sha256(text: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    digest.copy_from_slice(digest::digest(&digest::SHA256, text).as_ref());
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials() -> Credentials {
        let user = |name: &str, password: &str| User {
            name: name.to_owned(),
            password_sha256: sha256(password.as_bytes()),
        };
        Credentials::new(&[user("first", "one"), user("second", "two:with:colons"), user("third", "")])
    }

    fn allows(scheme: &str, pair: &str) -> bool {
        let value = format!("{scheme} {}", STANDARD.encode(pair));
        credentials().allow(Some(value.as_bytes()))
    }

    #[test]
    fn lets_each_user_in_with_its_own_password() {
        assert!(allows("Basic", "first:one"));
        assert!(allows("bAsIc", "second:two:with:colons"));
        assert!(allows("Basic ", "third:"));
    }

    #[test]
    fn refuses_wrong_names_and_passwords_and_those_of_somebody_else() {
        for pair in
            ["first:two:with:colons", "second:one", "first:", "first:One", "nobody:one", ":one", "first", ""]
        {
            assert!(!allows("Basic", pair), "{pair}");
        }
        assert!(!allows("Digest", "first:one"));
        assert!(!allows("Basic", "first:one\n"));
    }

    #[test]
    fn refuses_what_is_no_basic_authorization() {
        let values: [&[u8]; 8] = [
            b"",
            b"Basic",
            b"Basic ",
            b"Basic %%%",
            b"Basic Zmlyc3Q6b25",
            b"BasicZmlyc3Q6b25l",
            b"\xff",
            b"Bas",
        ];
        for value in values {
            assert!(!credentials().allow(Some(value)), "{value:?}");
        }
        assert!(!credentials().allow(None));
    }

    #[test]
    fn lets_everybody_in_when_there_are_no_users() {
        assert!(Credentials::new(&[]).allow(None));
    }
}
