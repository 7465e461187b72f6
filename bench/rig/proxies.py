"""The proxies under measurement, each configured for the same work as its experienced users would.

Same for all: three servers, one worker, keep-alive on both sides, X-Forwarded-For, the access log's
target, the certificate. HAProxy and torii also insert and honour the persistence cookie and probe
the servers' health; nginx's free edition has neither (its `sticky` and `health_check` are sold
separately), so nginx does less work here and its figures flatter it.
"""

import contextlib
import http.client
import os
import ssl
import subprocess
from dataclasses import dataclass

from . import processes

HAPROXY = """
global
  nbthread 1
  maxconn {connections}
  ssl-default-bind-options ssl-min-ver TLSv1.2
  {log}
defaults
  mode http
  log global
  {httplog}
  timeout connect 5s
  timeout client {client}s
  timeout server 30s
  timeout http-request {http_request}s
  timeout http-keep-alive {keep_alive}s
  http-reuse {reuse}
frontend front_plain
  bind 127.0.0.1:{plain} backlog 4096
  default_backend web_backend
frontend front_tls
  bind 127.0.0.1:{tls} backlog 4096 ssl crt {certificate} alpn http/1.1
  default_backend web_backend
backend web_backend
  balance roundrobin
  cookie lbsessionid insert nocache indirect preserve httponly secure maxidle 30m maxlife 8h
  option forwardfor
  option httpchk GET /server.html
  default-server check inter 2000 rise 2 fall 5 maxconn 4000
{servers}
"""

NGINX = """
worker_processes 1;
daemon off;
{user}
pid {folder}/nginx.pid;
error_log {folder}/nginx.err warn;
worker_rlimit_nofile 20000;
events {{ worker_connections {nginx_connections}; multi_accept on; }}
http {{
  access_log {log};
  tcp_nodelay on;
  keepalive_timeout {keep_alive}s; keepalive_requests 1000000000;
  client_header_timeout {http_request}s; client_body_timeout {client}s; send_timeout {client}s;
  client_max_body_size 0; proxy_request_buffering off;
  client_body_temp_path {folder}/n1; proxy_temp_path {folder}/n2; fastcgi_temp_path {folder}/n3;
  uwsgi_temp_path {folder}/n4; scgi_temp_path {folder}/n5;
  upstream web_backend {{
{servers}
    keepalive 256; keepalive_requests 1000000000; keepalive_timeout 30s;
  }}
  server {{
    listen 127.0.0.1:{plain} backlog=4096;
    listen 127.0.0.1:{tls} ssl backlog=4096;
    ssl_certificate {certificate}; ssl_certificate_key {certificate};
    ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:tls:10m;
    location / {{
      proxy_pass http://web_backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }}
  }}
}}
"""

TORII = """
[control]
socket = "off"

[threads]
workers = 1
control_core = "shared"

[io]
driver = "{driver}"

[limits]
max_connections = {connections}

[timeouts]
client = "{client}s"
http_request = "{http_request}s"
keep_alive = "{keep_alive}s"

[log]
target = "{log}"
format = "haproxy"
facility = "local0"

[[listener]]
name = "front_plain"
bind = ["127.0.0.1:{plain}"]
mode = "http"
backend = "web_backend"

[[listener]]
name = "front_tls"
bind = ["127.0.0.1:{tls}"]
mode = "http"
backend = "web_backend"
[listener.tls]
certificates = ["{certificate}"]
min_version = "1.2"

[[backend]]
name = "web_backend"
balance = "roundrobin"
forwarded_for = true

[backend.cookie]
name = "lbsessionid"
mode = "insert"
indirect = true
nocache = true
preserve = true
httponly = true
secure = true
maxidle = "30m"
maxlife = "8h"

[backend.check]
http = "GET /server.html"
interval = "2s"
rise = 2
fall = 5
{servers}
"""

TORII_SERVER = """
[[backend.server]]
name = "{name}"
address = "127.0.0.1:{port}"
cookie = "{cookie}"
max_connections = 4000
"""


@dataclass
class Setup:
    """What a proxy has to be told."""

    folder: str
    servers: list
    certificate: str
    core: int | None
    sink_port: int | None  # None: no access log
    torii: str = "target/release/torii"
    driver: str = "auto"  # torii's io.driver
    reuse: str = "safe"  # HAProxy's http-reuse
    ahead: bool = False  # see processes.running
    connections: int = 8000  # client connections that the proxy may hold
    http_request: int = 10  # seconds for a request head (nginx: client_header_timeout)
    keep_alive: int = 30  # seconds of silence between requests
    client: int = 30  # seconds of silence in mid-message (nginx: client_body_timeout, send_timeout)

    def limits(self):
        """Capacity and time-outs, as every template names them.

        nginx counts server connections too, and ends idle clients once a sixteenth of its places is left.
        """
        return {
            "connections": self.connections,
            "nginx_connections": self.connections * 5 // 4,
            "http_request": self.http_request,
            "keep_alive": self.keep_alive,
            "client": self.client,
        }


