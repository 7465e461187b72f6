//! One torii that terminates TLS, for a.test (its default) and b.test, with raw and proper clients.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::recorder::Recorder;
use crate::support::certificate::Certificate;
use crate::support::client::TlsStream;
use crate::support::ports::free_address;
use crate::support::{Client, Configuration, LogLine, Torii, wait};
use crate::world;

/// Alerts by their number (RFC 8446 section 6).
pub mod alert {
    pub const UNEXPECTED_MESSAGE: u8 = 10;
    pub const HANDSHAKE_FAILURE: u8 = 40;
    pub const DECODE_ERROR: u8 = 50;
    pub const PROTOCOL_VERSION: u8 = 70;
    pub const NO_APPLICATION_PROTOCOL: u8 = 120;
}

/// The scene of one test.
pub struct Secure {
    pub torii: Torii,
    pub recorder: Recorder,
    pub first: Certificate,
    pub second: Certificate,
    stats: SocketAddr,
    _folder: tempfile::TempDir,
}

/// What came back before the end of a connection.
#[derive(Debug)]
pub struct Outcome {
    pub bytes: Vec<u8>,
    /// It ended with a reset.
    pub reset: bool,
}

impl Outcome {
    /// The alert that it begins with.
    pub fn alert(&self) -> Option<u8> {
        match self.bytes[..] {
            [21, 3, _, 0, 2, 2, number, ..] => Some(number),
            _ => None,
        }
    }
}

impl Secure {
    #[track_caller]
    pub fn start() -> Self {
        Self::start_with(Configuration::new())
    }

    #[track_caller]
    pub fn start_with(plan: Configuration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let first = Certificate::for_names(&["a.test"]);
        let second = Certificate::for_names(&["b.test"]);
        first.write(folder.path(), "a.test");
        second.write(folder.path(), "b.test");
        let (recorder, stats) = (Recorder::start(), free_address());
        let plan = plan.tls(folder.path(), "1.2").server(recorder.address()).stats(stats);
        let torii = Torii::start(&plan);
        Self { torii, recorder, first, second, stats, _folder: folder }
    }

    /// A figure of the statistics page.
    #[track_caller]
    pub fn figure(&self, name: &str) -> u64 {
        world::figures(self.stats, [name])[0]
    }

    /// A TCP connection.
    pub fn raw(&self) -> TcpStream {
        let stream = TcpStream::connect(self.torii.address()).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(wait::DEADLINE)).unwrap();
        stream
    }

    /// Sends bytes over a connection of their own and reads to its end.
    #[track_caller]
    pub fn say(&self, bytes: impl AsRef<[u8]>) -> Outcome {
        let mut stream = self.raw();
        let _ = stream.write_all(bytes.as_ref());
        read_to_end(&mut stream)
    }

    /// Sends bytes and reads until this much has come; for what does not end the connection.
    #[track_caller]
    pub fn first_bytes(&self, bytes: impl AsRef<[u8]>, count: usize) -> Vec<u8> {
        let mut stream = self.raw();
        stream.write_all(bytes.as_ref()).unwrap();
        let mut answer = vec![0; count];
        stream.read_exact(&mut answer).unwrap();
        answer
    }

    /// A client that has done its handshake for a.test.
    #[track_caller]
    pub fn client(&self) -> Client<TlsStream> {
        Client::connect_tls(self.torii.address(), "a.test", self.first.any_client()).unwrap()
    }

    /// A session that has done its handshake, to do odd things with.
    #[track_caller]
    pub fn session(&self, name: &str, config: Arc<ClientConfig>) -> TlsStream {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut session = ClientConnection::new(config, name).unwrap();
        let mut stream = self.raw();
        while session.is_handshaking() {
            session.complete_io(&mut stream).unwrap();
        }
        StreamOwned::new(session, stream)
    }

    /// A clean GET works, nothing panicked, and no connection or buffer is left behind; returns the log
    /// lines so far, without those of such requests.
    #[track_caller]
    pub fn settle(&self, what: &str) -> Vec<LogLine> {
        let answer = self.client().get("/clean");
        assert_eq!((answer.status, answer.text().as_str()), (200, "GET /clean 0"), "{what}");
        let stderr = self.torii.stderr_text();
        assert!(!stderr.contains("panicked"), "{what}: {stderr}");
        let mut seen = [0, 0];
        let rests = wait::until(|| {
            seen = world::figures(self.stats, ["Connections now", "Buffers in use"]);
            (seen == [0, 0]).then_some(())
        });
        assert!(rests.is_some(), "{what}: connections and buffers left behind: {seen:?}");
        assert_eq!(self.recorder.faults(), Vec::<String>::new(), "{what}");
        assert!(self.recorder.requests().iter().all(|one| one.head.target() != "/SMUG"), "{what}");
        self.torii.log().into_iter().filter(|line| !line.request.contains("/clean")).collect()
    }
}

/// Everything up to the end of the connection.
#[track_caller]
pub fn read_to_end(stream: &mut TcpStream) -> Outcome {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => Outcome { bytes, reset: false },
        Err(error) if error.kind() == ErrorKind::ConnectionReset => Outcome { bytes, reset: true },
        Err(error) => panic!("the connection did not end: {error}; {} bytes came", bytes.len()),
    }
}
