//! A real browser, headless, over TLS: a page through the proxy, and the statistics page.

use std::path::Path;

use crate::peers;
use crate::proxies::{PASSWORD, USER};
use crate::world::World;

#[test]
fn a_browser_loads_a_page_over_tls() {
    let Some(world) = World::build(&["chromium"]) else { return };
    let page = browse(world.folder.path(), &world.proxy.tls_url("/"));
    assert!(page.contains("<title>torii gate</title>") && page.contains("<h1>web"), "{page}");
}

#[test]
fn a_browser_loads_the_statistics_page_with_its_password_only() {
    let Some(world) = World::build(&["chromium"]) else { return };
    let address = format!("127.0.0.1:{}/stats", world.proxy.stats);
    let page = browse(world.folder.path(), &format!("https://{USER}:{PASSWORD}@{address}"));
    for name in ["front_tls", "web_backend", "web1", "web2", "web3"] {
        assert!(page.contains(name), "{name} in {page}");
    }
    for credentials in [None, Some("keeper:wrong"), Some("stranger:gatehouse")] {
        let url = format!("https://{address}");
        let mut arguments = vec![url.as_str()];
        arguments.extend(credentials.iter().flat_map(|pair| ["--user", pair]));
        let refused = peers::curl(&arguments);
        assert_eq!(refused.status, 401, "{credentials:?}");
        assert!(refused.field("www-authenticate").is_some_and(|value| value.starts_with("Basic realm=")));
        assert!(!refused.body.contains("web_backend"), "nothing is shown to {credentials:?}");
    }
}

/// The document that headless Chromium makes of a URL; it asks nobody else for anything.
fn browse(folder: &Path, url: &str) -> String {
    let profile = tempfile::tempdir_in(folder).unwrap();
    let mut chromium = peers::command("chromium");
    chromium
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--disable-dev-shm-usage", "--ignore-certificate-errors"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .env("HOME", profile.path())
        .args(["--dump-dom", url]);
    let (output, _) = peers::run(&mut chromium);
    String::from_utf8_lossy(&output.stdout).into_owned()
}
