//! Whether a user's answers come from the server that the user's cookie names.
//!
//! What a cookie's value stands for is learnt from each user's own answers: the server that sets it is
//! the one it names. From then on every answer to a request that carried it has to come from that server.
//! Values may be as many as users, as with cookies that carry a session's number or a date.

/// What to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersistenceRule {
    /// Name of the persistence cookie.
    pub cookie: String,
    /// Response field in which a server says who it is.
    pub server_field: String,
}

/// Whom the cookie of a request names, as far as that is known when the request is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Claim {
    /// It carries no such cookie.
    #[default]
    None,
    /// It carries a value that came from elsewhere, and no answer to it has been seen.
    Unknown,
    /// The server of this number.
    Server(u16),
}

/// What an answer says about persistence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: there was no claim to hold it to.
    Unproven,
    /// It came from the server that the cookie names.
    Kept,
    /// It came from another.
    Broken {
        /// Number of the server that the cookie names.
        expected: u16,
    },
}

/// What one thread has learnt of its users' cookies.
#[derive(Debug, Clone, Default)]
pub struct Persistence {
    /// The server that each user's cookie names.
    named: Vec<Option<u16>>,
    /// The users of whom an answer has been held to it.
    held: Vec<bool>,
}

impl Persistence {
    /// Nothing is known of so many users.
    pub fn new(users: usize) -> Self {
        Self { named: vec![None; users], held: vec![false; users] }
    }

    /// What a request of `user` claims that carries `value`, the cookie in the user's jar now.
    pub fn claim(&self, user: u32, value: Option<&[u8]>) -> Claim {
        match (value, self.named.get(user as usize)) {
            (None, _) | (_, None) => Claim::None,
            (Some(_), Some(None)) => Claim::Unknown,
            (Some(_), Some(Some(server))) => Claim::Server(*server),
        }
    }

    /// Whether this is the first time that an answer of this user is told to have been held to its cookie.
    pub fn is_first_of(&mut self, user: u32) -> bool {
        self.held.get_mut(user as usize).is_some_and(|held| !std::mem::replace(held, true))
    }

    /// A server that did not name itself has set the cookie of `user`: whom it names is unknown.
    pub fn forget(&mut self, user: u32) {
        if let Some(named) = self.named.get_mut(user as usize) {
            *named = None;
        }
    }

    /// Judges an answer of `server`, and learns from it. `is_set`: the answer sets the cookie.
    ///
    /// The claim is the request's: another answer may have changed the user's cookie meanwhile.
    pub fn judge(&mut self, user: u32, claim: Claim, is_set: bool, server: u16) -> Verdict {
        if let Some(named) = self.named.get_mut(user as usize) {
            // A value from elsewhere names whoever answers to it first.
            let is_first_answer = claim == Claim::Unknown && named.is_none();
            if is_set || is_first_answer {
                *named = Some(server);
            }
        }
        match claim {
            Claim::None | Claim::Unknown => Verdict::Unproven,
            Claim::Server(expected) if expected == server => Verdict::Kept,
            Claim::Server(expected) => Verdict::Broken { expected },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One exchange of user 0 after the other.
    fn exchange(persistence: &mut Persistence, value: Option<&[u8]>, is_set: bool, server: u16) -> Verdict {
        let claim = persistence.claim(0, value);
        persistence.judge(0, claim, is_set, server)
    }

    #[test]
    fn a_value_names_the_server_that_set_it() {
        let mut persistence = Persistence::new(1);
        assert_eq!(exchange(&mut persistence, None, true, 1), Verdict::Unproven);
        assert_eq!(exchange(&mut persistence, Some(b"a"), false, 1), Verdict::Kept);
        assert_eq!(exchange(&mut persistence, Some(b"a"), false, 2), Verdict::Broken { expected: 1 });
        assert_eq!(exchange(&mut persistence, Some(b"a"), true, 1), Verdict::Kept, "it was only renewed");
        let moved = exchange(&mut persistence, Some(b"a"), true, 2);
        assert_eq!(moved, Verdict::Broken { expected: 1 }, "a redispatch is not what the cookie said");
        assert_eq!(exchange(&mut persistence, Some(b"b"), false, 2), Verdict::Kept);
        assert_eq!(exchange(&mut persistence, None, false, 1), Verdict::Unproven);
        assert!(persistence.is_first_of(0) && !persistence.is_first_of(0) && !persistence.is_first_of(1));
    }

    #[test]
    fn a_value_from_elsewhere_names_whoever_answers_first() {
        let mut persistence = Persistence::new(1);
        assert_eq!(exchange(&mut persistence, Some(b"own"), false, 2), Verdict::Unproven);
        assert_eq!(exchange(&mut persistence, Some(b"own"), false, 2), Verdict::Kept);
        assert_eq!(exchange(&mut persistence, Some(b"own"), false, 1), Verdict::Broken { expected: 2 });
        persistence.forget(0);
        assert_eq!(exchange(&mut persistence, Some(b"new"), false, 1), Verdict::Unproven);
        assert_eq!(exchange(&mut persistence, Some(b"new"), false, 1), Verdict::Kept);
    }

    #[test]
    fn answers_that_cross_are_held_to_what_their_requests_carried() {
        let mut persistence = Persistence::new(1);
        // Two requests without a cookie; the second answer sets the value that stays.
        persistence.judge(0, Claim::None, true, 1);
        let early = persistence.claim(0, Some(b"a"));
        persistence.judge(0, Claim::None, true, 2);
        let late = persistence.claim(0, Some(b"b"));
        assert_eq!(persistence.judge(0, early, false, 1), Verdict::Kept);
        assert_eq!(persistence.judge(0, late, false, 2), Verdict::Kept);
        assert_eq!(persistence.judge(0, late, false, 1), Verdict::Broken { expected: 2 });
    }

    #[test]
    fn every_user_has_a_value_of_its_own() {
        let mut persistence = Persistence::new(2_000);
        for user in 0..2_000 {
            persistence.judge(user, Claim::None, true, (user % 3) as u16);
        }
        for user in 0..2_000 {
            let claim = persistence.claim(user, Some(b"a session's number"));
            assert_eq!(claim, Claim::Server((user % 3) as u16));
            let wrong = persistence.judge(user, claim, false, 3);
            assert_eq!(wrong, Verdict::Broken { expected: (user % 3) as u16 });
        }
    }
}
