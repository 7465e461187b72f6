//! The closed list of what can go wrong with a request, and the table that counts it.
//!
//! The engine names the class, the recorder counts it and keeps the first example of each. Outputs
//! print the label, which is stable: scripts may rely on it.

use serde::{Deserialize, Serialize};

/// Bytes of an example that are kept; an example is for reading, not for a flood of memory.
const EXAMPLE_BYTES_MAX: usize = 300;

/// Classes that one table can hold. The list of classes is closed, so that this is out of reach in a
/// run; a hostile record file cannot pass it either.
const ENTRIES_MAX: usize = 1_500;

/// What the user asked to be true of an answer and was not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// A status was expected and another one came (2xx or 3xx; see [`ErrorClass::Status`] for the rest).
    Status,
    /// The body does not have the expected length.
    Length,
    /// The body does not have the expected content.
    Body,
    /// A header field was expected and did not come.
    Header,
    /// The answer came from one server more than are told apart (`measure::NAMES_MAX`): it cannot be held to
    /// a cookie.
    Servers,
}

impl Check {
    /// Every check.
    pub const ALL: [Check; 5] = [Check::Status, Check::Length, Check::Body, Check::Header, Check::Servers];

    fn label(self) -> &'static str {
        match self {
            Check::Status => "status",
            Check::Length => "length",
            Check::Body => "body",
            Check::Header => "header",
            Check::Servers => "servers",
        }
    }
}

/// Why a request did not get a good answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorClass {
    /// The name of the target has no address.
    Dns,
    /// A TCP reset answered the SYN: nothing listens there.
    ConnectRefused,
    /// No answer to the SYN within the time allowed.
    ConnectTimeout,
    /// The connection was reset while it was being opened.
    ConnectReset,
    /// The kernel has no route, or an ICMP message said that the host or network is not reachable.
    ConnectUnreachable,
    /// No local port is left for another connection (EADDRINUSE, EADDRNOTAVAIL): the client's limit.
    AddrInUse,
    /// No file descriptor or kernel memory is left (EMFILE, ENFILE, ENOBUFS): the client's limit.
    ClientDescriptors,
    /// The peer ended the handshake with this alert (RFC 8446 section 6).
    TlsAlert(u8),
    /// The handshake did not end within the time allowed.
    TlsTimeout,
    /// The peer's certificate is not acceptable.
    TlsCertificate,
    /// Anything else that TLS does not allow.
    TlsProtocol,
    /// The connection broke while the request was being written.
    WriteReset,
    /// The request could not be written within the time allowed.
    WriteTimeout,
    /// The connection was reset while an answer was awaited or read.
    ReadReset,
    /// No complete answer within the time allowed.
    ReadTimeout,
    /// The connection ended before the first byte of an answer.
    EofBeforeHeaders,
    /// The connection ended inside the answer's head.
    EofInHeaders,
    /// The connection ended inside the body: a short answer.
    EofInBody,
    /// Bytes came after the end of the answer: nobody asked for them.
    ExtraBytes,
    /// The first line is not an HTTP/1.x status line.
    BadStatusLine,
    /// The head or the body's framing is not HTTP/1.1 (RFC 9112 section 6), or passes a limit.
    BadFraming,
    /// A complete answer with a status from 400 up that was not expected.
    Status(u16),
    /// A complete answer that is not what the user said it should be.
    CheckFailed(Check),
    /// Another server answered than the one the user's persistence cookie names.
    WrongServer,
    /// The run ended before the answer came.
    CancelledAtEnd,
}

use ErrorClass as E;

/// The classes without a parameter, with their labels.
const PLAIN: [(ErrorClass, &str); 22] = [
    (E::Dns, "dns"),
    (E::ConnectRefused, "connect_refused"),
    (E::ConnectTimeout, "connect_timeout"),
    (E::ConnectReset, "connect_reset"),
    (E::ConnectUnreachable, "connect_unreachable"),
    (E::AddrInUse, "addr_in_use"),
    (E::ClientDescriptors, "client_descriptors"),
    (E::TlsTimeout, "tls_timeout"),
    (E::TlsCertificate, "tls_certificate"),
    (E::TlsProtocol, "tls_protocol"),
    (E::WriteReset, "write_reset"),
    (E::WriteTimeout, "write_timeout"),
    (E::ReadReset, "read_reset"),
    (E::ReadTimeout, "read_timeout"),
    (E::EofBeforeHeaders, "eof_before_headers"),
    (E::EofInHeaders, "eof_in_headers"),
    (E::EofInBody, "eof_in_body"),
    (E::ExtraBytes, "extra_bytes"),
    (E::BadStatusLine, "bad_status_line"),
    (E::BadFraming, "bad_framing"),
    (E::WrongServer, "wrong_server"),
    (E::CancelledAtEnd, "cancelled_at_end"),
];

