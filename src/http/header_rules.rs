//! Header rules: fields that the configuration removes, sets and adds while a head is rewritten.
//!
//! Compiled from the configuration into one value for each direction of each pair of listener and
//! backend; `rewrite` asks `removes` about every field of a head, and appends `lines`. What frames a
//! message or belongs to one connection never gets in here: `config::check` refuses it, see
//! `forbidden`. Must not allocate when it is used.

/// What is done to the fields of a head. Names are compared without regard to case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeaderRules {
    /// Bit n is set when a removed name has n bytes; the last bit stands for all longer ones.
    lengths: u64,
    /// Lower case.
    removed: Box<[Box<[u8]>]>,
    /// Whole field lines, each with its line end.
    lines: Box<[u8]>,
}

/// A field that is set or added: name and value.
pub type NewField = (String, String);

impl HeaderRules {
    /// Removes the fields of `remove`, then those that `set` gives anew, then adds both lists in
    /// their order. The caller has checked that names are tokens and values printable.
    pub fn new(remove: &[String], set: &[NewField], add: &[NewField]) -> Self {
        let names = remove.iter().chain(set.iter().map(|(name, _)| name));
        let mut lines = Vec::new();
        for (name, value) in set.iter().chain(add) {
            push_line(name.as_bytes(), value.as_bytes(), &mut lines);
        }
        Self::of(names.map(|name| name.to_ascii_lowercase().into_bytes()).collect(), lines)
    }

    fn of(mut removed: Vec<Vec<u8>>, lines: Vec<u8>) -> Self {
        removed.sort_unstable();
        removed.dedup();
        let lengths = removed.iter().fold(0, |bits, name| bits | length_bit(name.len()));
        Self { lengths, removed: removed.into_iter().map(Into::into).collect(), lines: lines.into() }
    }

    /// These rules, and then `next` on what they leave: what a listener adds, its backend may remove.
    pub fn then(&self, next: &Self) -> Self {
        let mut lines = Vec::new();
        for (name, value) in self.added().filter(|(name, _)| !next.removes(name)) {
            push_line(name, value, &mut lines);
        }
        lines.extend_from_slice(&next.lines);
        // cold: when a snapshot is built
        let removed = self.removed.iter().chain(&next.removed).map(|name| name.to_vec()).collect();
        Self::of(removed, lines)
    }

    /// Both in turn, where either may be absent.
    pub fn both(first: Option<&Self>, second: Option<&Self>) -> Option<Self> {
        match (first, second) {
            (Some(first), Some(second)) => Some(first.then(second)),
            (one, other) => one.or(other).cloned(),
        }
    }

    /// Whether a received field of this name is left out.
    #[inline]
    pub fn removes(&self, name: &[u8]) -> bool {
        self.lengths & length_bit(name.len()) != 0
            && self.removed.iter().any(|removed| name.eq_ignore_ascii_case(removed))
    }

    /// The field lines that go to the end of the head.
    pub fn lines(&self) -> &[u8] {
        &self.lines
    }

    /// Name and value of each of those lines.
    pub fn added(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.lines.split_inclusive(|&byte| byte == b'\n').map(|line| {
            let colon = memchr::memchr(b':', line).unwrap_or(line.len());
            (&line[..colon], line[colon..].trim_ascii_end().get(2..).unwrap_or(b""))
        })
    }
}

#[inline]
fn length_bit(length: usize) -> u64 {
    1 << length.min(63)
}

fn push_line(name: &[u8], value: &[u8], lines: &mut Vec<u8>) {
    for part in [name, b": ", value, b"\r\n"] {
        lines.extend_from_slice(part);
    }
}

/// Direction of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From a client to a server.
    Request,
    /// From a server to a client.
    Response,
}

/// Why no rule may touch the field of this name; `None` where it may. `sets`: the rule gives it a value.
pub fn forbidden(name: &str, direction: Direction, sets: bool) -> Option<&'static str> {
    const FRAMING: [&str; 3] = ["content-length", "transfer-encoding", "trailer"];
    const HOP_BY_HOP: [&str; 4] = ["connection", "keep-alive", "te", "upgrade"];
    let name = name.to_ascii_lowercase();
    let is = |names: &[&str]| names.contains(&name.as_str());
    match () {
        () if is(&FRAMING) => Some("it says where a body ends, which torii decides itself"),
        () if is(&HOP_BY_HOP) || name.starts_with("proxy-") => {
            Some("it is about one connection, and torii has one to each side")
        }
        () if name == "expect" => Some("client and server agree on it while the request is under way"),
        () if name == "host" && (direction == Direction::Response || !sets) => {
            Some("a request needs exactly one, which `set` in request_headers may replace")
        }
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Vec<NewField> {
        pairs.iter().map(|&(name, value)| (name.into(), value.into())).collect()
    }

    fn rules(remove: &[&str], set: &[(&str, &str)], add: &[(&str, &str)]) -> HeaderRules {
        let remove: Vec<String> = remove.iter().map(|&name| name.into()).collect();
        HeaderRules::new(&remove, &fields(set), &fields(add))
    }

    #[test]
    fn removes_what_is_removed_or_set_in_any_case_and_nothing_else() {
        let rules = rules(&["Server"], &[("X-Set", "1")], &[("X-Add", "2")]);
        assert!(rules.removes(b"server") && rules.removes(b"SERVER") && rules.removes(b"x-set"));
        assert!(!rules.removes(b"x-add") && !rules.removes(b"serves") && !rules.removes(b"X-Se"));
        assert_eq!(rules.lines(), b"X-Set: 1\r\nX-Add: 2\r\n");
    }

    #[test]
    fn knows_long_names_from_each_other() {
        let (one, other) = ("a".repeat(63), "a".repeat(200));
        let rules = rules(&[&other], &[], &[]);
        assert!(rules.removes(other.as_bytes()) && !rules.removes(one.as_bytes()));
    }

    #[test]
    fn the_second_rules_see_what_the_first_added() {
        let first = rules(&["A"], &[("B", "1"), ("C", "x: y")], &[("D", "")]);
        let both = first.then(&rules(&["b"], &[("D", "2")], &[("C", "z")]));
        assert_eq!(both.lines(), b"C: x: y\r\nD: 2\r\nC: z\r\n");
        assert!([&b"a"[..], b"b", b"c", b"d"].iter().all(|name| both.removes(name)));
        assert_eq!(HeaderRules::both(None, Some(&first)), Some(first.clone()));
        assert_eq!(HeaderRules::both(None, None), None);
    }

    #[test]
    fn takes_its_own_lines_apart() {
        let rules = rules(&[], &[("A", "1: 2"), ("B", "")], &[]);
        let added: Vec<_> = rules.added().collect();
        assert_eq!(added, [(&b"A"[..], &b"1: 2"[..]), (&b"B"[..], &b""[..])]);
    }

    #[test]
    fn what_frames_a_message_or_belongs_to_a_connection_is_out_of_reach() {
        for direction in [Direction::Request, Direction::Response] {
            for name in
                ["Content-Length", "transfer-encoding", "TE", "Connection", "Proxy-Authorization", "Expect"]
            {
                assert!(forbidden(name, direction, true).is_some(), "{name}");
                assert!(forbidden(name, direction, false).is_some(), "{name}");
            }
            assert!(forbidden("Server", direction, false).is_none());
        }
        assert!(forbidden("Host", Direction::Request, true).is_none());
        assert!(forbidden("Host", Direction::Request, false).is_some());
        assert!(forbidden("Host", Direction::Response, true).is_some());
    }
}
