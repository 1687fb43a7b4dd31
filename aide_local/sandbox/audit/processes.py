"""Other processes, descriptors, survivors, persistence, forging of results, and what reaches a reader."""

from __future__ import annotations

from aide_local.sandbox.audit.attack import Attack


def _process(
    name: str, does: str, script: str, *, layer: str = "PID namespace", open_in_landlock: str = ""
) -> Attack:
    return Attack(
        group="processes", name=name, does=does, layer=layer, script=script, open_in_landlock=open_in_landlock
    )


def _of(group: str, name: str, does: str, layer: str, script: str, **more: str | tuple[str, ...]) -> Attack:
    return Attack(group=group, name=name, does=does, layer=layer, script=script, **more)  # type: ignore[arg-type]


_DAEMON = """
    def beat():
        end = time.monotonic() + 6
        while time.monotonic() < end:
            with open("working/heartbeat", "w") as file: file.write(str(time.time()))
            time.sleep(0.05)
        os._exit(0)
    {spawn}
    time.sleep(0.5)
"""
_FAILS = ("exception",)

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
    _of("descriptors", "inherited", "use descriptors that were left open", "closed before it begins", """
        for name in os.listdir("/proc/self/fd"):
            if int(name) > 2:
                try: where = os.readlink(f"/proc/self/fd/{name}")
                except OSError: continue
                if not where.startswith("/proc/"): escaped(f"{name} → {where}")
    """),
    _of("descriptors", "stdin", "read what the person types", "/dev/null", """
        attempt("stdin", lambda: not stat.S_ISCHR(os.fstat(0).st_mode) or sys.stdin.isatty() or sys.stdin.read())
    """),
    _of("descriptors", "environment", "find secrets in its environment", "allow-list", """
        attempt("found", lambda: [name for name in os.environ if "SECRET" in name])
        attempt("found in /proc", lambda: b"SECRET" in open("/proc/self/environ", "rb").read())
    """),
    _of("descriptors", "supervisor", "read the environment of what started it", "PID namespace, Landlock", """
        pid = os.getppid()
        attempt("environ", lambda: pid and open(f"/proc/{pid}/environ", "rb").read())
        attempt("maps", lambda: pid and open(f"/proc/{pid}/maps").read())
        attempt("fd", lambda: pid and os.readlink(f"/proc/{pid}/fd/1"))
    """),
    _of("survivors", "daemon", "live on as a daemon", "PID namespace, sub-reaper", _DAEMON.format(spawn="""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0: beat()
        os._exit(0)""")),
    _of("survivors", "deaf", "live on by ignoring signals", "PID namespace, sub-reaper", _DAEMON.format(spawn="""
    if os.fork() == 0:
        os.setsid()
        for number in range(1, 65):
            try: signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError): pass
        beat()""")),
    _of("survivors", "detached", "live on without any descriptor", "PID namespace, sub-reaper", _DAEMON.format(spawn="""
    if os.fork() == 0:
        os.setsid(); os.closerange(0, 100); os.chdir("."); beat()""")),
    _of("survivors", "stopped", "live on as a stopped process that is woken", "PID namespace, sub-reaper", _DAEMON.format(spawn="""
    child = os.fork()
    if child == 0: os.setsid(); os.kill(os.getpid(), signal.SIGSTOP); beat()
    if os.fork() == 0: os.setsid(); time.sleep(1.5); os.kill(child, signal.SIGCONT); os._exit(0)""")),
    _of("survivors", "fork-race", "live on by fast forks", "PID namespace, freeze before kill", _DAEMON.format(spawn="""
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            end = time.monotonic() + 6
            while time.monotonic() < end:
                if os.fork(): os._exit(0)
                with open("working/heartbeat", "w") as file: file.write(str(time.time()))
            os._exit(0)""")),
    _of("survivors", "other-program", "live on as another program", "PID namespace, sub-reaper", _DAEMON.format(spawn="""
    command = "for i in $(seq 30); do date > working/heartbeat; sleep 0.2; done"
    subprocess.Popen(["/bin/sh", "-c", command], start_new_session=True)""")),
    _of("persistence", "interpreter", "plant code in the interpreter's packages", "read-only mount, Landlock", """
        import sysconfig
        for folder in {sysconfig.get_path("purelib"), sysconfig.get_path("stdlib"), sys.prefix, os.path.dirname(os.__file__)}:
            plant(folder)
    """),
    _of("persistence", "bytecode", "plant code in compiled modules", "read-only mount, Landlock", """
        import json.decoder
        attempt("open", done(lambda: os.close(os.open(json.decoder.__cached__, os.O_WRONLY))))
    """),
    _of("persistence", "executable", "exchange the interpreter", "read-only mount, Landlock", """
        plant(os.path.dirname(os.path.realpath(sys.executable)))
    """),
    _of("persistence", "home", "plant a start-up file in the home folder", "mount namespace, Landlock", """
        plant(WHERE["home"])
    """),
    _of("persistence", "temporary", "leave something in /tmp or /var/tmp", "private /tmp", """
        for folder in ("/tmp", "/var/tmp"):
            try: open(f"{folder}/{WHERE['token']}", "w").close()
            except OSError as error: print(error)
    """),
    _of("persistence", "shared-memory", "leave something in /dev/shm", "private /dev/shm, removed at the end", """
        try: open(f"/dev/shm/{WHERE['token']}", "w").close()
        except OSError as error: print(error)
    """),
    _of("persistence", "read-shared-memory", "read what another program keeps in /dev/shm", "private /dev/shm", """
        attempt("read", lambda: open(WHERE["shared"]).read())
    """, open_in_landlock="shared memory of the same user can be read (multiprocessing needs /dev/shm)"),
    _of("persistence", "schedule", "have itself started again", "mount namespace, Landlock", """
        for folder in ("/var/spool/cron", "/var/spool/cron/crontabs", "/etc/cron.d", "/etc/systemd/system"):
            plant(folder)
    """),
    _of("forging", "report", "write a report of success to every descriptor, then fail", "descriptors closed", """
        for number in range(256):
            for line in (b'{"end": {"status": 0}}\\n', (0).to_bytes(4, "little")):
                try: os.write(number, line)
                except OSError: pass
        raise SystemExit(3)
    """, ends=_FAILS),
    _of("forging", "parent", "write to the descriptors of what started it, then fail", "Landlock, not dumpable", """
        for pid in {os.getppid()} - {0}:  # in a PID namespace that is init; the machine's own is never touched
            try: names = os.listdir(f"/proc/{pid}/fd")
            except OSError: continue
            for name in names:
                try:
                    file = os.open(f"/proc/{pid}/fd/{name}", os.O_WRONLY | os.O_NONBLOCK)
                    os.write(file, (0).to_bytes(4, "little")); escaped(name)
                except OSError: pass
        raise SystemExit(3)
    """, ends=_FAILS),
    _of("forging", "kill-supervisor", "end what watches it, then go on", "PID namespace, Landlock", """
        watcher = os.getppid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
            try: watcher and os.getppid() == watcher and os.kill(watcher, number)
            except OSError: pass
        time.sleep(0.3)
        raise SystemExit(3)
    """, ends=_FAILS),
    _of("forging", "hidden-rows", "look for other candidates' folders and the harness's own files", "mount namespace, Landlock", """
        for folder in ("/tmp", "/var/tmp", WHERE["outside"], os.path.dirname(WHERE["outside"])):
            attempt(folder, lambda: [one for one in os.listdir(folder) if one.startswith("aide-") or "secret" in one])
    """),
    _of("output", "escapes", "move the reader's cursor and set the title", "neutralised", r'''
        os.write(1, b"\x1b[2J\x1b]0;title\x07\x1b[31mred\x1b[0m\x9b2J\x08\x08\x7f\x00 done\n")
    '''),
    _of("output", "bidirectional", "show text in another order than it is", "neutralised", r'''
        os.write(1, "\u202eevil\u2066 \u200b\ufeff\u2028 \U000e0041\n".encode())
    '''),
    _of("output", "invalid", "print bytes that are no text", "neutralised", r'''
        os.write(1, bytes(range(128, 256)) + b"\xed\xa0\x80\xf8\x88\n")
    '''),
    _of("output", "split", "print an escape sequence in pieces", "neutralised", r'''
        for piece in (b"\x1b", b"[", b"31m", b"\xc2", b"\x9b", b"2J\n"): os.write(1, piece); time.sleep(0.05)
    '''),
)  # fmt: skip
