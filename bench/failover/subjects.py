"""The pairs under measurement: keepalived + HAProxy, and torii, each with the same three web servers.

keepalived's file is the usual one beside HAProxy: unicast, a check script every two seconds that looks
for HAProxy's process and is worth two points, 100 against 99. torii's `[ha]` says the same.
"""

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass

from network import NODES, OWN, SHARED

from rig import processes

PORT = 80
PRIORITY = {"a": 100, "b": 99}
SERVERS = (("web1", "192.0.2.11"), ("web2", "192.0.2.12"), ("web3", "192.0.2.13"))

# In the usual file the script is `killall -0 haproxy`; here both nodes share a process table.
CHECK = '#!/bin/sh\nkill -0 "$(cat {folder}/{node}.haproxy.pid)"\n'

KEEPALIVED = """
global_defs {{
  router_id {node}
  script_user root
  vrrp_version {version}
}}
vrrp_script chk_haproxy {{
  script "{folder}/{node}.check"
  interval 2
  weight 2
}}
vrrp_instance VI_1 {{
  interface eth0
  state {state}
  virtual_router_id 10
  priority {priority}
  advert_int {seconds}
  unicast_src_ip {own}
  unicast_peer {{
    {peer}
  }}
  {authentication}
  virtual_ipaddress {{
    {shared}/32 dev eth0
  }}
  track_script {{
    chk_haproxy
  }}
}}
"""

HAPROXY = """
global
  maxconn 8000
  nbthread {threads}
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  timeout http-request 10s
  timeout http-keep-alive 30s
frontend front_in
  bind {shared}:{port}
  default_backend web_backend
backend web_backend
  balance roundrobin
  option forwardfor
  option httpchk GET /server.html
  default-server inter 2000 rise 2 fall 5
{servers}
"""

TORII = """
[threads]
workers = {threads}

[timeouts]
connect = "5s"
client = "30s"
server = "30s"
http_request = "10s"
keep_alive = "30s"

[log]
target = "file:{folder}/{node}.access.log"
format = "haproxy"

[control]
socket = "{folder}/{node}.sock"

[[listener]]
name = "front_in"
bind = ["{shared}:{port}"]
backend = "web_backend"

[[backend]]
name = "web_backend"
balance = "roundrobin"
forwarded_for = true
[backend.check]
http = "GET /server.html"
interval = "2s"
rise = 2
fall = 5
{servers}

[ha]
interface = "eth0"
virtual_router_id = 10
addresses = ["{shared}/32"]
version = {version}
advert_interval = "{milliseconds}ms"
serving_weight = 2
transport = "{transport}"
{lines}
{nodes}
"""

TORII_SERVER = '[[backend.server]]\nname = "{0}"\naddress = "{1}:80"\n'
TORII_NODE = '[[ha.node]]\nname = "{0}"\naddress = "{1}"\npriority = {2}\n'

NGINX = """
worker_processes 1;
daemon off;
user root;
pid {folder}/web.pid;
error_log {folder}/web.err warn;
events {{ worker_connections 4096; multi_accept on; }}
http {{
  access_log off;
  tcp_nodelay on;
  keepalive_timeout 300s; keepalive_requests 1000000000;
{servers}
}}
"""
NGINX_SERVER = '  server {{ listen {1}:80 backlog=4096; location / {{ return 200 "{0}\\n"; }} }}\n'


@dataclass(frozen=True)
class Timing:
    """The part of the configuration that the columns of the table differ in."""

    version: int
    milliseconds: int
    transport: str = "unicast"


REFERENCE = Timing(2, 1000)
SUBJECTS = {
    "keepalived": ("keepalived", REFERENCE),
    "keepalived-100ms": ("keepalived", Timing(3, 100)),
    "keepalived-10ms": ("keepalived", Timing(3, 10)),
    "torii": ("torii", REFERENCE),
    "torii-100ms": ("torii", Timing(3, 100)),
    "torii-10ms": ("torii", Timing(3, 10)),
    "torii-udp-100ms": ("torii", Timing(3, 100, "udp")),
}
TITLES = {
    "keepalived": "keepalived + HAProxy, v2 1 s",
    "keepalived-100ms": "keepalived + HAProxy, v3 100 ms",
    "keepalived-10ms": "keepalived + HAProxy, v3 10 ms",
    "torii": "torii, v2 1 s",
    "torii-100ms": "torii, v3 100 ms",
    "torii-10ms": "torii, v3 10 ms",
    "torii-udp-100ms": "torii, UDP 100 ms",
}


@contextlib.contextmanager
def web_servers(net, folder):
    """Runs the web servers for the length of a `with` block."""
    servers = "".join(NGINX_SERVER.format(*server) for server in SERVERS)
    path = write(folder, "web.conf", NGINX.format(folder=folder, servers=servers))
    command = net.inside("web", [processes.find("nginx"), "-c", path, "-p", folder])
    with processes.running(command, None, os.path.join(folder, "web.log")):
        yield


@contextlib.contextmanager
def pair(name, net, folder, torii, threads):
    """Runs one of `SUBJECTS` on both nodes for the length of a `with` block, node a active."""
    kind, timing = SUBJECTS[name]
    subject = {"keepalived": Keepalived, "torii": Torii}[kind](net, folder, timing, torii, threads)
    try:
        subject.start("b")
        subject.wait_for_owner("b")  # so that node a hears it: an active node does not hear a silent standby
        subject.start("a")
        processes.wait_for(lambda: net.owners() == ["a"], f"{name}: node a to become active", 30, subject.log("a"))
        processes.wait_for(lambda: answers(net), f"{name}: an answer through the shared address", 15, subject.log("a"))
        yield subject
    finally:
        subject.stop()