impl ErrorClass {
    /// The stable name: `read_timeout`, `tls_alert:40`, `status_503`, `check_failed:body`.
    pub fn label(self) -> String {
        match self {
            E::TlsAlert(alert) => format!("tls_alert:{alert}"),
            E::Status(code) => format!("status_{code}"),
            E::CheckFailed(check) => format!("check_failed:{}", check.label()),
            plain => {
                let found = PLAIN.iter().find(|(class, _)| *class == plain);
                found.map_or_else(String::new, |(_, label)| (*label).to_owned())
            }
        }
    }

    /// The class with this label, or `None`.
    pub fn parse(label: &str) -> Option<ErrorClass> {
        if let Some(alert) = label.strip_prefix("tls_alert:") {
            return alert.parse().ok().map(E::TlsAlert);
        }
        if let Some(code) = label.strip_prefix("status_") {
            let code = code.parse().ok().filter(|code| (100..1000).contains(code));
            return code.map(E::Status);
        }
        if let Some(name) = label.strip_prefix("check_failed:") {
            return Check::ALL.into_iter().find(|check| check.label() == name).map(E::CheckFailed);
        }
        PLAIN.iter().find(|(_, name)| *name == label).map(|&(class, _)| class)
    }

    /// Whether the client ran out of something of its own: the target is not to blame.
    pub fn is_the_clients(self) -> bool {
        matches!(self, E::AddrInUse | E::ClientDescriptors)
    }

    /// Whether the user stated an expectation in so many words, and it was broken.
    pub fn is_broken_expectation(self) -> bool {
        matches!(self, E::CheckFailed(_) | E::WrongServer)
    }
}

impl Serialize for ErrorClass {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.label())
    }
}

impl<'de> Deserialize<'de> for ErrorClass {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let label = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        ErrorClass::parse(&label).ok_or_else(|| serde::de::Error::custom("not a class of error"))
    }
}

/// One class with its count and its first example.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorEntry {
    /// What went wrong.
    pub class: ErrorClass,
    /// How often.
    pub count: u64,
    /// When it first happened, in nanoseconds since the run began.
    pub first_ns: u64,
    /// What the first one looked like, in words; up to 300 bytes.
    pub first_example: String,
}

/// Counts by class. Small: a search through it costs less than the error did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ErrorTable {
    entries: Vec<ErrorEntry>,
}

impl ErrorTable {
    /// Counts one error; `example` is only called for the first of its class in this table.
    pub fn count(&mut self, class: ErrorClass, at_ns: u64, example: impl FnOnce() -> String) {
        match self.entries.iter_mut().find(|entry| entry.class == class) {
            Some(entry) => entry.count += 1,
            None => self.insert(ErrorEntry { class, count: 1, first_ns: at_ns, first_example: example() }),
        }
    }

    fn insert(&mut self, mut entry: ErrorEntry) {
        if self.entries.len() < ENTRIES_MAX {
            let text = &mut entry.first_example;
            let mut end = text.len().min(EXAMPLE_BYTES_MAX);
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.truncate(end);
            self.entries.push(entry);
        }
    }

    /// Adds the counts of another table; the earlier example of each class stays.
    pub fn add(&mut self, other: &ErrorTable) {
        for theirs in &other.entries {
            match self.entries.iter_mut().find(|entry| entry.class == theirs.class) {
                Some(ours) => {
                    ours.count = ours.count.saturating_add(theirs.count);
                    let has_example = !theirs.first_example.is_empty();
                    if has_example && (ours.first_example.is_empty() || theirs.first_ns < ours.first_ns) {
                        ours.first_ns = theirs.first_ns;
                        ours.first_example.clone_from(&theirs.first_example);
                    }
                }
                None => self.insert(theirs.clone()),
            }
        }
    }

    /// Every class that was counted, in the order of the first occurrence seen.
    pub fn entries(&self) -> &[ErrorEntry] {
        &self.entries
    }

    /// Errors of every class together.
    pub fn total(&self) -> u64 {
        self.total_where(|_| true)
    }

    /// Errors of the classes that `wanted` picks.
    pub fn total_where(&self, wanted: impl Fn(ErrorClass) -> bool) -> u64 {
        let picked = self.entries.iter().filter(|entry| wanted(entry.class));
        picked.fold(0, |sum, entry| sum.saturating_add(entry.count))
    }

    /// How often one class was counted.
    pub fn of(&self, class: ErrorClass) -> u64 {
        self.total_where(|other| other == class)
    }

    /// Forgets the counts and keeps the memory.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}
