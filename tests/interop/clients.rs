//! Load tools and libraries as clients: every request is answered, kept alive or not, TLS or not.
//!
//! Each client sends `TORII_TEST_REQUESTS` requests in each of its ways (2,000; the full run is
//! 100,000). The answers are 256 bytes and the same from every server.

use std::time::Instant;

use crate::origin::PAGE_SIZE;
use crate::peers::{self, request_count};
use crate::world::World;

const CONNECTIONS: &str = "8";

/// Runs a check for both listeners, with connections kept and not.
fn in_every_way(programs: &[&str], check: impl Fn(&str, bool)) {
    let Some(world) = World::build(programs) else { return };
    for url in [world.proxy.url("/page"), world.proxy.tls_url("/page")] {
        for keep_alive in [true, false] {
            check(&url, keep_alive);
        }
    }
    let failed: Vec<String> = world.log.lines().into_iter().filter(|line| !went_well(line)).take(5).collect();
    assert!(failed.is_empty(), "log lines of something else than an answer: {failed:?}");
}

/// Whether a log line speaks of an answer, or of a client that left: tools open connections and leave
/// them, some with a request in flight, once they have enough.
fn went_well(line: &str) -> bool {
    // `World` asks for this until the proxy is ready.
    let starting = line.contains("/server.html");
    match line.split_once(" - - ") {
        Some((_, state)) => starting || state.starts_with(['-', 'C']),
        None => line.contains("SSL handshake"),
    }
}

/// Runs a program; it has to succeed. Gives its output.
fn output_of(program: &str, arguments: &[&str]) -> String {
    let (output, text) = peers::run(peers::command(program).args(arguments));
    assert!(output.status.success(), "{program} {arguments:?}: {}\n{text}", output.status);
    text
}

#[test]
fn curl_is_answered_every_time() {
    in_every_way(&[], |url, keep_alive| {
        let urls = format!("{url}?[1-{}]", request_count());
        let mut arguments = vec!["-sSk", "-o", "/dev/null", "-w", "%{http_code} %{size_download}\n", &urls];
        if !keep_alive {
            arguments.extend(["-H", "Connection: close"]);
        }
        let text = output_of("curl", &arguments);
        let wanted = format!("200 {PAGE_SIZE}");
        assert_eq!(
            text.lines().filter(|line| *line == wanted).count(),
            request_count(),
            "{url} {keep_alive}"
        );
    });
}

#[test]
fn python_http_client_is_answered_every_time() {
    const SCRIPT: &str = "
import http.client, ssl, sys, urllib.parse
url, count, keep, size = urllib.parse.urlsplit(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == 'true', int(sys.argv[4])
context = ssl._create_unverified_context()
def connect():
    if url.scheme == 'https':
        return http.client.HTTPSConnection(url.netloc, timeout=20, context=context)
    return http.client.HTTPConnection(url.netloc, timeout=20)
connection = connect()
for _ in range(count):
    connection.request('GET', url.path, headers={} if keep else {'Connection': 'close'})
    answer = connection.getresponse()
    assert answer.status == 200 and len(answer.read()) == size, answer.status
    assert answer.will_close != keep, 'the connection is kept exactly when asked for'
    if not keep:
        connection.close()
        connection = connect()
print('done')
";
    in_every_way(&["python3"], |url, keep_alive| {
        let (count, size) = (request_count().to_string(), PAGE_SIZE.to_string());
        let text = output_of("python3", &["-c", SCRIPT, url, &count, &keep_alive.to_string(), &size]);
        assert_eq!(text.trim(), "done");
    });
}

#[test]
fn ab_is_answered_every_time() {
    in_every_way(&["ab"], |url, keep_alive| {
        let count = request_count().to_string();
        let mut arguments = vec!["-q", "-n", &count, "-c", CONNECTIONS];
        if keep_alive {
            arguments.push("-k");
        }
        arguments.push(url);
        let text = output_of("ab", &arguments);
        let figure = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            line[name.len()..].split_whitespace().next()?.parse::<usize>().ok()
        };
        assert_eq!(figure("Complete requests:"), Some(request_count()), "{text}");
        assert_eq!(figure("Failed requests:"), Some(0), "{text}");
        assert_eq!(figure("Non-2xx responses:"), None, "{text}");
        assert_eq!(figure("Keep-Alive requests:").is_some_and(|kept| kept > 0), keep_alive, "{text}");
    });
}

#[test]
fn h2load_in_http_1_is_answered_every_time() {
    in_every_way(&["h2load"], |url, keep_alive| {
        let requests = request_count().to_string();
        let mut arguments = vec!["--h1", "-t1", "-c", CONNECTIONS, "-n", &requests];
        if !keep_alive {
            arguments.extend(["-H", "Connection: close"]);
        }
        arguments.push(url);
        let text = output_of("h2load", &arguments);
        let wanted = format!("{requests} done, {requests} succeeded, 0 failed, 0 errored, 0 timeout");
        assert!(text.contains(&wanted), "{url} {keep_alive}: {text}");
        assert!(text.contains(&format!("{requests} 2xx, 0 3xx, 0 4xx, 0 5xx")), "{url} {keep_alive}: {text}");
    });
}

#[test]
fn wrk_is_answered_every_time() {
    in_every_way(&["wrk"], |url, keep_alive| {
        let mut arguments = vec!["-t1", "-c", CONNECTIONS, "-d", "1s"];
        if !keep_alive {
            arguments.extend(["-H", "Connection: close"]);
        }
        arguments.push(url);
        // wrk counts seconds, not requests: it runs again until there are enough.
        let (mut done, start) = (0, Instant::now());
        while done < request_count() {
            let text = output_of("wrk", &arguments);
            assert!(
                !text.contains("Socket errors") && !text.contains("Non-2xx"),
                "{url} {keep_alive}: {text}"
            );
            done += requests_of_wrk(&text);
            assert!(start.elapsed() < 20 * peers::PATIENCE, "only {done} requests: {text}");
        }
    });
}

/// `  12345 requests in 1.00s, 4.5MB read`
fn requests_of_wrk(text: &str) -> usize {
    let line = text.lines().find(|line| line.contains(" requests in ")).expect("wrk's summary");
    line.split_whitespace().next().unwrap().parse().unwrap()
}
