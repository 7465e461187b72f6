//! HAProxy's `option httplog` line, taken apart strictly: any other shape is an error.
//!
//! `%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq "%r"`

/// One access-log line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Address and port of the client.
    pub client: String,
    /// Listener name; ends with `~` on TLS.
    pub frontend: String,
    /// Backend name, or the listener's where none was chosen.
    pub backend: String,
    /// Server name or `<NOSRV>`.
    pub server: String,
    /// TR, Tw, Tc, Tr, Ta in milliseconds; -1 where the exchange did not get that far.
    pub timers: [i64; 5],
    /// Status sent to the client, or -1.
    pub status: i64,
    /// Bytes sent to the client.
    pub bytes: u64,
    /// Four termination letters.
    pub flags: String,
    /// Process, listener, backend and server connections.
    pub connections: [u64; 4],
    /// Retries; `+` before them means another server.
    pub retries: String,
    /// Requests ahead in the server's queue, and in the backend's.
    pub queues: [u64; 2],
    /// Request line without its quotes.
    pub request: String,
}

impl LogLine {
    /// Takes a line apart, or says what is wrong with it.
    pub fn parse(line: &str) -> Result<Self, String> {
        let (head, request) = line.split_once(" \"").ok_or("no quoted request")?;
        let request = request.strip_suffix('"').ok_or("no closing quote")?;
        let words: Vec<&str> = head.split(' ').collect();
        let [client, date, frontend, place, timers, status, bytes, cookie, set_cookie, flags, counts, queues] =
            words[..]
        else {
            return Err(format!("{} words instead of 12 before the request", words.len()));
        };
        check_date(date)?;
        let (backend, server) = place.split_once('/').ok_or("no backend/server")?;
        if (cookie, set_cookie) != ("-", "-") {
            return Err("captures without capture rules".to_owned());
        }
        if flags.len() != 4 {
            return Err(format!("flags {flags:?} are not four letters"));
        }
        let (connections, retries) = counts.rsplit_once('/').ok_or("no retries")?;
        Ok(Self {
            client: client.to_owned(),
            frontend: frontend.to_owned(),
            backend: backend.to_owned(),
            server: server.to_owned(),
            timers: numbers(timers)?,
            status: number(status)?,
            bytes: number(bytes)?,
            flags: flags.to_owned(),
            connections: numbers(connections)?,
            retries: retries.to_owned(),
            queues: numbers(queues)?,
            request: request.to_owned(),
        })
    }

    /// First two letters: why it ended, and in which phase.
    pub fn end(&self) -> &str {
        &self.flags[..2]
    }

    /// Last two letters: the client's cookie, and what was done to the response's.
    pub fn cookie(&self) -> &str {
        &self.flags[2..]
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text:?} is no number of its field"))
}

fn numbers<T: std::str::FromStr + Copy, const N: usize>(text: &str) -> Result<[T; N], String> {
    let list = text.split('/').map(number).collect::<Result<Vec<T>, String>>()?;
    <[T; N]>::try_from(list).map_err(|_| format!("{text:?} does not have {N} figures"))
}

/// One line of HAProxy's `option tcplog`, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcpLine {
    /// Client address and port.
    pub client: String,
    /// Listener, with `~` if it terminates TLS.
    pub frontend: String,
    /// Backend, or the listener while there is none.
    pub backend: String,
    /// Server or `<NOSRV>`.
    pub server: String,
    /// Tw, Tc and Tt.
    pub timers: [i64; 3],
    /// Bytes to the client.
    pub bytes: u64,
    /// Termination state, two letters.
    pub end: String,
    /// `%rc`, with its `+`.
    pub retries: String,
}

impl TcpLine {
    /// Takes a line apart, or says what is wrong with it.
    pub fn parse(line: &str) -> Result<Self, String> {
        let words: Vec<&str> = line.split(' ').collect();
        let [client, date, frontend, place, timers, bytes, end, counts, queues] = words[..] else {
            return Err(format!("{} words instead of 9", words.len()));
        };
        check_date(date)?;
        let (backend, server) = place.split_once('/').ok_or("no backend/server")?;
        if end.len() != 2 {
            return Err(format!("{end:?} are not two letters"));
        }
        let (connections, retries) = counts.rsplit_once('/').ok_or("no retries")?;
        numbers::<u64, 4>(connections)?;
        numbers::<u64, 2>(queues)?;
        Ok(Self {
            client: client.to_owned(),
            frontend: frontend.to_owned(),
            backend: backend.to_owned(),
            server: server.to_owned(),
            timers: numbers(timers)?,
            bytes: number(bytes)?,
            end: end.to_owned(),
            retries: retries.to_owned(),
        })
    }
}

/// `[04/Jul/2023:04:01:52.422]`
fn check_date(word: &str) -> Result<(), String> {
    const SHAPE: &[u8] = b"[dd/Aaa/dddd:dd:dd:dd.ddd]";
    let fits = |(&byte, &shape): (&u8, &u8)| match shape {
        b'd' => byte.is_ascii_digit(),
        b'A' => byte.is_ascii_uppercase(),
        b'a' => byte.is_ascii_lowercase(),
        other => byte == other,
    };
    if word.len() == SHAPE.len() && word.as_bytes().iter().zip(SHAPE).all(fits) {
        Ok(())
    } else {
        Err(format!("date {word:?}"))
    }
}

#[test]
fn log_line_parser_accepts_haproxys_line_and_no_other() {
    let line = concat!(
        "198.51.10.1:1562 [04/Jul/2023:04:01:52.422] front_in~ web_backend/web1 0/0/5/1/6 304 187 - - ",
        "--VU 1/1/0/0/0 0/0 \"GET /server.html HTTP/1.1\""
    );
    let parsed = LogLine::parse(line).unwrap();
    assert_eq!((parsed.server.as_str(), parsed.timers, parsed.cookie()), ("web1", [0, 0, 5, 1, 6], "VU"));
    for (from, to) in
        [("Jul", "JUL"), ("0/0/5/1/6", "0/0/5/1"), ("- - ", "- "), ("--VU", "--"), ("304", "ok")]
    {
        assert!(LogLine::parse(&line.replacen(from, to, 1)).is_err(), "{from} -> {to}");
    }
}
