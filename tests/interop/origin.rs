//! Three real nginx, one process each, so that a test can stop one and start it again.

use std::path::{Path, PathBuf};

use crate::peers::{self, Peer};

/// Bytes of the answer to `/page`: the same from every server.
pub const PAGE_SIZE: usize = 256;

/// One nginx on its own port. `/server.html` answers its name, `/` a page that contains it.
pub struct Origin {
    /// Name, as in the proxies' configurations.
    pub name: String,
    /// Persistence id.
    pub cookie: String,
    /// TCP port on 127.0.0.1.
    pub port: u16,
    folder: PathBuf,
    peer: Option<Peer>,
}

impl Origin {
    /// Starts web1, web2 and web3.
    pub fn start_three(folder: &Path) -> Vec<Self> {
        (1..=3).map(|number| Self::start(folder, number)).collect()
    }

    fn start(folder: &Path, number: usize) -> Self {
        let name = format!("web{number}");
        let folder = folder.join(&name);
        std::fs::create_dir_all(&folder).unwrap();
        let mut origin =
            Self { cookie: format!("w0{number}"), port: peers::free_port(), folder, peer: None, name };
        std::fs::write(origin.folder.join("nginx.conf"), origin.configuration()).unwrap();
        origin.bring_up();
        origin
    }

    /// Starts it again, on the same port, and waits for its first answer.
    pub fn bring_up(&mut self) {
        let mut nginx = peers::command("nginx");
        nginx.arg("-c").arg(self.folder.join("nginx.conf")).arg("-p").arg(&self.folder);
        let mut peer = Peer::start(&self.name, nginx, &self.folder);
        let url = format!("http://127.0.0.1:{}/server.html", self.port);
        peer.wait_until("first answer", || peers::curl(&[&url]).body == self.name);
        self.peer = Some(peer);
    }

    /// Stops it: its port refuses connections from now on.
    pub fn take_down(&mut self) {
        self.peer.take().expect("it runs").stop();
    }

    fn configuration(&self) -> String {
        let Self { name, port, folder, .. } = self;
        let folder = folder.display();
        let page = "p".repeat(PAGE_SIZE);
        // As root, nginx would give its files to a user that cannot enter the test's folder.
        let user = if is_root() { "user root;" } else { "" };
        format!(
            r#"
worker_processes 1; daemon off; master_process off; {user}
pid {folder}/nginx.pid; error_log {folder}/error.log warn;
events {{ worker_connections 512; }}
http {{
  access_log off; default_type text/html;
  keepalive_timeout 60s; keepalive_requests 1000000;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{
    listen 127.0.0.1:{port};
    location = /server.html {{ return 200 "{name}"; }}
    location = /page {{ return 200 "{page}"; }}
    location / {{ return 200 "<html><title>torii gate</title><body><h1>{name}</h1></body></html>"; }}
  }}
}}
"#
        )
    }
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}
