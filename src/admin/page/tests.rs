//! The page says what the rows say, and nothing a name contains becomes markup.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::*;
use crate::admin::test_support::{sample_report, stats};
use crate::ha::status::Problem;
use crate::ha::test_support::status;

fn html(change: impl FnOnce(&mut Stats), refresh: bool) -> String {
    let mut stats = stats();
    change(&mut stats);
    Page::new(&stats).render(&sample_report(), None, "/stats", refresh).unwrap()
}

/// The text of a table row's cells, tags removed.
fn cells(html: &str, name: &str) -> Vec<String> {
    let start = html.find(&format!("<th scope=\"row\">{name}</th>")).unwrap();
    let row = &html[start..start + html[start..].find("</tr>").unwrap()];
    row.split("<td")
        .skip(1)
        .map(|cell| {
            let text = &cell[cell.find('>').unwrap() + 1..cell.rfind("</td>").unwrap()];
            text.split('<').map(|part| part.rsplit('>').next().unwrap()).collect()
        })
        .collect()
}

#[test]
fn has_haproxys_columns_in_haproxys_order() {
    let html = html(|_| {}, true);
    let head = &html[html.find("<tr><th>Cur</th>").unwrap()..];
    let names = head[..head.find("</tr>").unwrap()].matches("<th>").count();
    assert_eq!(names, 30);
    let server = cells(&html, "web1");
    assert_eq!(server.len(), names);
    assert_eq!(server[6..12], ["12", "48", "30000", "1234567", "1200000", "0s"]);
    assert_eq!(server[21..29], ["1h3m UP", "L7OK/200 in 2ms", "10/10", "Y", "-", "1", "0", "0s"]);
    assert_eq!(cells(&html, "web2")[21..23], ["2m5s DOWN 1/2 \u{2191}", "* L7STS/503 in 12ms"]);
    assert_eq!(cells(&html, "web3")[21], "45s UP 3/5 \u{2193}");
    assert_eq!(cells(&html, "Frontend").len(), names);
    assert_eq!(cells(&html, "Backend")[21..26], ["1h UP", "", "30/30", "3", "0"]);
}

#[test]
fn colours_each_server_by_its_state() {
    let html = html(|_| {}, true);
    for class in
        ["frontend", "active_up", "active_going_up", "active_going_down", "active_no_check", "backend"]
    {
        assert!(html.contains(&format!("<tr class=\"{class}\">")), "{class}");
    }
}

#[test]
fn escapes_every_name() {
    let mut report = sample_report();
    let hostile = "<script>alert('&\"')</script>";
    for row in &mut report.rows {
        row.proxy = hostile.into();
        row.service = hostile.into();
    }
    let html = Page::new(&stats()).render(&report, None, "/\"><script>", true).unwrap();
    assert!(!html.contains("<script"));
    assert!(html.contains("&#60;script&#62;"));
}

#[test]
fn shows_version_and_node_only_where_wanted() {
    let version = env!("CARGO_PKG_VERSION");
    let node = format!(" on {}", host_name().unwrap());
    let shown = html(|stats| (stats.hide_version, stats.show_node) = (false, true), true);
    assert!(shown.contains(&format!("<h1><b>torii</b> {version}</h1>")));
    assert!(shown.contains(&format!("<title>Statistics Report for torii{node}</title>")));
    let hidden = html(|stats| (stats.hide_version, stats.show_node) = (true, false), true);
    assert!(!hidden.contains(version) && !hidden.contains(&node));
}

#[test]
fn loads_itself_again_unless_told_not_to() {
    assert!(html(|_| {}, true).contains("http-equiv=\"refresh\" content=\"10\""));
    assert!(!html(|_| {}, false).contains("http-equiv=\"refresh\""));
}

#[test]
fn allows_its_own_style_and_nothing_else() {
    let page = Page::new(&stats());
    let policy = page.content_security_policy();
    let digest = STANDARD.encode(digest::digest(&digest::SHA256, STYLE.as_bytes()));
    assert!(
        policy.to_str().unwrap().starts_with(&format!("default-src 'none'; style-src 'sha256-{digest}'"))
    );
    assert!(html(|_| {}, true).contains(&format!("<style>{STYLE}</style>")));
}

#[test]
fn spaces_digits_without_changing_what_is_copied() {
    let rendered = |value| Digits(value).to_string();
    assert_eq!(rendered(999), "999");
    assert_eq!(rendered(12_345), "1<span class=\"rls\">2</span>345");
    assert_eq!(rendered(1_234_567), "<span class=\"rls\">1</span>23<span class=\"rls\">4</span>567");
}

#[test]
fn shows_the_process() {
    let mut report = sample_report();
    report.process.uptime = Duration::from_secs(93_784);
    report.process.log_dropped = 5;
    let html = Page::new(&stats()).render(&report, None, "/stats", true).unwrap();
    assert!(html.contains("<dt>Uptime</dt><dd>1d 2h03m04s</dd>"));
    assert!(html.contains("<div class=\"alarm\"><dt>Log lines dropped</dt><dd>5</dd>"));
}

#[test]
fn a_pair_has_a_panel_and_a_node_alone_has_none() {
    assert!(!html(|_| {}, true).contains("id=\"pair\""));
    let mut pair = status();
    pair.problems = vec![Problem {
        what: "198.51.100.2 sends another password".into(),
        remedy: "write the same <auth_pass> on both nodes".into(),
        count: 3,
        last_unix_ms: 1_700_000_000_000,
    }];
    pair.handed_over = true;
    let html = Page::new(&stats()).render(&sample_report(), Some(&pair), "/stats", true).unwrap();
    let panel = &html[html.find("id=\"pair\"").unwrap()..html.find("id=\"proxy-1\"").unwrap()];
    for part in [
        "<p class=\"role active_up\"><b>haproxy01 (198.51.100.1)</b> is ACTIVE since 2023-11-",
        "<p class=\"problem\"><b>198.51.100.2 sends another password (3 times, last 2023-11-",
        "</b><br>write the same &#60;auth_pass&#62; on both nodes</p>",
        "<p class=\"remark\">handed over by an operator",
        "<dt>Shared addresses</dt><dd>198.51.100.3/32 on eth0: here</dd>",
        "<dt>Priority</dt><dd>102 = 100 base + 2 serving</dd>",
        "<dt>haproxy02 (198.51.100.2)</dt><dd>standby, silent as a standby is, not known to be dead; \
         last heard 2h 1m ago",
        "<dt>Guard</dt><dd>alive</dd>",
        "standby → active: nobody better was heard for 3.609 s</li>",
    ] {
        assert!(panel.contains(part), "no {part:?} in:\n{panel}");
    }
}
