"""Network, sockets, files, metadata and devices outside the candidate's folders."""

from __future__ import annotations

from aide_local.sandbox.audit.attack import Attack

_STAT = "names, sizes and times of files outside are visible (stat(2) is not covered by Landlock)"


def _network(name: str, does: str, layer: str, script: str) -> Attack:
    return Attack(group="network", name=name, does=does, layer=layer, script=script)


def _files(
    name: str, does: str, script: str, *, layer: str = "mount namespace, Landlock", **more: str
) -> Attack:
    return Attack(group="files", name=name, does=does, layer=layer, script=script, **more)  # type: ignore[arg-type]


def _metadata(name: str, does: str, script: str, *, layer: str = "read-only mount", **more: str) -> Attack:
    return Attack(group="metadata", name=name, does=does, layer=layer, script=script, **more)  # type: ignore[arg-type]


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
    _files("read", "read a file of the person's", """attempt("read", lambda: open(WHERE["secret"]).read())"""),
    _files("passwd", "read the list of accounts", """attempt("read", lambda: open("/etc/passwd").read())"""),
    _files("list", "list the person's folder", """attempt("listed", lambda: os.listdir(WHERE["outside"]))"""),
    _files("home", "list the home folder", """
        attempt("listed", lambda: [one for one in os.listdir(WHERE["home"]) if one != "."])
    """),
    _files("dotdot", "leave by ..", """
        attempt("read", lambda: open("input/" + "../" * 40 + WHERE["secret"].lstrip("/")).read())
    """),
    _files("link", "put a symbolic link into working/ and read it", """
        os.symlink(WHERE["secret"], "working/link"); attempt("read", lambda: open("working/link").read())
    """),
    _files("hard-link", "give a file outside a name in working/", """
        attempt("linked", done(lambda: os.link(WHERE["secret"], "working/hard")))
    """),
    _files("proc-root", "leave by /proc", """
        for pid in ("self", "1", str(os.getppid()), str(WHERE["victim"])):
            attempt(pid, lambda: open(f"/proc/{pid}/root" + WHERE["secret"]).read())
            attempt(pid, lambda: open(f"/proc/{pid}/cwd/../" + WHERE["secret"]).read())
    """),
    _files("write", "write beside the person's files", """
        attempt("written", done(lambda: open(WHERE["outside"] + "/planted", "w").write("x")))
    """),
    _files("overwrite", "overwrite a file of the person's", """
        attempt("written", done(lambda: open(WHERE["secret"], "a").write("x")))
    """),
    _files("delete", "delete a file of the person's", """attempt("deleted", done(lambda: os.unlink(WHERE["expendable"])))"""),
    _files("move", "move a file of the person's into working/", """
        attempt("moved", done(lambda: os.rename(WHERE["expendable"], "working/got")))
    """),
    _files("input-write", "write to input/", """
        attempt("written", done(lambda: open("input/data.csv", "a").write("x")))
        attempt("made", done(lambda: open("input/new", "w").write("x")))
    """, layer="read-only mount, Landlock"),
    _files("input-truncate", "empty a file of input/", """
        attempt("emptied", done(lambda: os.truncate("input/data.csv", 0)))
    """, layer="read-only mount, Landlock"),
    _files("input-replace", "exchange a file of input/", """
        attempt("deleted", done(lambda: os.unlink("input/data.csv")))
        open("working/other", "w").write("x")
        attempt("replaced", done(lambda: os.replace("working/other", "input/data.csv")))
    """, layer="read-only mount, Landlock"),
    _files("input-link", "write to a file of input/ by another name of it", """
        attempt("linked", done(lambda: os.link("input/data.csv", "working/data.csv")))
    """, layer="two mounts, Landlock"),
    _files("remount", "make input/ writable", """
        os.makedirs("working/point", exist_ok=True)
        for source, target, flags in ((b"none", b"input", 32 | 4096), (b"/", b"working/point", 4096)):
            if LIBC.mount(source, target, None, ctypes.c_ulong(flags), None) == 0:
                escaped("mounted"); LIBC.umount2(target, 2)
    """, layer="seccomp, no capabilities"),
    _metadata("chmod-input", "change the mode of a file of input/", """os.chmod("input/data.csv", 0o777)"""),
    _metadata("chmod-outside", "change the mode of a file outside", """os.chmod(WHERE["secret"], 0o666)"""),
    _metadata("chown-input", "give a file of input/ to somebody else", """os.chown("input/data.csv", -1, os.getgid() or 1)"""),
    _metadata("times-input", "change the times of a file of input/", """os.utime("input/data.csv", (1, 1))"""),
    _metadata("times-outside", "change the times of a file outside", """os.utime(WHERE["secret"], (1, 1))"""),
    _metadata("attribute", "hang an attribute on a file of input/", """os.setxattr("input/data.csv", "user.mark", b"1")"""),
    _metadata("flags", "change what a file of input/ is by a descriptor that may only read", """
        import fcntl
        one = os.open("input/data.csv", os.O_RDONLY)
        flags = struct.unpack("i", fcntl.ioctl(one, 0x80086601, b"\\0" * 4))[0]
        attempt("set", done(lambda: fcntl.ioctl(one, 0x40086602, struct.pack("i", flags | 0x40))))
    """),
    _metadata("stat", "see whether a file outside exists and how large it is", """
        attempt("seen", lambda: os.stat(WHERE["secret"]).st_size)
    """, layer="mount namespace", open_in_landlock=_STAT),
    _metadata("watch", "be told when a file outside is used", """
        one = LIBC.inotify_init()
        if LIBC.inotify_add_watch(one, WHERE["secret"].encode(), 0xFFF) >= 0: escaped("watched")
    """, layer="mount namespace"),
    _metadata("set-id", "leave a program that runs as its owner", """
        open("working/tool", "w").close()
        for act in (lambda: os.chmod("working/tool", 0o4755), lambda: os.open("working/tool2", os.O_CREAT | os.O_RDWR, 0o4755)):
            try: act()
            except OSError: pass
        for name in os.listdir("working"):
            if os.stat("working/" + name).st_mode & 0o6000: escaped(name)
    """, layer="seccomp"),
    Attack(group="devices", name="mknod", does="make a device of its own", layer="no capabilities, Landlock", script="""
        attempt("made", done(lambda: os.mknod("working/mem", stat.S_IFCHR | 0o600, os.makedev(1, 1))))
    """),
    Attack(group="devices", name="memory", does="open memory, ports and the kernel's log", layer="own /dev, Landlock", script="""
        for name in ("mem", "kmsg", "port", "kvm", "fuse", "net/tun", "vhost-vsock", "userfaultfd", "loop-control", "ptmx"):
            attempt(name, done(lambda: os.open("/dev/" + name, os.O_RDONLY)))
    """),
    Attack(group="devices", name="disks", does="read a disk past its files", layer="own /dev, Landlock", script="""
        for name in (line.split()[3] for line in open("/proc/partitions").readlines()[2:]):
            attempt(name, lambda: open("/dev/" + name, "rb").read(1))
    """),
    Attack(group="devices", name="terminal", does="open the person's terminal", layer="own session, own /dev", script="""
        attempt("tty", done(lambda: os.open("/dev/tty", os.O_RDWR)))
        attempt("pts", lambda: os.listdir("/dev/pts"))
    """),
    Attack(group="devices", name="type", does="type into the terminal (TIOCSTI)", layer="seccomp", script="""
        import fcntl
        for request in (0x5412, 0x1_0000_5412 - (1 << 32)):
            result, error = call("ioctl", 0, request, ctypes.c_char_p(b"x"))
            if result >= 0 or error not in (errno.EPERM, errno.EACCES): escaped(f"{result}, {error}")
        result, error = call("ioctl", 0, 0x7_0000_5412, ctypes.c_char_p(b"x"))
        if result >= 0 or error not in (errno.EPERM, errno.EACCES): escaped(f"high bits: {result}, {error}")
    """),
)  # fmt: skip
