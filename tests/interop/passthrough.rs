//! TLS passthrough by server name, with OpenSSL's servers behind and curl and OpenSSL before.

use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use crate::peers::{self, Peer};
use crate::proxies;

/// `openssl s_server` with a certificate of its own for this name; answers HTTP.
fn origin(name: &str, folder: &Path) -> (Peer, u16) {
    let certificate = folder.join(format!("{name}.pem"));
    proxies::write_certificate(&certificate, &[name]);
    let port = peers::free_port();
    let mut command = peers::command("openssl");
    command.args(["s_server", "-quiet", "-www", "-naccept", "1000", "-accept", &port.to_string(), "-cert"]);
    let mut peer = Peer::start(
        name,
        {
            command.arg(certificate);
            command
        },
        folder,
    );
    peer.wait_until("its listener", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    (peer, port)
}

#[test]
fn each_name_reaches_the_server_that_has_its_certificate() {
    if !peers::available(&["openssl", "curl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (_a, port_a) = origin("a.example", folder.path());
    let (_b, port_b) = origin("b.example", folder.path());
    let port = peers::free_port();
    let path = folder.path().join("torii.toml");
    std::fs::write(&path, configuration(port, port_a, port_b)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_torii"));
    command.args(["run", "-c"]).arg(path);
    let mut torii = Peer::start("torii", command, folder.path());
    torii.wait_until("its listener", || TcpStream::connect(("127.0.0.1", port)).is_ok());

    for name in ["a.example", "b.example"] {
        for version in ["--tlsv1.2", "--tlsv1.3"] {
            let mut curl = peers::command("curl");
            curl.args(["--silent", "--show-error", "--max-time", "10", version]);
            curl.arg("--resolve").arg(format!("{name}:{port}:127.0.0.1"));
            // Trusted is this one certificate: another server's would be refused.
            curl.arg("--cacert").arg(folder.path().join(format!("{name}.pem")));
            let (output, text) = peers::run(curl.arg(format!("https://{name}:{port}/")));
            assert!(output.status.success() && text.contains("s_server"), "{name} {version}: {text}");
        }
        let mut client = peers::command("openssl");
        client.args(["s_client", "-connect", &format!("127.0.0.1:{port}"), "-servername", name]);
        let (_, text) = peers::run(&mut client);
        assert!(text.contains(&format!("subject=CN = {name}\n")), "{name}: {text}");
    }
    let mut client = peers::command("openssl");
    client.args(["s_client", "-connect", &format!("127.0.0.1:{port}"), "-servername", "c.example"]);
    let (_, text) = peers::run(&mut client);
    assert!(text.contains("no peer certificate available"), "an unknown name has no server: {text}");
}

fn configuration(port: u16, port_a: u16, port_b: u16) -> String {
    format!(
        r#"
[control]
socket = "off"
[threads]
workers = 1
[log]
target = "stderr"
[[listener]]
name = "tls_in"
bind = ["127.0.0.1:{port}"]
mode = "tcp"
[[listener.route]]
sni = "a.example"
backend = "a"
[[listener.route]]
sni = ["b.example", "*.b.example"]
backend = "b"
[[backend]]
name = "a"
mode = "tcp"
[[backend.server]]
name = "a1"
address = "127.0.0.1:{port_a}"
[[backend]]
name = "b"
mode = "tcp"
[[backend.server]]
name = "b1"
address = "127.0.0.1:{port_b}"
"#
    )
}