@dataclass
class Proxy:
    """A running proxy."""

    name: str
    pid: int
    plain: int
    tls: int
    log_path: str
    process: subprocess.Popen

    def url(self, tls, path):
        """URL of a path on the plain or the TLS listener."""
        return f"https://127.0.0.1:{self.tls}{path}" if tls else f"http://127.0.0.1:{self.plain}{path}"


@contextlib.contextmanager
def proxy(name, setup):
    """Runs one of "haproxy", "nginx", "torii" for the length of a `with` block, ready for traffic."""
    plain, tls = processes.free_port(), processes.free_port()
    command = {"haproxy": haproxy_command, "nginx": nginx_command, "torii": torii_command}[name](setup, plain, tls)
    log = os.path.join(setup.folder, f"{name}.log")
    with processes.running(command, setup.core, log, ahead=setup.ahead) as process:
        running = Proxy(name, process.pid, plain, tls, log, process)
        what = f"{name} to answer from every server"
        processes.wait_for(lambda: reaches_all(running, setup.servers), what, 20, log, process)
        yield running


def haproxy_command(setup, plain, tls):
    """Writes HAProxy's configuration; gives the command that runs it in the foreground."""
    servers = "".join(f"  server {s.name} 127.0.0.1:{s.port} cookie {s.cookie}\n" for s in setup.servers)
    text = HAPROXY.format(
        plain=plain,
        tls=tls,
        **setup.limits(),
        servers=servers,
        reuse=setup.reuse,
        certificate=setup.certificate,
        log=f"log 127.0.0.1:{setup.sink_port} local0" if setup.sink_port else "",
        httplog="option httplog" if setup.sink_port else "",
    )
    return [processes.find("haproxy"), "-db", "-f", write(setup, "haproxy.cfg", text)]


def nginx_command(setup, plain, tls):
    """Writes nginx's configuration; gives the command that runs it in the foreground."""
    text = NGINX.format(
        folder=setup.folder,
        user="user root;" if os.geteuid() == 0 else "",
        plain=plain,
        tls=tls,
        **setup.limits(),
        servers="".join(f"    server 127.0.0.1:{s.port};\n" for s in setup.servers),
        certificate=setup.certificate,
        log=f"syslog:server=127.0.0.1:{setup.sink_port},facility=local0" if setup.sink_port else "off",
    )
    return [processes.find("nginx"), "-c", write(setup, "nginx.conf", text), "-p", setup.folder]


def torii_command(setup, plain, tls):
    """Writes torii's configuration; gives the command that runs it."""
    text = TORII.format(
        plain=plain,
        tls=tls,
        **setup.limits(),
        driver=setup.driver,
        servers="".join(TORII_SERVER.format(name=s.name, port=s.port, cookie=s.cookie) for s in setup.servers),
        certificate=setup.certificate,
        log=f"syslog:udp://127.0.0.1:{setup.sink_port}" if setup.sink_port else "off",
    )
    return [setup.torii, "run", "-c", write(setup, "torii.toml", text)]


def write(setup, name, text):
    """Writes a configuration file; gives its path."""
    path = os.path.join(setup.folder, name)
    with open(path, "w") as file:
        file.write(text)
    return path


def reaches_all(running, servers):
    """Whether both listeners answer and round robin has shown every server."""
    wanted = {server.name for server in servers}
    try:
        for tls in (False, True):
            seen = {fetch(running, tls) for _ in range(2 * len(servers))}
            if seen != wanted:
                return False
    except (OSError, http.client.HTTPException):
        return False
    return True


def fetch(running, tls):
    """Body of `/server.html` over a fresh connection; no certificate check, it is self-signed."""
    if tls:
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection("127.0.0.1", running.tls, timeout=2, context=context)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", running.plain, timeout=2)
    try:
        connection.request("GET", "/server.html")
        return connection.getresponse().read().decode().strip()
    finally:
        connection.close()


def certificate(folder):
    """Makes a self-signed ECDSA P-256 certificate, chain and key in one PEM; gives its path."""
    path = os.path.join(folder, "cert.pem")
    key = os.path.join(folder, "key.pem")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", path]
    subprocess.run(command.split() + names, check=True, capture_output=True)
    with open(path, "a") as pem, open(key) as private:
        pem.write(private.read())
    return path
