//! Responses that are faulty, hostile or merely odd: each is forwarded in one clear form, cut so that
//! the client can tell, or replaced by 502; and no connection that it came over is trusted again.

use crate::reply::Reply;
use crate::support::Configuration;
use crate::world::World;

fn ok(fields: &str, rest: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{fields}\r\n{rest}").into_bytes()
}

const CHUNKS: &str = "5\r\nhello\r\n0\r\n\r\n";

#[test]
fn r00_what_is_in_order_is_forwarded_and_its_connection_used_again() {
    World::start().run_replies(&[
        Reply::forwarded("length", "hello", ok("Content-Length: 5\r\n", "hello")),
        Reply::forwarded("no body", "", ok("Content-Length: 0\r\n", "")),
        Reply::forwarded("chunked", "hello", ok("Transfer-Encoding: chunked\r\n", CHUNKS)),
        Reply::forwarded("until close", "hello", ok("", "hello")).and_closed(),
        Reply::forwarded("said to close", "hello", ok("Content-Length: 5\r\nConnection: close\r\n", "hello"))
            .not_kept(),
        Reply::forwarded("old", "hello", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello").not_kept(),
    ]);
}

#[test]
fn r01_chunked_wins_over_a_length_and_the_connection_is_given_up() {
    let both = |fields: &str| {
        Reply::forwarded("R01", "hello", ok(fields, CHUNKS))
            .not_kept()
            .without("content-length")
            .line("Transfer-Encoding: chunked")
    };
    World::start().run_replies(&[
        both("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"),
        both("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"),
        Reply::forwarded("R01 HEAD", "", ok("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", ""))
            .to("HEAD")
            .not_kept()
            .without("content-length"),
    ]);
}

#[test]
fn r02_r03_a_length_that_is_none_is_refused() {
    let fields = [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: +8\r\n",
        "Content-Length: -8\r\n",
        "Content-Length:\r\n",
        "Content-Length: 8, 9\r\n",
        "Content-Length: 8, 8\r\n",
        "Content-Length: 0x8\r\n",
        "Content-Length: 8 8\r\n",
        "Content-Length: 5;\r\n",
        "Content-Length: 18446744073709551621\r\n",
        "Content-Length: 5\r\n 6\r\n",
    ];
    let reply = |fields: &&str| Reply::refused(&format!("R03 {fields:?}"), ok(fields, "hello678"));
    World::start().run_replies(&fields.iter().map(reply).collect::<Vec<_>>());
}

#[test]
fn r03_a_length_is_forwarded_once_and_in_its_plain_form() {
    let reply = |fields: &str| {
        Reply::forwarded(&format!("R03 {fields:?}"), "hello", ok(fields, "hello")).line("Content-Length: 5")
    };
    World::start().run_replies(&[
        reply("Content-Length: 5\r\nContent-Length: 5\r\n"),
        reply("Content-Length: 5\r\nX: y\r\nContent-Length: 005\r\n"),
        reply("Content-Length:\t0005 \r\n"),
    ]);
}

#[test]
fn r04_a_coding_other_than_chunked_is_refused() {
    let codings = [
        "gzip",
        "identity",
        "",
        "chunked, gzip",
        "gzip, chunked",
        "chunked, chunked",
        "chunked,",
        ",chunked",
        "xchunked",
        "\"chunked\"",
        "chunked;q=1",
    ];
    let reply = |coding: &&str| {
        Reply::refused(&format!("R04 {coding:?}"), ok(&format!("Transfer-Encoding: {coding}\r\n"), CHUNKS))
    };
    let mut replies: Vec<_> = codings.iter().map(reply).collect();
    let twice = "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n";
    replies.push(Reply::refused("R04 twice", ok(twice, CHUNKS)));
    replies.push(Reply::refused("R04 spaced", ok("Transfer-Encoding : chunked\r\n", CHUNKS)));
    World::start().run_replies(&replies);
}

#[test]
fn r05_an_old_response_with_a_coding_is_refused() {
    let old = "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    World::start().run_replies(&[
        Reply::refused("R05", format!("{old}{CHUNKS}")),
        Reply::refused("R05 HEAD", old).to("HEAD"),
    ]);
}

