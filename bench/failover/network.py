"""The network of a measurement: two nodes, web servers and a client in namespaces joined by a bridge.

Used by failover.py. Everything is made and removed here, also what a crashed run has left behind: a
name carries the process that made it, by id and time of start. Needs root.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys

PREFIX = "torii-bench"
SHARED = "198.51.100.3"
NODES = ("a", "b")
PLACES = ("lan", "a", "b", "web", "client")
ADDRESSES = {
    "a": ("198.51.100.1/24", "192.0.2.1/24"),
    "b": ("198.51.100.2/24", "192.0.2.2/24"),
    "web": ("192.0.2.11/24", "192.0.2.12/24", "192.0.2.13/24"),
    "client": ("198.51.100.100/24",),
}
OWN = {"a": "198.51.100.1", "b": "198.51.100.2"}


class Network:
    """The namespaces, by their short names."""

    def __init__(self):
        self.prefix = f"{PREFIX}-{os.getpid()}-{start_time(os.getpid())}"

    def namespace(self, place):
        """Full name of a namespace."""
        return f"{self.prefix}-{place}"

    def inside(self, place, command):
        """A command that runs in a namespace and keeps its process id."""
        return ["ip", "netns", "exec", self.namespace(place), *map(str, command)]

    def cut(self, node):
        """Pulls a node's cable."""
        batch(["-n", self.namespace("lan")], f"link set port-{node} down\n")

    def mend(self, node):
        """Plugs it in again."""
        batch(["-n", self.namespace("lan")], f"link set port-{node} up\n")

    def owners(self):
        """The nodes that have the shared address now."""
        return [node for node in NODES if self.has(node)]

    def has(self, node):
        """Whether a node has the shared address now."""
        command = ["ip", "-n", self.namespace(node), "-j", "addr", "show", "dev", "eth0"]
        output = subprocess.run(command, check=True, capture_output=True).stdout
        infos = [info for link in json.loads(output) for info in link.get("addr_info", [])]
        return any(info.get("local") == SHARED for info in infos)


@contextlib.contextmanager
def network():
    """Sets the network up for the length of a `with` block."""
    if os.geteuid() != 0:
        sys.exit("network namespaces need root")
    remove_stale()
    net = Network()
    try:
        build(net)
        yield net
    finally:
        for place in PLACES:
            remove(net.namespace(place))


def build(net):
    """Namespaces, bridge, cables, addresses."""
    batch([], "".join(f"netns add {net.namespace(place)}\n" for place in PLACES))
    lines = "link add br0 type bridge\nlink set br0 up\n"
    for place in ADDRESSES:
        lines += f"link add port-{place} type veth peer name eth0 netns {net.namespace(place)}\n"
        lines += f"link set port-{place} master br0 up\n"
    batch(["-n", net.namespace("lan")], lines)
    for place, addresses in ADDRESSES.items():
        lines = "link set lo up\nlink set eth0 up\n"
        lines += "".join(f"addr add {address} dev eth0\n" for address in addresses)
        batch(["-n", net.namespace(place)], lines)
    for node in NODES:  # HAProxy binds the shared address before its node owns it
        write = ["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_nonlocal_bind"]
        subprocess.run(net.inside(node, write), check=True)


def batch(arguments, lines):
    """Runs lines of `ip`; ends the script when one fails."""
    done = subprocess.run(["ip", *arguments, "-batch", "-"], input=lines, text=True, capture_output=True)
    if done.returncode != 0:
        sys.exit(f"ip failed: {done.stderr}\n{lines}")


def remove_stale():
    """Removes what ended runs have left."""
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir("/run/netns"):
            if name.startswith(PREFIX + "-"):
                pid, started = name[len(PREFIX) + 1 :].split("-")[:2]
                if start_time(pid) != started:
                    remove(name)


def remove(name):
    """Ends what runs in one of our namespaces, and removes it."""
    if not os.path.exists(f"/run/netns/{name}"):
        return
    pids = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True).stdout
    for pid in pids.split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    subprocess.run(["ip", "netns", "del", name], check=False)


def start_time(pid):
    """When a process started, in ticks since boot, as text; None if it has ended."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[19]
    except OSError:
        return None
