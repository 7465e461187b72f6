"""The three proxies as plain reverse proxies: one listener, one server, X-Forwarded-For, nothing else."""

import contextlib
import os
import socket

from rig import processes

HAPROXY = """
global
  maxconn 2000
defaults
  mode http
  timeout connect 5s
  timeout client 20s
  timeout server 20s
  timeout http-request 10s
  option forwardfor
frontend front
  bind 127.0.0.1:{port}
  default_backend origin
backend origin
  server origin 127.0.0.1:{origin}
"""

NGINX = """
worker_processes 1;
daemon off;
{user}
pid {folder}/nginx.pid;
error_log {folder}/nginx.err crit;
events {{ worker_connections 2000; }}
http {{
  access_log off;
  client_max_body_size 0;
  client_body_temp_path {folder}/n1; proxy_temp_path {folder}/n2; fastcgi_temp_path {folder}/n3;
  uwsgi_temp_path {folder}/n4; scgi_temp_path {folder}/n5;
  upstream origin {{ server 127.0.0.1:{origin}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_request_buffering off;
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

[log]
target = "file:{folder}/access.log"

[[listener]]
name = "front"
bind = ["127.0.0.1:{port}"]
backend = "origin"

[[backend]]
name = "origin"
forwarded_for = true

[[backend.server]]
name = "origin"
address = "127.0.0.1:{origin}"
"""

TEMPLATES = {"haproxy": ("haproxy.cfg", HAPROXY), "nginx": ("nginx.conf", NGINX), "torii": ("torii.toml", TORII)}


@contextlib.contextmanager
def proxy(name, folder, origin, torii):
    """Runs one for the length of a `with` block; gives its port and process."""
    port = processes.free_port()
    file, template = TEMPLATES[name]
    path = os.path.join(folder, file)
    with open(path, "w") as config:
        user = "user root;" if os.geteuid() == 0 else ""
        config.write(template.format(port=port, origin=origin, folder=folder, user=user))
    command = {
        "haproxy": [processes.find("haproxy"), "-db", "-f", path],
        "nginx": [processes.find("nginx"), "-c", path, "-p", folder],
        "torii": [torii, "run", "-c", path],
    }[name]
    log = os.path.join(folder, f"{name}.log")
    with processes.running(command, None, log) as process:
        processes.wait_for(lambda: listens(port), f"{name} to listen", 20, log, process)
        yield port, process


def listens(port):
    """Whether a connection is taken."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2):
        return True
    return False
