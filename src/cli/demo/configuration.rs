//! The demo's configuration: an ordinary file, so that a reader can learn from it and keep it.

use std::net::SocketAddr;

/// Name of the configuration in the demo's folder.
pub(super) const FILE: &str = "torii.toml";

/// Name of the certificate and key there.
pub(super) const CERTIFICATE: &str = "demo.pem";

/// Name of the access log there.
pub(super) const LOG: &str = "access.log";

/// Path of the statistics page.
pub(super) const STATISTICS: &str = "/stats";

/// User of the statistics page, and password: it is on loopback and shows nothing of value.
pub(super) const USER: &str = "demo";

/// Name of the persistence cookie.
pub(super) const COOKIE: &str = "torii_demo";

/// What the node listens on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    /// The site.
    pub(super) https: u16,
    /// The statistics page.
    pub(super) statistics: u16,
}

/// The whole file. `servers`: name and address of each.
pub(super) fn text<'a>(ports: Ports, servers: impl Iterator<Item = (&'a str, SocketAddr)>) -> String {
    let Ports { https, statistics } = ports;
    let mut text = format!(
        r#"# What `torii demo` runs. It is removed with its folder when the demo ends: copy it to keep it.
# Try: torii check {FILE}
# and, while it runs: torii status -c {FILE}

[control]
socket = "control.sock"           # relative to this file; /run/torii/control.sock without it

[log]
target = "file:{LOG}"           # relative to this file

[[listener]]
name = "front"
bind = ["127.0.0.1:{https}"]
backend = "web"
[listener.tls]
certificates = ["{CERTIFICATE}"]      # certificate and key in one file

[[backend]]
name = "web"
forwarded_for = true               # append the client's address to X-Forwarded-For

[backend.cookie]                   # a client stays at its server
name = "{COOKIE}"
indirect = true                    # servers never see the cookie
nocache = true
preserve = true
secure = true
maxidle = "30m"
maxlife = "8h"                     # the site would add httponly = true; the demo's page shows the cookie

[backend.check]                    # short, so that things are seen
http = "GET /server.html"
interval = "500ms"
rise = 2
fall = 2
"#
    );
    for (index, (name, address)) in servers.enumerate() {
        text += &format!(
            "\n[[backend.server]]\nname = \"{name}\"\naddress = \"{address}\"\ncookie = \"w{:02}\"\n",
            index + 1
        );
    }
    text += &format!(
        "\n[stats]\nbind = [\"127.0.0.1:{statistics}\"]\npath = \"{STATISTICS}\"\n\
         users = [{{ name = \"{USER}\", password = \"{USER}\" }}]\n\
         [stats.tls]\ncertificates = [\"{CERTIFICATE}\"]\n"
    );
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use super::super::certificate;
    use super::*;

    #[test]
    fn is_accepted_without_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(CERTIFICATE);
        std::fs::write(&file, certificate::pem(chrono::Utc::now()).unwrap()).unwrap();
        // As `run` writes it: readable for its user alone.
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        let servers = [("web1", "127.0.0.1:1".parse().unwrap()), ("web2", "127.0.0.1:2".parse().unwrap())];
        let text = text(Ports { https: 8443, statistics: 8404 }, servers.into_iter());
        let config = crate::config::parse(&text, FILE, folder.path()).unwrap();
        assert_eq!(config.warnings, [""; 0]);
        assert_eq!(config.backends[0].servers[1].cookie.as_deref(), Some("w02"));
        assert!(config.listeners[0].tls.is_some() && config.stats.is_some());
    }
}
