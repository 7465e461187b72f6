//! The renderer of errors: lines, carets, order, secrets.

#![allow(clippy::unwrap_used)]

use super::*;

fn rendered(text: &str, span: Span) -> String {
    let mut source = Source::new("t.toml", text);
    source.set_parsed();
    let mut findings = Findings::default();
    findings.error(span, "wrong", "right");
    findings.render(&source).to_string()
}

#[test]
fn points_at_the_place() {
    let text = "a = 1\nlimit = 12\n";
    let expected = "error: wrong\n --> t.toml:2:9\n  |\n2 | limit = 12\n  |         ^^\nhelp: right\n";
    assert_eq!(rendered(text, 14..16), expected);
}

#[test]
fn a_span_over_several_lines_is_underlined_on_its_first() {
    assert!(rendered("a = [\n1,\n2]\n", 4..12).contains("1 | a = [\n  |     ^\n"));
}

#[test]
fn a_place_past_the_end_gets_a_caret_after_the_last_character() {
    assert!(rendered("a = ", 4..4).contains("1 | a = \n  |     ^\n"));
    assert!(rendered("", 0..0).contains("1 | \n  | ^\n"));
    assert!(rendered("x", 900..901).contains("t.toml:1:2"));
}

#[test]
fn counts_characters_and_prints_no_control_character() {
    let text = "é\t\u{1b}[31m = 1\r\n";
    let shown = rendered(text, text.find('=').unwrap()..text.find('=').unwrap() + 1);
    assert!(shown.contains("t.toml:1:9"), "{shown}");
    assert!(shown.contains("1 | é  [31m = 1\n  |         ^\n"), "{shown}");
}

#[test]
fn what_a_message_repeats_of_the_file_cannot_steer_the_terminal() {
    let mut findings = Findings::default();
    findings.error(0..1, "there is no `a\u{1b}[2Jb`", "did you mean \"\u{202e}b\tc\"?");
    let report = findings.render(&Source::new("t.toml", "x\u{202e}y")).to_string();
    assert!(report.contains("no `a [2Jb`\n") && report.contains("mean \" b c\"?"), "{report}");
    assert!(report.contains("1 | x y\n"), "{report}");
}

#[test]
fn hides_secrets_and_keeps_the_caret_in_place() {
    let text = "password = \"hunter2\", nam = 1";
    let mut source = Source::new("t.toml", text);
    source.set_parsed();
    source.hide(11..20);
    let mut findings = Findings::default();
    findings.error(22..25, "unknown", "fix");
    findings.error(11..20, "weak", "fix");
    let report = findings.render(&source).to_string();
    assert!(!report.contains("hunter2"), "{report}");
    assert!(report.contains("1 | password = ***, nam = 1\n  |            ^^^\n"), "{report}");
    assert!(report.contains("1 | password = ***, nam = 1\n  |                 ^^^\n"), "{report}");
}

#[test]
fn hides_what_looks_like_a_secret_in_a_file_that_does_not_parse() {
    for text in
        ["password = hunter2", "  pasword=hunter2", "auth_pass = \"hunter2", "x = {passwd = 'hunter2' !"]
    {
        let mut findings = Findings::default();
        findings.error(0..1, "syntax", "fix");
        let report = findings.render(&Source::new("t.toml", text)).to_string();
        assert!(!report.contains("hunter2"), "{report}");
    }
}

#[test]
fn orders_by_place_and_drops_repeats() {
    let mut findings = Findings::default();
    findings.error(4..5, "second", "b");
    findings.error(0..1, "first", "a");
    findings.error(4..5, "second", "b");
    let report = findings.render(&Source::new("t.toml", "a = 1"));
    assert_eq!(report.errors.len(), 2);
    assert!(report.errors[0].starts_with("error: first"));
}

#[test]
fn shows_a_bounded_number_of_errors() {
    let text = "x".repeat(5000);
    let mut findings = Findings::default();
    for place in 0..5000 {
        findings.error(place..place + 1, "wrong", "right");
    }
    let report = findings.render(&Source::new("t.toml", &text));
    assert_eq!(report.errors.len(), limits::REPORT_ENTRIES + 1);
    assert_eq!(report.errors[limits::REPORT_ENTRIES], "error: and 4900 more like these");
    assert!(report.errors.iter().all(|entry| entry.len() < 600));
}
