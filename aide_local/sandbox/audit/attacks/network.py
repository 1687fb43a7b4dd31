"""Attacks on the network and on local sockets."""

from __future__ import annotations

from aide_local.sandbox.audit.attack import Attack


def _network(name: str, does: str, layer: str, script: str) -> Attack:
    return Attack(group="network", name=name, does=does, layer=layer, script=script)


ATTACKS = (
    _network("tcp4", "connect to a TCP port of this machine", "network namespace", """
        attempt("connected", lambda: socket.create_connection(("127.0.0.1", WHERE["tcp"]), 2))
    """),
    _network("tcp6", "connect to a TCP port over IPv6", "network namespace", """
        def act():
            one = socket.socket(socket.AF_INET6); one.settimeout(2); one.connect(("::1", WHERE["tcp6"])); return True
        attempt("connected", act) if WHERE["tcp6"] else None
    """),
    _network("udp", "send a datagram to a port of this machine", "network namespace", """
        def act():
            one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            for _ in range(3): one.sendto(b"leak", ("127.0.0.1", WHERE["udp"]))
        attempt("sent", act)  # whether it arrived is seen outside
    """),
    _network("resolve", "ask a name server", "network namespace", """
        attempt("resolved", lambda: socket.getaddrinfo("example.com", 80))
    """),
    _network("raw", "open a raw IP socket", "no capabilities", """
        attempt("open", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
    """),
    _network("packet", "read all packets of an interface", "seccomp", """
        attempt("open", lambda: socket.socket(17, socket.SOCK_RAW, 0x300))
    """),
    _network("vsock", "talk to the hypervisor, past network namespaces", "seccomp", """
        attempt("open", lambda: socket.socket(40, socket.SOCK_STREAM))
    """),
    _network("alg", "use the kernel's cryptography", "seccomp", """
        attempt("open", lambda: socket.socket(38, socket.SOCK_SEQPACKET))
    """),
    _network("families", "open a socket of any other family", "seccomp", """
        for family in sorted(set(range(3, 46)) - {1, 2, 10, 16}):
            for kind in (1, 2, 3, 5):
                result, error = call("socket", family, kind, 0)
                if result >= 0 or error not in (errno.EAFNOSUPPORT, errno.EPERM, errno.EACCES):
                    escaped(f"family {family}: {result}, {error}")
    """),
    _network("netlink", "speak to the kernel by netlink other than routing", "seccomp", """
        for protocol in (4, 9, 12, 15, 16, 20):
            attempt(f"protocol {protocol}", lambda: socket.socket(16, socket.SOCK_RAW, protocol))
    """),
    _network("sctp", "have the kernel load a protocol", "seccomp", """
        for protocol in (132, 33, 136, 262):
            result, error = call("socket", 2, 1, protocol)
            if result >= 0 or error not in (errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT, errno.EPERM):
                escaped(f"protocol {protocol}")
    """),
    _network("unix-path", "connect to a local socket outside, as the session bus is", "mount namespace", """
        def act():
            one = socket.socket(socket.AF_UNIX); one.connect(WHERE["socket"]); return True
        attempt("connected", act)
    """),
    _network("unix-relative", "the same by way of a link in working/", "mount namespace", """
        os.symlink(os.path.dirname(WHERE["socket"]), "working/way")
        def act():
            one = socket.socket(socket.AF_UNIX); one.connect("working/way/" + os.path.basename(WHERE["socket"])); return True
        attempt("connected", act)
    """),
    _network("unix-abstract", "connect to a socket without a file", "network namespace", """
        def act():
            one = socket.socket(socket.AF_UNIX); one.connect("\\0" + WHERE["abstract"]); return True
        attempt("connected", act)
    """),
    _network("unix-datagram", "send to a datagram socket outside, as the log is", "mount namespace", """
        def act():
            one = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); return one.sendto(b"leak", WHERE["datagram"])
        attempt("sent", act)
        def act():
            one, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM); return one.sendto(b"leak", WHERE["datagram"])
        attempt("sent by a pair", act)
    """),
)  # fmt: skip
