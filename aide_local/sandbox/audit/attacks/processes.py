"""Attacks on other processes, and on the descriptors and the environment that a candidate inherits."""

from __future__ import annotations

from aide_local.sandbox.audit.attack import Attack


def _process(
    name: str, does: str, script: str, *, layer: str = "PID namespace", open_in_landlock: str = ""
) -> Attack:
    return Attack(
        group="processes", name=name, does=does, layer=layer, script=script, open_in_landlock=open_in_landlock
    )


def _descriptors(name: str, does: str, layer: str, script: str) -> Attack:
    return Attack(group="descriptors", name=name, does=does, layer=layer, script=script)


ATTACKS = (
    _process("signal", "send a signal to a process outside", """
        for number in (0, signal.SIGTERM): attempt("sent", done(lambda: os.kill(WHERE["victim"], number)))
    """),
    _process("signal-all", "send a signal to every process", """
        children = {os.getpid()}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            if int(pid) == WHERE["victim"]: attempt(pid, done(lambda: os.kill(int(pid), 0)))
    """),
    _process("pidfd", "send a signal by a descriptor of a process", """
        attempt("sent", done(lambda: signal.pidfd_send_signal(os.pidfd_open(WHERE["victim"]), 0)))
    """),
    _process("environment", "read another process's environment", """
        attempt("read", lambda: open(f"/proc/{WHERE['victim']}/environ", "rb").read())
    """),
    _process("command-line", "read another process's command line", """
        attempt("read", lambda: open(f"/proc/{WHERE['victim']}/cmdline", "rb").read())
    """, open_in_landlock="command lines of other processes are in /proc, which programs need"),
    _process("memory", "read another process's memory", """
        attempt("read", lambda: open(f"/proc/{WHERE['victim']}/maps").read())
        attempt("open", done(lambda: os.open(f"/proc/{WHERE['victim']}/mem", os.O_RDWR)))
    """),
    _process("descriptors", "see which files another process has open", """
        attempt("seen", lambda: os.readlink(f"/proc/{WHERE['victim']}/fd/0"))
    """),
    _process("ptrace", "take over another process", """reaches_kernel("ptrace", 16, WHERE["victim"], 0, 0)""", layer="seccomp"),
    _process("copy", "copy another process's memory", """
        reaches_kernel("process_vm_readv", WHERE["victim"], None, 0, None, 0, 0)
    """, layer="seccomp"),
    _process("take-descriptor", "take a descriptor from another process", """
        reaches_kernel("pidfd_getfd", -1, 0, 0)
    """, layer="seccomp"),
    _process("priority", "slow another process down", """
        attempt("changed", done(lambda: os.setpriority(os.PRIO_PROCESS, WHERE["victim"], 5)))
    """),
    _process("priority-of-all", "slow all of the user's processes down", """
        if os.getuid():
            attempt("changed", done(lambda: os.setpriority(os.PRIO_USER, 0, 1))) if WHERE["landlock"] else None
    """, layer="PID namespace"),
    _process("affinity", "bind another process to one core", """
        attempt("changed", done(lambda: os.sched_setaffinity(WHERE["victim"], os.sched_getaffinity(0))))
    """),
    _process("limits", "lower another process's limits", """
        import resource
        attempt("changed", done(lambda: resource.prlimit(WHERE["victim"], resource.RLIMIT_CORE, (0, 0))))
    """, layer="seccomp"),
    _process("own-limits", "raise its own limits", """
        import resource
        for which in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_NOFILE):
            attempt(str(which), done(lambda: resource.setrlimit(which, (resource.RLIM_INFINITY,) * 2)))
    """, layer="no capabilities"),
    _process("faster", "take precedence over the person's processes", """
        attempt("nice", done(lambda: os.nice(-5)))
        attempt("real time", done(lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))))
    """, layer="no capabilities"),
    _descriptors("inherited", "use descriptors that were left open", "closed before it begins", """
        for name in os.listdir("/proc/self/fd"):
            if int(name) > 2:
                try: where = os.readlink(f"/proc/self/fd/{name}")
                except OSError: continue
                if not where.startswith("/proc/"): escaped(f"{name} → {where}")
    """),
    _descriptors("stdin", "read what the person types", "/dev/null", """
        attempt("stdin", lambda: not stat.S_ISCHR(os.fstat(0).st_mode) or sys.stdin.isatty() or sys.stdin.read())
    """),
    _descriptors("environment", "find secrets in its environment", "allow-list", """
        attempt("found", lambda: [name for name in os.environ if "SECRET" in name])
        attempt("found in /proc", lambda: b"SECRET" in open("/proc/self/environ", "rb").read())
    """),
    _descriptors("supervisor", "read the environment of what started it", "PID namespace, Landlock", """
        pid = os.getppid()
        attempt("environ", lambda: pid and open(f"/proc/{pid}/environ", "rb").read())
        attempt("maps", lambda: pid and open(f"/proc/{pid}/maps").read())
        attempt("fd", lambda: pid and os.readlink(f"/proc/{pid}/fd/1"))
    """),
)  # fmt: skip
