"""Attempts to live on after the end, and to leave something that runs or is read later."""

from __future__ import annotations

from aide_local.sandbox.audit.attack import Attack

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


def _survivor(name: str, does: str, layer: str, script: str) -> Attack:
    return Attack(group="survivors", name=name, does=does, layer=layer, script=script)


def _persistence(name: str, does: str, layer: str, script: str, *, open_in_landlock: str = "") -> Attack:
    return Attack(
        group="persistence",
        name=name,
        does=does,
        layer=layer,
        script=script,
        open_in_landlock=open_in_landlock,
    )


ATTACKS = (
    _survivor("daemon", "live on as a daemon", "PID namespace, sub-reaper", _DAEMON.format(spawn="""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0: beat()
        os._exit(0)""")),
    _survivor("deaf", "live on by ignoring signals", "PID namespace, sub-reaper", _DAEMON.format(spawn="""
    if os.fork() == 0:
        os.setsid()
        for number in range(1, 65):
            try: signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError): pass
        beat()""")),
    _survivor("detached", "live on without any descriptor", "PID namespace, sub-reaper", _DAEMON.format(spawn="""
    if os.fork() == 0:
        os.setsid(); os.closerange(0, 100); os.chdir("."); beat()""")),
    _survivor("stopped", "live on as a stopped process that is woken", "PID namespace, sub-reaper", _DAEMON.format(spawn="""
    child = os.fork()
    if child == 0: os.setsid(); os.kill(os.getpid(), signal.SIGSTOP); beat()
    if os.fork() == 0: os.setsid(); time.sleep(1.5); os.kill(child, signal.SIGCONT); os._exit(0)""")),
    _survivor("fork-race", "live on by fast forks", "PID namespace, freeze before kill", _DAEMON.format(spawn="""
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            end = time.monotonic() + 6
            while time.monotonic() < end:
                if os.fork(): os._exit(0)
                with open("working/heartbeat", "w") as file: file.write(str(time.time()))
            os._exit(0)""")),
    _survivor("other-program", "live on as another program", "PID namespace, sub-reaper", _DAEMON.format(spawn="""
    command = "for i in $(seq 30); do date > working/heartbeat; sleep 0.2; done"
    subprocess.Popen(["/bin/sh", "-c", command], start_new_session=True)""")),
    _persistence("interpreter", "plant code in the interpreter's packages", "read-only mount, Landlock", """
        import sysconfig
        for folder in {sysconfig.get_path("purelib"), sysconfig.get_path("stdlib"), sys.prefix, os.path.dirname(os.__file__)}:
            plant(folder)
    """),
    _persistence("bytecode", "plant code in compiled modules", "read-only mount, Landlock", """
        import json.decoder
        attempt("open", done(lambda: os.close(os.open(json.decoder.__cached__, os.O_WRONLY))))
    """),
    _persistence("executable", "exchange the interpreter", "read-only mount, Landlock", """
        plant(os.path.dirname(os.path.realpath(sys.executable)))
    """),
    _persistence("home", "plant a start-up file in the home folder", "mount namespace, Landlock", """
        plant(WHERE["home"])
    """),
    _persistence("temporary", "leave something in /tmp or /var/tmp", "private /tmp", """
        for folder in ("/tmp", "/var/tmp"):
            try: open(f"{folder}/{WHERE['token']}", "w").close()
            except OSError as error: print(error)
    """),
    _persistence("shared-memory", "leave something in /dev/shm", "private /dev/shm, removed at the end", """
        try: open(f"/dev/shm/{WHERE['token']}", "w").close()
        except OSError as error: print(error)
    """),
    _persistence("read-shared-memory", "read what another program keeps in /dev/shm", "private /dev/shm", """
        attempt("read", lambda: open(WHERE["shared"]).read())
    """, open_in_landlock="shared memory of the same user can be read (multiprocessing needs /dev/shm)"),
    _persistence("schedule", "have itself started again", "mount namespace, Landlock", """
        for folder in ("/var/spool/cron", "/var/spool/cron/crontabs", "/etc/cron.d", "/etc/systemd/system"):
            plant(folder)
    """),
)  # fmt: skip
