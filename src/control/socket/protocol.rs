//! What is said over the control socket: one request line, then answer lines, the last of which ends
//! the conversation. Each is a JSON object and a line feed.
//!
//! Spoken by `serve` and by `client`. A field that is not known makes a request wrong, since it might
//! have limited what is asked for; in an answer it is passed over, so that an older command can read
//! what a newer torii says.

use serde::{Deserialize, Serialize};

use crate::control::status::NodeStatus;

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// How the node does; answered at once.
    Status {},
    /// Give the shared addresses to the other node; answered with its progress.
    FailOver {
        /// Although nothing good is known of a successor.
        #[serde(default)]
        force: bool,
    },
    /// Stand for election again, and have the addresses back from a worse node.
    TakeBack {
        /// Without asking that node. Left out when it is not so: an older torii does not know it.
        #[serde(default, skip_serializing_if = "is_not")]
        force: bool,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks that way")]
const fn is_not(value: &bool) -> bool {
    !*value
}

/// One line of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// How the node does.
    Status {
        /// All of it.
        status: Box<NodeStatus>,
    },
    /// A step of what was asked for; more lines follow.
    Progress {
        /// In words.
        text: String,
    },
    /// What was asked for is done.
    Done {
        /// In words.
        text: String,
    },
    /// It is not done.
    Refused {
        /// Why.
        reason: String,
        /// What to do about it, if there is anything.
        help: Option<String>,
    },
    /// The request was not understood.
    Malformed {
        /// Why.
        reason: String,
    },
}

impl Answer {
    /// Whether the conversation goes on after this line.
    pub fn is_progress(&self) -> bool {
        matches!(self, Self::Progress { .. })
    }
}

/// A value as a line.
pub fn line<T: Serialize>(value: &T) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).expect("the types hold no map and no value that JSON lacks");
    line.push(b'\n');
    line
}

/// Reads a request line, with or without its line feed.
///
/// # Errors
/// What is wrong with it.
pub fn request(line: &[u8]) -> Result<Request, String> {
    serde_json::from_slice(line).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn requests_have_these_words() {
        let cases = [
            ("{\"request\":\"status\"}\n", Request::Status {}),
            ("{\"request\":\"fail_over\"}", Request::FailOver { force: false }),
            ("{\"request\":\"fail_over\",\"force\":true}", Request::FailOver { force: true }),
            ("{\"request\":\"take_back\"}", Request::TakeBack { force: false }),
            ("{\"request\":\"take_back\",\"force\":true}", Request::TakeBack { force: true }),
        ];
        for (text, expected) in cases {
            assert_eq!(request(text.as_bytes()), Ok(expected.clone()));
            assert_eq!(request(&line(&expected)), Ok(expected));
        }
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        let wrong = [
            "",
            "status",
            "{}",
            "{\"request\":\"stop\"}",
            "{\"request\":\"status\",\"deep\":1}",
            "{\"request\":\"fail_over\",\"force\":\"yes\"}",
            "{\"request\":\"fail_over\",\"after\":5}",
            "{\"request\":\"status\"}{}",
            "\u{0}",
        ];
        for text in wrong {
            assert!(request(text.as_bytes()).is_err(), "{text}");
        }
        assert!(request(&[0xff; 64]).is_err());
        let deep = [b"{\"request\":".as_slice(), &[b'['; 4000]].concat();
        assert!(request(&deep).is_err());
    }

    #[test]
    fn an_answer_is_one_line() {
        let answer = Answer::Done { text: "one\ntwo".into() };
        let line = line(&answer);
        assert_eq!(line, b"{\"answer\":\"done\",\"text\":\"one\\ntwo\"}\n");
        assert_eq!(serde_json::from_slice::<Answer>(&line).unwrap(), answer);
        assert!(Answer::Progress { text: String::new() }.is_progress() && !answer.is_progress());
    }
}
