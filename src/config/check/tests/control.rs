//! `[control]`.

use std::path::PathBuf;

use super::*;

#[test]
fn the_control_socket_is_a_path_or_off() {
    each_gives_one_error(&[
        ("control", "socket = 5", "`socket` must be a string, not a whole number"),
        ("control", "socket = \"\"", "`socket` is not the path of a file"),
        ("control", "socket = \"/run/torii/\"", "`socket` is not the path of a file"),
        ("control", "sockets = \"off\"", "unknown key `sockets` in [control]"),
    ]);
    let long = format!("socket = \"/run/{}\"", "x".repeat(103));
    let expected = "the path of a socket has 107 bytes at most, and this one has 108";
    each_gives_one_error(&[("control", &long, expected)]);
    each_is_accepted(&[("control", &format!("socket = \"/run/{}\"", "x".repeat(102)))]);
}

#[test]
fn the_control_socket_is_at_its_place_unless_told_otherwise() {
    let socket = |line: &str| check("control", line).unwrap().control.socket;
    assert_eq!(socket(""), Some(PathBuf::from("/run/torii/control.sock")));
    assert_eq!(socket("socket = \"off\""), None);
    assert_eq!(socket("socket = \"a.sock\""), Some(PathBuf::from("/nonexistent/a.sock")));
    assert_eq!(socket("socket = \"/a/b.sock\""), Some(PathBuf::from("/a/b.sock")));
}
