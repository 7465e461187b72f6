//! What a request costs in the parser and its neighbours, against httparse where it does the same:
//! `cargo bench --bench http`.
//!
//! httparse splits a head into fields; ours also checks hosts and targets, decides framing and
//! reads Connection, so it does more in the time shown.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use torii::balance::round_robin::RoundRobin;
use torii::balance::sticky::{ClientCookie, CookieRules, Lookup, attributes};
use torii::http::chunked::Chunked;
use torii::http::cookie::{self, FieldEdit};
use torii::http::head::HeadLimits;
use torii::http::{request, response, rewrite};

const LIMITS: HeadLimits = HeadLimits { size: 16 * 1024, fields: 100 };

/// What a browser sends for a picture.
const BROWSER: &[u8] = b"GET /static/images/products/2231/large.webp?v=1700000000 HTTP/1.1\r\n\
Host: www.shop.example\r\n\
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\n\
Accept: image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8\r\n\
Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n\
Accept-Encoding: gzip, deflate, br, zstd\r\n\
Referer: https://www.shop.example/catalog/shoes\r\n\
Cookie: session=8f14e45fceea167a5a36dedd4bea2543; lbsessionid=w02|ZKOZs|ZKOZs; theme=dark; consent=1\r\n\
Sec-Fetch-Dest: image\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Site: same-origin\r\n\
Connection: keep-alive\r\n\r\n";

/// What a load generator sends.
const SMALL: &[u8] = b"GET /server.html HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Mon, 23 Nov 2026 05:00:00 GMT\r\n\
Content-Type: text/html\r\nContent-Length: 256\r\nLast-Modified: Mon, 23 Nov 2026 04:00:00 GMT\r\n\
Connection: keep-alive\r\nETag: \"65643210-100\"\r\nAccept-Ranges: bytes\r\n\r\n";

fn heads(criterion: &mut Criterion) {
    for (name, text) in [("small", SMALL), ("browser", BROWSER)] {
        let mut group = criterion.benchmark_group(format!("request head, {name}"));
        group.throughput(Throughput::Bytes(text.len() as u64));
        let mut fields = Vec::new();
        group.bench_function("torii", |bencher| {
            bencher.iter(|| request::parse(black_box(text), LIMITS, &mut fields).is_ok());
        });
        group.bench_function("httparse", |bencher| {
            bencher.iter(|| {
                let mut fields = [httparse::EMPTY_HEADER; 100];
                httparse::Request::new(&mut fields).parse(black_box(text)).is_ok()
            });
        });
    }
    let mut group = criterion.benchmark_group("response head");
    group.throughput(Throughput::Bytes(ANSWER.len() as u64));
    let mut fields = Vec::new();
    group.bench_function("torii", |bencher| {
        bencher.iter(|| response::parse(black_box(ANSWER), false, LIMITS, &mut fields).is_ok());
    });
    group.bench_function("httparse", |bencher| {
        bencher.iter(|| {
            let mut fields = [httparse::EMPTY_HEADER; 100];
            httparse::Response::new(&mut fields).parse(black_box(ANSWER)).is_ok()
        });
    });
}

fn rules() -> CookieRules {
    CookieRules {
        name: b"lbsessionid".as_slice().into(),
        indirect: true,
        nocache: true,
        preserve: true,
        postonly: false,
        maxidle_s: Some(1800),
        maxlife_s: Some(28800),
        attributes: attributes(&[], true, true, &[]),
    }
}

fn persistence(criterion: &mut Criterion) {
    let rules = rules();
    let (mut fields, mut value, mut out) = (Vec::new(), Vec::new(), Vec::new());
    let head = match request::parse(BROWSER, LIMITS, &mut fields) {
        Ok(Some(head)) => head,
        _ => unreachable!("the sample is a complete request"),
    };
    criterion.bench_function("rewrite a browser's request, cookie stripped", |bencher| {
        bencher.iter(|| {
            let mut client = ClientCookie::new();
            let on_cookie = |line: &[u8], stripped: &mut Vec<u8>| -> FieldEdit {
                cookie::scan(line, &rules.name, rules.indirect, stripped, |found| {
                    client.examine(&rules, found, 1_688_443_312, |_| Lookup::Usable(1));
                })
            };
            rewrite::request(black_box(BROWSER), &head, &fields, None, &mut value, on_cookie, &mut out);
            client.server()
        });
    });
}

fn balance(criterion: &mut Criterion) {
    let mut wheel = RoundRobin::new(&[1, 1, 1], 0);
    criterion.bench_function("round robin, three equal servers", |bencher| {
        bencher.iter(|| wheel.pick(|_| true));
    });
}

fn bodies(criterion: &mut Criterion) {
    let body = [b"1000\r\n".as_slice(), &[b'x'; 4096], b"\r\n"].concat().repeat(3);
    let mut group = criterion.benchmark_group("chunked body, 4 KiB chunks");
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("follow", |bencher| {
        bencher.iter(|| Chunked::new().follow(black_box(&body)).is_ok());
    });
}

criterion_group!(benches, heads, persistence, balance, bodies);
criterion_main!(benches);
