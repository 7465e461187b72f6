//! PROXY protocol with real programs at both ends: HAProxy before torii, nginx behind it.
//!
//! curl connects to HAProxy from an address of its own; nginx, which is told addresses by PROXY
//! protocol alone, answers what it was told. Both versions go in, both come out, once through TLS.

use std::path::Path;
use std::process::Command;

use crate::peers::{self, Peer};
use crate::proxies::write_certificate;

/// The address of loopback that curl connects from.
const CLIENT: &str = "127.0.0.55";

/// HAProxy's frontends and torii's listeners, in pairs.
struct Ports {
    /// HAProxy in http mode with version 1, in http mode with version 2 and its checksum, and in tcp
    /// mode with version 2 before TLS.
    front: [u16; 3],
    torii: [u16; 3],
    nginx: u16,
}

/// The three programs; all end when they are dropped.
struct Chain {
    ports: Ports,
    haproxy: Peer,
    torii: Peer,
    nginx: Peer,
}

impl Chain {
    fn start(folder: &Path) -> Self {
        let ports = Ports {
            front: std::array::from_fn(|_| peers::free_port()),
            torii: std::array::from_fn(|_| peers::free_port()),
            nginx: peers::free_port(),
        };
        write_certificate(&folder.join("localhost.pem"), &["localhost"]);
        let nginx = Peer::start("nginx", nginx_command(folder, &ports), folder);
        let torii = Peer::start("torii", torii_command(folder, &ports), folder);
        let haproxy = Peer::start("haproxy", haproxy_command(folder, &ports), folder);
        let mut chain = Self { ports, haproxy, torii, nginx };
        for index in 0..3 {
            let url = chain.url(index);
            let answers = || peers::curl(&["--interface", CLIENT, &url]).status == 200;
            chain.haproxy.wait_until("an answer through the whole chain", answers);
        }
        chain
    }

    fn url(&self, index: usize) -> String {
        let scheme = if index == 2 { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}/", self.ports.front[index])
    }
}

/// Answers the address that the PROXY protocol told, and what the fields say.
fn nginx_command(folder: &Path, ports: &Ports) -> Command {
    let user = if nix::unistd::geteuid().is_root() { "user root;" } else { "" };
    let (port, folder_name) = (ports.nginx, folder.display());
    let text = format!(
        r#"
worker_processes 1; daemon off; master_process off; {user}
pid {folder_name}/nginx.pid; error_log {folder_name}/error.log warn;
events {{ worker_connections 512; }}
http {{
  access_log off; default_type text/plain;
  client_body_temp_path {folder_name}/t1; proxy_temp_path {folder_name}/t2; fastcgi_temp_path {folder_name}/t3;
  uwsgi_temp_path {folder_name}/t4; scgi_temp_path {folder_name}/t5;
  server {{
    listen 127.0.0.1:{port} proxy_protocol;
    location / {{
      return 200 "$proxy_protocol_addr $http_x_forwarded_for $http_x_forwarded_proto $http_forwarded";
    }}
  }}
}}
"#
    );
    let path = folder.join("nginx.conf");
    std::fs::write(&path, text).unwrap();
    let mut command = peers::command("nginx");
    command.arg("-c").arg(path).arg("-p").arg(folder);
    command
}

fn torii_command(folder: &Path, ports: &Ports) -> Command {
    let [plain_v2, plain_v1, tls] = ports.torii;
    let nginx = ports.nginx;
    let listener = |name: &str, port: u16, backend: &str| {
        format!(
            "[[listener]]\nname = \"{name}\"\nbind = [\"127.0.0.1:{port}\"]\nbackend = \"{backend}\"\n\
             accept_proxy = true\ntrusted_proxies = [\"127.0.0.1\"]\n"
        )
    };
    let backend = |version: &str| {
        format!(
            "[[backend]]\nname = \"{version}\"\nforwarded_for = true\nforwarded_proto = true\nforwarded = true\n\
             send_proxy = \"{version}\"\n[backend.check]\nhttp = \"GET /check\"\ninterval = \"100ms\"\n\
             [[backend.server]]\nname = \"web1\"\naddress = \"127.0.0.1:{nginx}\"\n"
        )
    };
    let text = [
        "[control]\nsocket = \"off\"\n[log]\ntarget = \"stdout\"\n".to_owned(),
        listener("one", plain_v2, "v2"),
        listener("two", plain_v1, "v1"),
        listener("three", tls, "v2"),
        "[listener.tls]\ncertificates = [\"localhost.pem\"]\n".to_owned(),
        backend("v1"),
        backend("v2"),
    ]
    .concat();
    let path = folder.join("torii.toml");
    std::fs::write(&path, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_torii"));
    command.args(["run", "-c"]).arg(path);
    command
}

fn haproxy_command(folder: &Path, ports: &Ports) -> Command {
    let proxy = |mode: &str, index: usize, options: &str| {
        let (front, torii) = (ports.front[index], ports.torii[index]);
        format!(
            "listen {mode}{index}\n  mode {mode}\n  bind 127.0.0.1:{front}\n  \
             server torii 127.0.0.1:{torii} {options}\n"
        )
    };
    let text = [
        "defaults\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n".to_owned(),
        proxy("http", 0, "send-proxy check inter 100ms"),
        proxy("http", 1, "send-proxy-v2 proxy-v2-options crc32c check inter 100ms"),
        proxy("tcp", 2, "send-proxy-v2 proxy-v2-options authority,crc32c"),
    ]
    .concat();
    let path = folder.join("haproxy.cfg");
    std::fs::write(&path, text).unwrap();
    let mut command = peers::command("haproxy");
    command.args(["-db", "-f"]).arg(path);
    command
}

#[test]
fn the_address_goes_from_haproxy_through_torii_to_nginx() {
    if !peers::available(&["haproxy", "nginx", "curl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut chain = Chain::start(folder.path());
    for (index, proto) in [(0, "http"), (1, "http"), (2, "https")] {
        let url = chain.url(index);
        for source in [CLIENT, "127.0.0.56"] {
            let answer = peers::curl(&["--interface", source, &url]);
            // What follows is nginx's own Host, which HAProxy leaves as curl wrote it.
            let host = format!("127.0.0.1:{}", chain.ports.front[index]);
            let expected = format!("{source} {source} {proto} proto={proto};host=\"{host}\";for={source}");
            assert_eq!(answer.body, expected, "{url}");
        }
    }
    // Without HAProxy's header there is no way in.
    let direct = format!("http://127.0.0.1:{}/", chain.ports.torii[0]);
    assert_eq!(peers::curl(&[&direct]).status, 0);
    // curl speaks version 1 itself, and announces its own end.
    let own = peers::curl(&["--haproxy-protocol", &direct]);
    assert!(own.body.starts_with("127.0.0.1 127.0.0.1 http "), "{}", own.body);
    assert!(chain.torii.output().contains(&format!("{CLIENT}:")), "the log names the client");
    assert!(!chain.torii.output().contains("DOWN"), "health checks are let in by nginx");
    assert!(chain.nginx.is_running() && !error_log(folder.path()).contains("broken header"));
}

fn error_log(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("error.log")).unwrap_or_default()
}