#[test]
fn r06_a_body_that_breaks_off_is_seen_to_break_off() {
    let mut replies = Vec::new();
    for (name, head, rest) in [
        ("length", "Content-Length: 9\r\n", "hello"),
        ("in a chunk", "Transfer-Encoding: chunked\r\n", "9\r\nhello"),
        ("between chunks", "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n"),
        ("in a chunk size", "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n1"),
        ("before the final line", "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n"),
    ] {
        let reply = Reply::truncated(&format!("R06 {name}"), "hello", ok(head, rest));
        replies.push(reply.clone().and_closed());
        replies.push(reply.and_reset());
    }
    World::start().run_replies(&replies);
}

#[test]
fn r06_a_reset_is_not_the_end_of_a_body_without_length() {
    World::start().run_replies(&[Reply::truncated("R06 until close", "hello", ok("", "hello")).and_reset()]);
}

#[test]
fn r07_bytes_beyond_the_body_are_dropped_with_their_connection() {
    let poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
    World::start().run_replies(
        &[
            Reply::forwarded("R07 length", "hello", ok("Content-Length: 5\r\n", &format!("hello{poison}"))),
            Reply::forwarded("R07 nothing", "", ok("Content-Length: 0\r\n", poison)),
            Reply::forwarded("R07 one byte", "hello", ok("Content-Length: 5\r\n", "hello\n")),
            Reply::forwarded(
                "R07 chunked",
                "hello",
                ok("Transfer-Encoding: chunked\r\n", &format!("{CHUNKS}{poison}")),
            ),
        ]
        .map(Reply::not_kept),
    );
}

#[test]
fn r09_a_body_where_there_is_none_is_dropped_with_its_connection() {
    let reply = |name: &str, status: &str| {
        let bytes = format!("HTTP/1.1 {status}\r\nContent-Length: 5\r\n\r\nhello");
        Reply::forwarded(&format!("R09 {name}"), "", bytes).not_kept()
    };
    World::start().run_replies(&[
        reply("204", "204 No Content").status(204).without("content-length"),
        reply("304", "304 Not Modified").status(304),
        reply("HEAD", "200 OK").to("HEAD"),
        Reply::refused(
            "R09 interim",
            format!(
                "HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\nhello{}",
                "HTTP/1.1 204 No Content\r\n\r\n"
            ),
        ),
    ]);
}

