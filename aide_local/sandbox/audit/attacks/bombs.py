"""Attempts to use up processes, memory, disk, output and time."""

from __future__ import annotations

from aide_local.sandbox.audit.attack import Attack


def _bomb(name: str, does: str, layer: str, script: str, *ends: str) -> Attack:
    return Attack(group="bombs", name=name, does=does, layer=layer, script=script, ends=ends, heavy=True)


ATTACKS = (
    _bomb("forks", "start processes without end", "RLIMIT_NPROC, watchdog", """
        made = 0
        while made < 8 * WHERE["limits"]["processes"] * 4:
            try:
                if os.fork() == 0: time.sleep(8); os._exit(0)
                made += 1
            except OSError: time.sleep(0.2); break
        time.sleep(1.0)
        if made >= 8 * WHERE["limits"]["processes"] * 4: escaped(f"{made} processes")
    """, "processes", "ok", "timeout", "memory"),
    _bomb("threads", "start threads without end", "RLIMIT_NPROC, watchdog", """
        import threading
        threading.stack_size(64 * 1024)
        made = 0
        try:
            while made < 6 * 4 * WHERE["limits"]["processes"]:
                threading.Thread(target=time.sleep, args=(3,), daemon=True).start(); made += 1
        except RuntimeError: pass
        time.sleep(1.0)
        if made >= 6 * 4 * WHERE["limits"]["processes"]: escaped(f"{made} threads")
        os._exit(0)
    """, "processes", "ok", "refused"),
    _bomb("memory", "take memory without end", "RLIMIT_DATA, watchdog", """
        held = []
        for _ in range(3 * WHERE["limits"]["memory"] // 2**24): held.append(b"x" * 2**24)
        time.sleep(0.6); escaped("three times the limit")
    """, "memory", "exception"),
    _bomb("memory-of-children", "take memory in many processes", "watchdog", """
        for _ in range(8):
            if os.fork() == 0: held = b"x" * (WHERE["limits"]["memory"] // 3); time.sleep(3); os._exit(0)
        time.sleep(2.5); escaped("more than twice the limit")
    """, "memory"),
    _bomb("memory-hidden", "take shared memory and let go of the pages' mapping", "watchdog", """
        import mmap
        held = []
        for _ in range(3 * WHERE["limits"]["memory"] // 2**26):
            one = mmap.mmap(-1, 2**26)
            for at in range(0, 2**26, 4096): one[at] = 1
            one.madvise(mmap.MADV_DONTNEED); held.append(one)
        time.sleep(0.6); escaped("three times the limit")
    """, "memory"),
    _bomb("memory-files", "take memory by files without a name (memfd)", "seccomp", """
        held = []
        for _ in range(3 * WHERE["limits"]["memory"] // 2**26):
            one = os.memfd_create("x"); held.append(one); os.write(one, b"x" * 2**26)
        escaped("three times the limit")
    """),
    _bomb("temporary-files", "take memory by files in /tmp", "size of the private /tmp, watchdog", """
        os.makedirs(os.environ.get("TMPDIR", "/tmp"), exist_ok=True)
        for number in range(40):
            with open(os.environ.get("TMPDIR", "/tmp") + f"/{WHERE['token']}-{number}", "wb") as file: file.write(b"x" * 2**24)
        time.sleep(0.8); escaped("640 MiB")
    """),
    _bomb("shared-files", "take memory by files in /dev/shm", "size of the private /dev/shm, watchdog", """
        for number in range(40):
            with open(f"/dev/shm/{WHERE['token']}-{number}", "wb") as file: file.write(b"x" * 2**24)
        time.sleep(0.8); escaped("640 MiB")
    """),
    _bomb("disk", "fill the disk", "watchdog", """
        for number in range(6 * WHERE["limits"]["disk"] // 2**23):
            with open(f"working/{number}", "wb") as file: file.write(b"x" * 2**23)
            time.sleep(0.1)
        time.sleep(1); escaped("six times the limit")
    """, "disk"),
    _bomb("disk-hidden", "fill the disk with files that have no name", "watchdog", """
        held = []
        for number in range(6 * WHERE["limits"]["disk"] // 2**23):
            file = open("working/x", "wb"); os.unlink("working/x"); file.write(b"x" * 2**23); file.flush(); held.append(file)
            time.sleep(0.1)
        time.sleep(1); escaped("six times the limit")
    """, "disk"),
    _bomb("disk-locked", "fill the disk in a folder that nobody may look into", "watchdog", """
        os.mkdir("working/locked"); os.chdir("working/locked"); os.chmod(".", 0o300)
        for number in range(6 * WHERE["limits"]["disk"] // 2**23):
            with open(f"{number}", "wb") as file: file.write(b"x" * 2**23)
            time.sleep(0.1)
        time.sleep(1); escaped("six times the limit")
    """, "disk"),
    _bomb("large-file", "write one file without end", "RLIMIT_FSIZE", """
        with open("working/x", "wb") as file:
            for _ in range(4): file.write(b"x" * WHERE["limits"]["file_size"]); file.flush()
        escaped("four times the limit")
    """),
    _bomb("files", "make files without end", "watchdog", """
        for number in range(20 * WHERE["limits"]["files"]):
            open(f"working/{number}", "w").close()
            if number % 200 == 0: time.sleep(0.05)
        time.sleep(1); escaped("twenty times the limit")
    """, "disk"),
    _bomb("folders", "make folders without end", "watchdog", """
        for number in range(20 * WHERE["limits"]["files"]):
            os.mkdir(f"working/{number}")
            if number % 200 == 0: time.sleep(0.05)
        time.sleep(1); escaped("twenty times the limit")
    """, "disk"),
    _bomb("deep", "make folders too deep to be looked into", "watchdog", """
        os.chdir("working")
        for number in range(3000): os.mkdir("d"); os.chdir("d")
        time.sleep(3); escaped("nobody minds")
    """, "disk"),
    _bomb("output", "print without end", "bounded", """
        for _ in range(20 * WHERE["limits"]["output"] // 2**16): os.write(1, b"x" * 2**16)
        time.sleep(0.5); escaped("twenty times the limit")
    """, "output_flood"),
    _bomb("processor", "burn processor time in children", "RLIMIT_CPU, watchdog", """
        import multiprocessing
        end = time.monotonic() + 6 * WHERE["limits"]["cpu"]
        for _ in range(2):
            if os.fork() == 0:
                while time.process_time() < 2 * WHERE["limits"]["cpu"]: pass
                os._exit(0)
        for _ in range(2): os.wait()
        escaped("four times the limit")
    """, "cpu_time", "timeout"),
    _bomb("sleep", "never end", "watchdog", """
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM): signal.signal(number, signal.SIG_IGN)
        time.sleep(WHERE["limits"]["wall"] + 3); escaped("longer than allowed")
    """, "timeout"),
)  # fmt: skip
