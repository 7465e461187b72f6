//! Values that must not stand in a record: those of fields that prove who somebody is. Their digest
//! stands in their place, so that two runs can still be told apart.
//!
//! What is secret in a URL or a body is not known here; the manual says so.

use crate::record::sha256_hex;

/// Parts of the names of such fields, in lower case.
const SECRET_PARTS: [&str; 10] = [
    "authorization",
    "authentication",
    "cookie",
    "token",
    "secret",
    "password",
    "credential",
    "signature",
    "session",
    "api-key",
];

/// Options whose value is a field, without their dashes.
const FIELD_OPTIONS: [&str; 2] = ["header", "expect-header"];

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('_', "-");
    SECRET_PARTS.iter().any(|part| name.contains(part)) || name.contains("apikey") || name.contains("-auth")
}

/// A field's value as a record may show it.
pub fn shown(name: &str, value: &str) -> String {
    match is_secret(name) {
        true => format!("sha256:{}", sha256_hex(value.as_bytes())),
        false => value.to_owned(),
    }
}

/// A command line, word by word, with the digests of its secrets in their place.
pub fn without(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut field_follows = false;
    let each = |word: String| {
        let begins = if std::mem::take(&mut field_follows) { Some(0) } else { field_at(&word) };
        match begins {
            Some(begins) if begins < word.len() => {
                let (option, field) = word.split_at(begins);
                format!("{option}{}", field_shown(field))
            }
            // The option alone: its value is the next word.
            Some(_) => {
                field_follows = true;
                word
            }
            None => word,
        }
    };
    words.map(each).collect()
}

/// Where the field begins in an option's word, its end when it is the next word.
fn field_at(word: &str) -> Option<usize> {
    if let Some(long) = word.strip_prefix("--") {
        let name = long.split_once('=').map_or(long, |(name, _)| name);
        let is_field = FIELD_OPTIONS.contains(&name);
        return is_field.then(|| (2 + name.len() + 1).min(word.len()));
    }
    // Short options may stand together, the last with its value: `-kHName: value`.
    let short = word.strip_prefix('-')?;
    let at = short.find('H').filter(|&at| short[..at].bytes().all(|byte| b"kqh".contains(&byte)))?;
    let after = at + 2;
    Some(after + usize::from(word[after..].starts_with('=')))
}

fn field_shown(field: &str) -> String {
    match field.split_once(':') {
        Some((name, value)) if is_secret(name) => format!("{name}: {}", shown(name, value.trim())),
        _ => field.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_form_of_a_secret_field_stays_in_the_command_line() {
        let secret = "Bearer abc";
        let digest = format!("sha256:{}", sha256_hex(secret.as_bytes()));
        for words in [
            vec!["-H", "Authorization: Bearer abc"],
            vec!["-HAuthorization: Bearer abc"],
            vec!["-H=authorization:Bearer abc"],
            vec!["-kHAuthorization: Bearer abc"],
            vec!["-kH", "Proxy-Authorization:  Bearer abc "],
            vec!["--header", "Cookie: Bearer abc"],
            vec!["--header=X-Api-Key: Bearer abc"],
            vec!["--expect-header", "Set-Cookie: Bearer abc"],
        ] {
            let line = without(words.iter().map(|word| (*word).to_owned())).join(" ");
            assert!(!line.contains("abc") && line.ends_with(&digest), "{line}");
        }
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        let words = ["run", "http://token:80/", "-H", "X-A: Bearer abc", "--rate", "10", "-r", "5", "-H"];
        let words = words.map(str::to_owned);
        assert_eq!(without(words.clone().into_iter()), words);
        assert_eq!(shown("Accept", "text/html"), "text/html");
    }
}