#[test]
fn r10_interim_responses_are_forwarded_up_to_a_number() {
    let world = World::start();
    for interim in ["HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", "HTTP/1.1 102 Processing\r\n\r\n"] {
        let many = |count: usize| {
            format!("{}{}", interim.repeat(count), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        };
        world.run_replies(&[
            Reply::forwarded("R10 16", "", many(16)),
            Reply::forwarded("R10 none", "", many(0)),
        ]);
        for count in [17, 1000] {
            world.recorder.script(
                "/interim",
                vec![crate::recorder::Step::ReadBody, crate::recorder::Step::Send(many(count).into_bytes())],
            );
            let before = world.figure("Responses after too many interim ones");
            let mut client = world.client();
            client.send("GET /interim HTTP/1.1\r\nHost: a\r\n\r\n");
            let statuses: Vec<u16> = (0..17).map(|_| client.next_response("GET").status).collect();
            assert!(statuses[..16].iter().all(|status| (102..=103).contains(status)), "{statuses:?}");
            assert_eq!(statuses[16], 502);
            drop(client);
            assert_eq!(world.settle("R10 too many", 1)[0].end(), "PH");
            assert_eq!(world.figure("Responses after too many interim ones"), before + 1);
        }
    }
}

#[test]
fn r12_a_status_line_has_a_status_of_three_digits() {
    let refused = [
        "99", "1000", "2OO", "20", "+200", "-200", "0x200", " 200", "200\0", "200 \x01", "200\tOK", "", "020",
    ];
    let refused = refused.map(|status| {
        Reply::refused(
            &format!("R12 {status:?}"),
            format!("HTTP/1.1 {status}\r\nContent-Length: 5\r\n\r\nhello"),
        )
    });
    let world = World::start();
    world.run_replies(&refused);
    for version in ["HTTP/2.0", "HTTP/1.2", "HTTP/1.10", "http/1.1", "HTTP/1,1", "HTTP 1.1"] {
        world.run_replies(&[Reply::refused(
            &format!("R12 {version}"),
            format!("{version} 200 OK\r\nContent-Length: 0\r\n\r\n"),
        )]);
    }
    for line in
        ["HTTP/1.1 200", "HTTP/1.1 200 ", "HTTP/1.1 200 gr\u{fc}n", "HTTP/1.1 599 odd", "HTTP/1.1 999 odder"]
    {
        let status = line[9..12].parse().unwrap();
        let bytes = format!("{line}\r\nContent-Length: 5\r\n\r\nhello");
        world.run_replies(&[Reply::forwarded(&format!("R12 {line:?}"), "hello", bytes).status(status)]);
    }
}

#[test]
fn r13_faulty_field_lines_are_refused() {
    let lines = [
        "X y: z",
        "X : y",
        ": y",
        "X\0: y",
        "X: y\0",
        "X: a\rb",
        "no colon",
        " X: y",
        "X: \x01",
        "X\u{e9}: y",
        "X: y\r",
        "\r",
    ];
    let reply = |line: &&str| {
        let bytes = format!("HTTP/1.1 200 OK\r\n{line}\r\nContent-Length: 5\r\n\r\nhello");
        Reply::refused(&format!("R13 {line:?}"), bytes)
    };
    World::start().run_replies(&lines.iter().map(reply).collect::<Vec<_>>());
}

#[test]
fn r13_folds_and_bare_line_feeds_are_made_plain() {
    let reply = |name: &str, bytes: &str| {
        Reply::forwarded(&format!("R13 {name}"), "hello", bytes).line("Content-Length: 5")
    };
    World::start().run_replies(&[
        reply("fold", "HTTP/1.1 200 OK\r\nX: a\r\n  b\r\nContent-Length: 5\r\n\r\nhello").line("X: a  b"),
        reply("folds", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\tc\r\nContent-Length: 5\r\n\r\nhello")
            .line("X: a b\tc"),
        reply("folded length", "HTTP/1.1 200 OK\r\nContent-Length:\r\n 5\r\n\r\nhello"),
        reply("blank fold", "HTTP/1.1 200 OK\r\nX: a\r\n \r\nContent-Length: 5\r\n\r\nhello").line("X: a"),
        reply("line feeds", "HTTP/1.1 200 OK\nX: a\nContent-Length: 5\n\nhello").line("X: a"),
        reply("one line feed", "HTTP/1.1 200 OK\r\nX: a\nContent-Length: 5\r\n\r\nhello").line("X: a"),
        reply("both", "HTTP/1.1 200 OK\nX: a\n b\nContent-Length: 5\n\nhello").line("X: a b"),
        Reply::forwarded("R13 folded coding", "hello", ok("Transfer-Encoding:\r\n chunked\r\n", CHUNKS))
            .line("Transfer-Encoding: chunked"),
        Reply::forwarded("R13 hidden coding", "hello", ok("X: y\nTransfer-Encoding: chunked\r\n", CHUNKS))
            .line("Transfer-Encoding: chunked"),
    ]);
}

#[test]
fn r14_a_head_beyond_the_limits_is_refused_and_counted() {
    let world = World::start();
    let before = world.figure("Response heads beyond a limit");
    world.run_replies(&[
        Reply::refused(
            "R14 17 KiB",
            ok(&format!("X: {}\r\nContent-Length: 0\r\n", "x".repeat(17 * 1024)), ""),
        ),
        Reply::refused("R14 200 fields", ok(&format!("{}Content-Length: 0\r\n", "X: y\r\n".repeat(200)), "")),
        Reply::refused("R14 endless", ok(&"X: y\r\n".repeat(20_000), "")),
        Reply::refused("R14 line feeds", format!("HTTP/1.1 200 OK\n{}\n", "X:\n".repeat(4000))),
    ]);
    assert!(world.figure("Response heads beyond a limit") >= before + 4);
    let large = "x".repeat(14_000);
    world.run_replies(&[Reply::forwarded(
        "R14 within",
        "",
        ok(&format!("X: {large}\r\nContent-Length: 0\r\n"), ""),
    )
    .line(&format!("X: {large}"))]);
}

#[test]
fn r16_declared_sizes_beyond_32_bits_are_streamed() {
    let chunked = "Transfer-Encoding: chunked\r\n";
    World::start().run_replies(&[
        Reply::truncated("R16 chunk of 4 GiB", "hello", ok(chunked, "100000000\r\nhello")).and_closed(),
        Reply::truncated("R16 chunk of 2^52 - 1", "hello", ok(chunked, "fffffffffffff\r\nhello"))
            .and_closed(),
        Reply::truncated("R16 length of 5 GB", "hello", ok("Content-Length: 5000000000\r\n", "hello"))
            .and_closed(),
        Reply::refused_in_body("R16 chunk of 2^52", ok(chunked, "10000000000000\r\nhello")).and_closed(),
        Reply::refused_in_body("R16 chunk of 2^64", ok(chunked, "10000000000000000\r\nhello")).and_closed(),
        Reply::refused_in_body("R16 negative chunk", ok(chunked, "-5\r\nhello")).and_closed(),
        Reply::refused_in_body("R16 bare line feed", ok(chunked, "5\nhello\r\n0\r\n\r\n")).and_closed(),
        Reply::refused_in_body("R16 no end of chunk", ok(chunked, "5\r\nhello0\r\n\r\n")).and_closed(),
    ]);
}

#[test]
fn r17_what_is_no_http_is_refused() {
    let refused = [
        "<html><body>hello</body></html>\n",
        "\x15\x03\x03\x00\x02\x02\x28",
        "SSH-2.0-OpenSSH_9.6\r\n",
        "220 mail.example ESMTP\r\n",
        "\0\0\0\0\0\0\0\0\0\0\0\0",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    ];
    let reply = |bytes: &&str| Reply::refused(&format!("R17 {bytes:?}"), bytes);
    let replies: Vec<_> = refused.iter().map(reply).collect();
    World::start().run_replies(&replies);
    let closed: Vec<_> = replies.into_iter().map(Reply::and_closed).collect();
    World::start().run_replies(&closed);
}

#[test]
fn r19_only_the_exact_name_is_taken_for_the_persistence_cookie() {
    let plan = Configuration::new().persistent();
    let plan = plan.backend("forwarded_for = true");
    let odd = [
        "lbsessionid2=x",
        "xlbsessionid=x",
        "LBSESSIONID=x",
        "lbsessionid-=x",
        "lbsessionid",
        "=lbsessionid",
        ";lbsessionid=x",
        ",lbsessionid=x",
        "; ; ;",
        "a=1; lbsessionid=x",
        "lbsession id=x",
        "\"lbsessionid=x\"",
    ];
    let reply = |value: &&str| {
        let bytes = ok(&format!("Set-Cookie: {value}\r\nContent-Length: 0\r\n"), "");
        Reply::forwarded(&format!("R19 {value:?}"), "", bytes).line(&format!("Set-Cookie: {value}"))
    };
    World::start_with(plan).run_replies(&odd.iter().map(reply).collect::<Vec<_>>());
}