class Subject:
    """What both kinds have in common: their processes, by name."""

    def __init__(self, net, folder, timing, torii, threads):
        self.net = net
        self.folder = folder
        self.timing = timing
        self.torii = torii
        self.threads = threads
        self.running = {}

    def log(self, node):
        """Where the node's programs write what they have to say."""
        return os.path.join(self.folder, f"{node}.log")

    def spawn(self, node, name, command):
        """Starts a program on a node."""
        with open(self.log(node), "ab") as log:
            self.running[node, name] = subprocess.Popen(
                self.net.inside(node, command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=lambda: processes.raise_descriptor_limit(30000),
            )
        return self.running[node, name]

    def kill(self, node, name):
        """Ends a program at once."""
        process = self.running.pop((node, name))
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stop(self):
        """Ends every program, the latest first."""
        for process in reversed(self.running.values()):
            processes.stop(process)

    def wait_for_owner(self, node, seconds=30):
        """Waits until a node alone has the shared address."""
        processes.wait_for(lambda: self.net.owners() == [node], f"node {node} to be active", seconds, self.log(node))


class Keepalived(Subject):
    """keepalived beside HAProxy."""

    def start(self, node):
        """HAProxy first, so that the first run of the script finds it."""
        self.start_haproxy(node)
        self.start_keepalived(node)

    def start_haproxy(self, node):
        """Starts HAProxy and writes down its process id."""
        servers = "".join(f"  server {name} {address}:80 check\n" for name, address in SERVERS)
        text = HAPROXY.format(shared=SHARED, port=PORT, servers=servers, threads=self.threads)
        path = write(self.folder, f"{node}.haproxy.cfg", text)
        process = self.spawn(node, "haproxy", [processes.find("haproxy"), "-db", "-f", path])
        write(self.folder, f"{node}.haproxy.pid", str(process.pid))

    def start_keepalived(self, node):
        """Starts keepalived."""
        check = write(self.folder, f"{node}.check", CHECK.format(folder=self.folder, node=node))
        os.chmod(check, 0o755)
        authentication = "authentication {\n    auth_type PASS\n    auth_pass fowebpass\n  }"
        text = KEEPALIVED.format(
            node=node,
            folder=self.folder,
            version=self.timing.version,
            state="MASTER" if node == "a" else "BACKUP",
            priority=PRIORITY[node],
            seconds=self.timing.milliseconds / 1000,
            own=OWN[node],
            peer=OWN["b" if node == "a" else "a"],
            authentication=authentication if self.timing.version == 2 else "",
            shared=SHARED,
        )
        path = write(self.folder, f"{node}.keepalived.conf", text)
        pids = [f"--pid={self.folder}/{node}.parent.pid", f"--vrrp_pid={self.folder}/{node}.vrrp.pid"]
        command = [processes.find("keepalived"), "--dont-fork", "--log-console", "--vrrp", *pids, f"--use-file={path}"]
        self.spawn(node, "keepalived", command)

    def hand_over(self):
        """What an operator does: stops keepalived on the active node."""
        processes.stop(self.running.pop(("a", "keepalived")))

    def take_back(self):
        """And starts it again."""
        self.start_keepalived("a")

    def kill_proxy(self):
        """HAProxy dies at once."""
        self.kill("a", "haproxy")

    def revive_proxy(self):
        """HAProxy is started again."""
        self.start_haproxy("a")


class Torii(Subject):
    """torii alone."""

    def start(self, node):
        """Starts torii and waits until it serves."""
        lines = 'auth_pass = "fowebpass"' if self.timing.version == 2 else ""
        if self.timing.transport == "udp":
            secret = write(self.folder, "secret", "0123456789abcdef" * 4)
            os.chmod(secret, 0o600)
            lines = f'secret_file = "{secret}"'
        text = TORII.format(
            node=node,
            folder=self.folder,
            shared=SHARED,
            port=PORT,
            threads=self.threads,
            version=self.timing.version,
            milliseconds=self.timing.milliseconds,
            transport=self.timing.transport,
            lines=lines,
            servers="".join(TORII_SERVER.format(*server) for server in SERVERS),
            nodes="".join(TORII_NODE.format(name, OWN[name], PRIORITY[name]) for name in NODES),
        )
        path = write(self.folder, f"{node}.toml", text)
        process = self.spawn(node, "torii", [self.torii, "run", "-c", path])
        processes.wait_for(lambda: self.is_ready(node), f"torii on node {node}", 20, self.log(node), process)

    def is_ready(self, node):
        """Whether it answers on its control socket."""
        return self.command(node, "status", "--json").returncode in (0, 3)

    def command(self, node, *words):
        """Runs one of torii's commands on a node."""
        command = [self.torii, *words, "-c", os.path.join(self.folder, f"{node}.toml")]
        return subprocess.run(self.net.inside(node, command), capture_output=True, text=True)

    def hand_over(self):
        """What an operator does."""
        done = self.command("a", "failover")
        if done.returncode != 0:
            sys.exit(f"torii failover: {done.stdout}{done.stderr}")

    def take_back(self):
        """The address comes back."""
        done = self.command("a", "failover", "--back")
        if done.returncode != 0:
            sys.exit(f"torii failover --back: {done.stdout}{done.stderr}")

    def kill_proxy(self):
        """The whole process dies at once."""
        self.kill("a", "torii")

    def revive_proxy(self):
        """It is started again."""
        self.start("a")


def answers(net):
    """Whether a client gets a web server's answer through the shared address."""
    ask = f"import urllib.request as r; print(r.urlopen('http://{SHARED}:{PORT}/', timeout=2).read())"
    done = subprocess.run(net.inside("client", [sys.executable, "-c", ask]), capture_output=True, text=True)
    return "web" in done.stdout


def write(folder, name, text):
    """Writes a file; gives its path."""
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write(text)
    return path
