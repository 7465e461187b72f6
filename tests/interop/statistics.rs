//! The statistics table as CSV, held against a real HAProxy's.

use crate::peers;
use crate::proxies::{PASSWORD, Proxy, USER};
use crate::world::World;

#[test]
fn csv_columns_are_haproxys_in_haproxys_order() {
    let Some(world) = World::build(&["haproxy"]) else { return };
    let (haproxy, _) = world.haproxy();
    let (ours, theirs) = (csv(&world.proxy), csv(&haproxy));
    // HAProxy's own list ends with a column called "-"; what follows belongs to its modules.
    let theirs: Vec<&str> = theirs[0].iter().map(String::as_str).take_while(|name| *name != "-").collect();
    assert!(theirs.len() > 90, "{theirs:?}");
    for (index, name) in theirs.iter().enumerate() {
        assert_eq!(ours[0].get(index).map(String::as_str), Some(*name), "column {index}");
    }
}

#[test]
fn csv_rows_tell_what_happened() {
    let Some(world) = World::build(&[]) else { return };
    let before = csv(&world.proxy);
    for _ in 0..6 {
        assert_eq!(peers::curl(&[&world.proxy.tls_url("/page")]).status, 200);
    }
    let figure = |table: &[Vec<String>], row, column| cell(table, row, column).parse::<u64>().unwrap_or(0);
    let grown = |row, column| figure(&csv(&world.proxy), row, column) - figure(&before, row, column);
    let (front, back) = (("front_tls", "FRONTEND"), ("web_backend", "BACKEND"));
    peers::wait_until("six requests in the listener's row", || grown(front, "req_tot") == 6);
    peers::wait_until("six good answers in the listener's row", || grown(front, "hrsp_2xx") == 6);
    peers::wait_until("six good answers in the backend's row", || grown(back, "hrsp_2xx") == 6);
    let servers = ["web1", "web2", "web3"].map(|name| ("web_backend", name));
    assert_eq!(servers.iter().map(|&row| grown(row, "stot")).sum::<u64>(), 6, "each went to one server");

    let after = csv(&world.proxy);
    assert_eq!(cell(&after, front, "status"), "OPEN");
    assert_eq!(cell(&after, back, "status"), "UP");
    for row in servers {
        assert_eq!(cell(&after, row, "status"), "UP");
        assert_eq!(cell(&after, row, "check_status").trim_start_matches("* "), "L7OK");
    }
}

/// The table: the names first, without the leading `# `, then one row per line.
fn csv(proxy: &Proxy) -> Vec<Vec<String>> {
    let url = format!("https://127.0.0.1:{}/stats;csv", proxy.stats);
    let answer = peers::curl(&["--user", &format!("{USER}:{PASSWORD}"), &url]);
    assert_eq!(answer.status, 200);
    assert!(answer.field("content-type").is_some_and(|value| value.starts_with("text/plain")), "{answer:?}");
    let text = answer.body.strip_prefix("# ").expect("names first");
    // No value of these tables contains a comma but the quoted check output, which comes late.
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

/// One value, by the row's `pxname` and `svname` and the column's name.
fn cell<'a>(table: &'a [Vec<String>], (proxy, server): (&str, &str), column: &str) -> &'a str {
    let index = table[0].iter().position(|name| name == column).expect("a known column");
    let row = table.iter().find(|row| row[0] == proxy && row[1] == server).expect("a known row");
    &row[index]
}
