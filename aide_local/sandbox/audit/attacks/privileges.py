"""Attempts to gain privileges."""

from __future__ import annotations

from aide_local.sandbox.audit.attack import Attack


def _privilege(name: str, does: str, layer: str, script: str) -> Attack:
    return Attack(group="privileges", name=name, does=does, layer=layer, script=script)


ATTACKS = (
    _privilege("new-privileges", "gain privileges by starting programs", "no_new_privs", """
        if "NoNewPrivs:\\t1" not in open("/proc/self/status").read(): escaped("no_new_privs is not set")
    """),
    _privilege("capabilities", "hold a capability", "capabilities dropped", """
        for line in open("/proc/self/status"):
            if line.startswith(("CapEff", "CapPrm", "CapInh", "CapAmb")) and int(line.split()[1], 16): escaped(line.strip())
    """),
    _privilege("become-root", "become root, or somebody else", "capabilities dropped", """
        for act in (lambda: os.setuid(0), lambda: os.setuid(12345), lambda: os.setgroups([0]), lambda: os.setgid(12345)):
            before = os.getresuid(), os.getresgid(), os.getgroups()
            try: act()
            except OSError: continue
            if before != (os.getresuid(), os.getresgid(), os.getgroups()): escaped(f"{before} → {os.getresuid()}")
    """),
    _privilege("after-exec", "get capabilities back by starting a program", "no_new_privs, securebits", """
        code = "print([l for l in open('/proc/self/status') if l.startswith('CapEff') and int(l.split()[1], 16)])"
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip()
        if out not in ("[]", ""): escaped(out)
    """),
    _privilege("user-namespace", "become root of a new namespace", "seccomp", """
        for flags in (0x10000000, 0x10020000, 0x20000000, 0x40000000, 0x00020000):
            if LIBC.unshare(ctypes.c_int(flags)) == 0: escaped(hex(flags)); break
    """),
    _privilege("clone-namespace", "the same by clone(2) and clone3(2)", "seccomp", """
        result, error = call("clone", 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0)
        if result == 0: os._exit(0)
        if result > 0: escaped("clone")
        if call("clone3", ctypes.create_string_buffer(8), 8)[1] != errno.ENOSYS: escaped("clone3 is there")
    """),
    _privilege("join-namespace", "join the namespaces of another process", "seccomp", """
        reaches_kernel("setns", -1, 0)
    """),
    _privilege("core-pattern", "have the kernel start a program (core_pattern)", "read-only /proc/sys, Landlock", """
        for name in ("core_pattern", "modprobe", "hotplug"):
            attempt(name, done(lambda: os.close(os.open("/proc/sys/kernel/" + name, os.O_WRONLY))))
    """),
    _privilege("sysrq", "press the keys that restart the machine", "hidden, Landlock", """
        attempt("open", done(lambda: os.close(os.open("/proc/sysrq-trigger", os.O_WRONLY))))
    """),
    _privilege("out-of-memory", "make itself the last to be killed", "Landlock", """
        attempt("set", done(lambda: open("/proc/self/oom_score_adj", "w").write("-900")))
        attempt("lowered", done(lambda: open("/proc/self/oom_score_adj", "w").write("0")))
    """),
    _privilege("hide", "keep the watchdog from looking at it", "seccomp", """
        if LIBC.prctl(4, 0, 0, 0, 0) == 0: escaped("not dumpable")
    """),
    _privilege("host-name", "change or learn the machine's name", "UTS namespace, seccomp", """
        reaches_kernel("sethostname", ctypes.c_char_p(b"x"), -1)
    """),
    _privilege("core", "leave core files", "RLIMIT_CORE", """
        import resource
        if resource.getrlimit(resource.RLIMIT_CORE) != (0, 0): escaped("core files are allowed")
    """),
)  # fmt: skip
