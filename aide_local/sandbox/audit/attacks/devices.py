"""Attacks on devices: memory, disks, terminals."""

from __future__ import annotations

from aide_local.sandbox.audit.attack import Attack


def _device(name: str, does: str, layer: str, script: str) -> Attack:
    return Attack(group="devices", name=name, does=does, layer=layer, script=script)


ATTACKS = (
    _device("mknod", "make a device of its own", "no capabilities, Landlock", """
        attempt("made", done(lambda: os.mknod("working/mem", stat.S_IFCHR | 0o600, os.makedev(1, 1))))
    """),
    _device("memory", "open memory, ports and the kernel's log", "own /dev, Landlock", """
        for name in ("mem", "kmsg", "port", "kvm", "fuse", "net/tun", "vhost-vsock", "userfaultfd", "loop-control", "ptmx"):
            attempt(name, done(lambda: os.open("/dev/" + name, os.O_RDONLY)))
    """),
    _device("disks", "read a disk past its files", "own /dev, Landlock", """
        for name in (line.split()[3] for line in open("/proc/partitions").readlines()[2:]):
            attempt(name, lambda: open("/dev/" + name, "rb").read(1))
    """),
    _device("terminal", "open the person's terminal", "own session, own /dev", """
        attempt("tty", done(lambda: os.open("/dev/tty", os.O_RDWR)))
        attempt("pts", lambda: os.listdir("/dev/pts"))
    """),
    _device("type", "type into the terminal (TIOCSTI)", "seccomp", """
        import fcntl
        for request in (0x5412, 0x1_0000_5412 - (1 << 32)):
            result, error = call("ioctl", 0, request, ctypes.c_char_p(b"x"))
            if result >= 0 or error not in (errno.EPERM, errno.EACCES): escaped(f"{result}, {error}")
        result, error = call("ioctl", 0, 0x7_0000_5412, ctypes.c_char_p(b"x"))
        if result >= 0 or error not in (errno.EPERM, errno.EACCES): escaped(f"high bits: {result}, {error}")
    """),
)  # fmt: skip
