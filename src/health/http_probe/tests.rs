//! HTTP probes against small servers that behave and misbehave.

#![allow(clippy::unwrap_used)]
use tokio::net::{TcpListener, TcpStream};

use super::*;

const LIMIT: Duration = Duration::from_secs(5);

/// Checks a server that reads the request, answers by `serve` and closes.
async fn check<F>(limit: Duration, serve: impl FnOnce(TcpStream) -> F) -> Verdict
where
    F: Future<Output = ()>,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = [0; 64];
        let count = stream.read(&mut asked).await.unwrap();
        assert_eq!(&asked[..count], b"GET /server.html HTTP/1.0\r\n\r\n");
        serve(stream).await;
    };
    let mut probe = HttpProbe::new(request("GET", "/server.html", "HTTP/1.0", None));
    // The server may still be writing when the verdict is there; it is dropped then.
    tokio::select! {
        biased;
        verdict = probe.check(address, limit) => verdict,
        () = async { server.await; std::future::pending::<()>().await } => unreachable!(),
    }
}

async fn check_answer(answer: &[u8]) -> Verdict {
    check(LIMIT, |mut stream| async move { stream.write_all(answer).await.unwrap_or_default() }).await
}

#[test]
fn requests_are_haproxys_to_the_byte() {
    let table: &[(&str, &str, &str, Option<&str>, &str)] = &[
        ("GET", "/server.html", "HTTP/1.0", None, "GET /server.html HTTP/1.0\r\n\r\n"),
        ("OPTIONS", "/", "HTTP/1.0", None, "OPTIONS / HTTP/1.0\r\n\r\n"),
        (
            "GET",
            "/s",
            "HTTP/1.1",
            Some("a.example"),
            "GET /s HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n",
        ),
        ("HEAD", "/", "HTTP/1.0", Some("b"), "HEAD / HTTP/1.0\r\nhost: b\r\n\r\n"),
        (
            "POST",
            "/x?u=http://y",
            "HTTP/1.1",
            Some("c"),
            "POST /x?u=http://y HTTP/1.1\r\nhost: c\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        ),
        ("GET", "http://d:81/e", "HTTP/1.0", None, "GET http://d:81/e HTTP/1.0\r\nhost: d:81\r\n\r\n"),
        ("GET", "/x?u=http://y", "HTTP/1.0", None, "GET /x?u=http://y HTTP/1.0\r\n\r\n"),
    ];
    for (method, target, version, host, expected) in table {
        let bytes = request(method, target, version, *host);
        assert_eq!(String::from_utf8(bytes).unwrap(), *expected);
    }
}

#[test]
fn status_lines_are_parsed_strictly() {
    let good: &[(&[u8], u16, &[u8])] = &[
        (b"HTTP/1.1 200 OK", 200, b"OK"),
        (b"HTTP/1.0 404 Not Found", 404, b"Not Found"),
        (b"HTTP/1.1 200 ", 200, b""),
        (b"HTTP/1.1 200", 200, b""),
        (b"HTTP/1.9 999 \xe4\tx", 999, b"\xe4\tx"),
    ];
    for (line, code, reason) in good {
        assert_eq!(status_line(line), Some((*code, *reason)), "{line:?}");
    }
    let bad: &[&[u8]] = &[
        b"",
        b"HTTP/1.1",
        b"HTTP/1.1 ",
        b"HTTP/1.1 20",
        b"HTTP/1.1 2000",
        b"HTTP/1.1 200OK",
        b"HTTP/1.1 +20 OK",
        b"HTTP/1.1 020 OK",
        b"HTTP/1.1  200 OK",
        b"HTTP/1.1\t200 OK",
        b"HTTP/1.10 200 OK",
        b"HTTP/1.x 200 OK",
        b"HTTP/2 200 OK",
        b"http/1.1 200 OK",
        b" HTTP/1.1 200 OK",
        b"HTTP/1.1 200 O\0K",
        b"HTTP/1.1 200 O\rK",
        b"HTTP/1.1 200 \x1b[31m",
    ];
    for line in bad {
        assert_eq!(status_line(line), None, "{line:?}");
    }
}

#[test]
fn an_answer_cut_anywhere_gets_the_same_verdict() {
    for answer in [&b"HTTP/1.1 204 No\r\na: b\r\n\r\n"[..], b"HTTP/1.0 200\n\n", b"HTTP/1.1 500 Oh\r\n"] {
        let whole = judge(answer, 0).unwrap();
        for cut in 1..answer.len() {
            let verdict = judge(&answer[..cut], 0);
            let verdict = verdict.or_else(|| judge(answer, cut.saturating_sub(2)));
            assert_eq!(verdict.as_ref(), Some(&whole), "cut at {cut} of {answer:?}");
        }
        let mut filled = 0;
        let bytewise = (1..=answer.len()).find_map(|end| {
            let unseen = usize::saturating_sub(filled, 2);
            filled = end;
            judge(&answer[..end], unseen)
        });
        assert_eq!(bytewise, Some(whole), "byte by byte of {answer:?}");
    }
}

#[tokio::test]
async fn statuses_from_200_to_399_pass() {
    for (code, passes) in
        [(200, true), (204, true), (301, true), (399, true), (199, false), (400, false), (503, false)]
    {
        let verdict = check_answer(format!("HTTP/1.1 {code} Some reason\r\n\r\n").as_bytes()).await;
        assert_eq!(verdict.http_code, Some(code));
        let expected = if passes { CheckStatus::L7Ok } else { CheckStatus::L7Status };
        assert_eq!(verdict.status, expected, "{code}");
        assert_eq!(verdict.info.as_deref(), (!passes).then_some("Some reason"), "{code}");
    }
}

#[tokio::test]
async fn an_answer_that_is_none_fails() {
    let table: &[(&[u8], &str)] = &[
        (b"", "empty response"),
        (b"H", "response ended early"),
        (b"HTTP/1.1 200 OK", "response ended early"),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n", "response ended early"),
        (b"SSH-2.0-OpenSSH_9\r\n", "not an HTTP response"),
        (b"\0\xff\xfe", "not an HTTP response"),
        (b"\r\nHTTP/1.1 200 OK\r\n\r\n", "not an HTTP response"),
        (b"HTTP/1.1 2x0 OK\r\n\r\n", "invalid status line"),
    ];
    for (answer, info) in table {
        let verdict = check_answer(answer).await;
        assert_eq!(verdict.status, CheckStatus::L7Response, "{answer:?}");
        assert_eq!(verdict.info.as_deref(), Some(*info), "{answer:?}");
    }
}

#[tokio::test]
async fn a_body_of_ten_megabytes_is_not_read() {
    let mut answer = b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n".to_vec();
    answer.resize(10_000_000, b'x');
    assert_eq!(check_answer(&answer).await.status, CheckStatus::L7Ok);
}

#[tokio::test]
async fn endless_headers_and_an_endless_line_are_cut_off() {
    for (start, piece) in [("HTTP/1.1 200 OK\r\n", "a: b\r\n"), ("HTTP/1.1 200 ", "x")] {
        let verdict = check(LIMIT, |mut stream| async move {
            let mut written = stream.write_all(start.as_bytes()).await;
            while written.is_ok() {
                written = stream.write_all(piece.repeat(1000).as_bytes()).await;
            }
        })
        .await;
        assert_eq!(verdict.status, CheckStatus::L7Response);
        assert_eq!(verdict.info.as_deref(), Some("response head too large"));
    }
}

#[tokio::test]
async fn silence_is_a_timeout_of_layer_seven() {
    for start in ["", "HTTP/1.1 200 OK\r\n"] {
        let verdict = check(Duration::from_millis(50), |mut stream| async move {
            stream.write_all(start.as_bytes()).await.unwrap();
            // Held open until the check is over.
            stream.read_u8().await.unwrap_or_default();
        })
        .await;
        assert_eq!(verdict.status, CheckStatus::L7Timeout);
    }
}

#[tokio::test]
async fn a_reset_is_a_socket_error() {
    let verdict = check(LIMIT, |stream| async move {
        let stream = socket2::Socket::from(stream.into_std().unwrap());
        stream.set_linger(Some(Duration::ZERO)).unwrap();
    })
    .await;
    assert_eq!(verdict.status, CheckStatus::SocketError);
    assert_eq!(verdict.info.as_deref(), Some("Connection reset by peer"));
}

#[tokio::test]
async fn a_probe_can_be_used_again() {
    let mut probe = HttpProbe::new(request("GET", "/", "HTTP/1.0", None));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    for (answer, status) in [("HTTP/1.1 200 OK\r\n\r\n", CheckStatus::L7Ok), ("HT", CheckStatus::L7Response)]
    {
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_u8().await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            // Unread request bytes would turn the close into a reset.
            stream.read_to_end(&mut Vec::new()).await.unwrap_or_default();
        };
        let (verdict, ()) = tokio::join!(probe.check(address, LIMIT), server);
        assert_eq!(verdict.status, status);
    }
    drop(listener);
    assert_eq!(probe.check(address, LIMIT).await.status, CheckStatus::L4Connection);
}
