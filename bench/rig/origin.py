"""The three web servers behind every proxy: one nginx worker that listens on three ports.

One worker, not three, leaves the client the most of their common core. Each port answers
`/server.html` with its own name, `/256`, `/16k`, … with that many bytes, `/chunked/…` with the
same bytes and no length, and `/upload` after it has read the whole request body.
"""

import contextlib
import http.client
import os
from dataclasses import dataclass

from . import processes

SIZES = {"0": 0, "256": 256, "4k": 4096, "16k": 16384, "64k": 65536, "256k": 262144, "1m": 1048576}
NAMES = ("web1", "web2", "web3")

SERVER = """
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    root {root};
    location = /server.html {{ return 200 "{name}\\n"; }}
    location /chunked/ {{ alias {root}/; ssi on; ssi_types *; }}
    location = /upload {{
      client_max_body_size 4m; client_body_buffer_size 2m;
      proxy_pass_request_body off; proxy_set_header Content-Length "";
      proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_pass http://read/read;
    }}
    location = /read {{ return 204; }}
  }}
"""

CONFIG = """
worker_processes 1;
daemon off;
{user}
pid {folder}/origin.pid;
error_log {folder}/origin.err warn;
worker_rlimit_nofile 16384;
events {{ worker_connections 8192; multi_accept on; }}
http {{
  access_log off;
  default_type text/html;
  sendfile on; tcp_nopush on; tcp_nodelay on;
  keepalive_timeout 300s; keepalive_requests 1000000000;
  open_file_cache max=64 inactive=1h; open_file_cache_valid 1h; open_file_cache_min_uses 1;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  upstream read {{ server 127.0.0.1:{first}; keepalive 64; }}
{servers}
}}
"""


@dataclass
class Server:
    """One origin server as a proxy's configuration names it."""

    name: str
    cookie: str
    port: int


@contextlib.contextmanager
def origin(folder, core, ahead=False):
    """Runs the servers for the length of a `with` block; gives the list of `Server`."""
    root = os.path.join(folder, "root")
    os.makedirs(root)
    for name, size in SIZES.items():
        with open(os.path.join(root, name), "wb") as page:
            page.write((b"torii gate " * (size // 11 + 1))[:size])
    servers = [Server(name, f"w0{number}", processes.free_port()) for number, name in enumerate(NAMES, 1)]
    text = CONFIG.format(
        folder=folder,
        user="user root;" if os.geteuid() == 0 else "",
        first=servers[0].port,
        servers="".join(SERVER.format(port=s.port, name=s.name, root=root) for s in servers),
    )
    path = os.path.join(folder, "origin.conf")
    with open(path, "w") as file:
        file.write(text)
    log = os.path.join(folder, "origin.log")
    with processes.running([processes.find("nginx"), "-c", path, "-p", folder], core, log, ahead=ahead) as process:
        for server in servers:
            processes.wait_for(lambda s=server: answers(s), f"nginx server {server.name}", 10, log, process)
        yield servers


def answers(server):
    """Whether the server answers `/server.html` with its name."""
    try:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=2)
        connection.request("GET", "/server.html")
        return connection.getresponse().read().strip() == server.name.encode()
    except OSError:
        return False
