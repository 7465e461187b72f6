//! Whether a user's answers come from the server that the user's cookie names.
//!
//! What a cookie's value stands for is learnt: the server that sets it is the one it names. From then
//! on every answer to a request that carried this value has to come from that server.

/// Cookie values that are told apart; a pool of servers is far smaller.
const VALUES_MAX: usize = 256;

/// What to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersistenceRule {
    /// Name of the persistence cookie.
    pub cookie: String,
    /// Response field in which a server says who it is.
    pub server_field: String,
}

/// What one thread has learnt.
#[derive(Debug, Clone, Default)]
pub struct Persistence {
    /// Cookie value and the number of the server that set it.
    learnt: Vec<(Vec<u8>, u16)>,
}

/// How an answer is to be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The right server, or nothing to hold it to.
    Kept,
    /// Another server than the one the cookie names.
    Broken {
        /// Number of the server that the cookie names.
        expected: u16,
    },
}

impl Persistence {
    /// Judges an answer of `server` to a request that carried `sent`, and learns from `set`, the
    /// cookie's value after the answer.
    pub fn judge(&mut self, sent: Option<&[u8]>, set: Option<&[u8]>, server: u16) -> Verdict {
        let was_set = set.is_some() && set != sent;
        if was_set && let Some(value) = set {
            self.learn(value, server);
        }
        match sent.and_then(|value| self.named_by(value)) {
            Some(expected) if expected != server => Verdict::Broken { expected },
            Some(_) => Verdict::Kept,
            None => {
                // A cookie that came from elsewhere (a user's own header): the first answer teaches.
                if let Some(value) = sent {
                    self.learn(value, server);
                }
                Verdict::Kept
            }
        }
    }

    fn named_by(&self, value: &[u8]) -> Option<u16> {
        self.learnt.iter().find(|(own, _)| own == value).map(|&(_, server)| server)
    }

    fn learn(&mut self, value: &[u8], server: u16) {
        if self.named_by(value).is_none() && self.learnt.len() < VALUES_MAX {
            self.learnt.push((value.to_vec(), server));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_names_the_server_that_set_it() {
        let mut persistence = Persistence::default();
        assert_eq!(persistence.judge(None, Some(b"a"), 1), Verdict::Kept);
        assert_eq!(persistence.judge(None, Some(b"b"), 2), Verdict::Kept);
        assert_eq!(persistence.judge(Some(b"a"), Some(b"a"), 1), Verdict::Kept);
        assert_eq!(persistence.judge(Some(b"a"), Some(b"a"), 2), Verdict::Broken { expected: 1 });
        let moved = persistence.judge(Some(b"a"), Some(b"b"), 2);
        assert_eq!(moved, Verdict::Broken { expected: 1 }, "a redispatch is not what the cookie said");
        assert_eq!(persistence.judge(Some(b"own"), Some(b"own"), 2), Verdict::Kept);
        assert_eq!(persistence.judge(Some(b"own"), Some(b"own"), 1), Verdict::Broken { expected: 2 });
        assert_eq!(persistence.judge(None, None, 1), Verdict::Kept);
    }
}
