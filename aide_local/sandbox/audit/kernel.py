"""Privileges, the kernel's surface, and bombs."""

from __future__ import annotations

from aide_local.sandbox.audit.attack import Attack


def _surface(name: str, does: str, script: str, layer: str = "seccomp") -> Attack:
    return Attack(group="kernel", name=name, does=does, layer=layer, script=script)


def _privilege(name: str, does: str, layer: str, script: str) -> Attack:
    return Attack(group="privileges", name=name, does=does, layer=layer, script=script)


def _bomb(name: str, does: str, layer: str, script: str, *ends: str) -> Attack:
    return Attack(group="bombs", name=name, does=does, layer=layer, script=script, ends=ends, heavy=True)


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
    _surface("bpf", "load a program into the kernel", """reaches_kernel("bpf", -1, None, 0)"""),
    _surface("perf", "measure the kernel", """reaches_kernel("perf_event_open", None, 0, -1, -1, 0)"""),
    _surface("userfaultfd", "hold up the kernel at page faults", """reaches_kernel("userfaultfd", -1)"""),
    _surface("io-uring", "make system calls past the filter", """
        reaches_kernel("io_uring_setup", 1, None); reaches_kernel("io_uring_enter", -1, 0, 0, 0, None, 0)
        reaches_kernel("io_uring_register", -1, 0, None, 0)
    """),
    _surface("keyring", "read the person's keys", """
        reaches_kernel("keyctl", 0, -3, 0, 0, 0); reaches_kernel("add_key", None, None, None, 0, -3)
        reaches_kernel("request_key", None, None, None, 0)
    """),
    _surface("handles", "open files by number", """
        reaches_kernel("name_to_handle_at", -100, ctypes.c_char_p(b"/"), None, None, 0)
        reaches_kernel("open_by_handle_at", -1, None, 0)
    """),
    _surface("mounts", "mount by the old and the new calls", """
        reaches_kernel("mount", None, None, None, 0, None); reaches_kernel("umount2", None, 0)
        reaches_kernel("fsopen", None, 0); reaches_kernel("open_tree", -1, None, 0)
        reaches_kernel("move_mount", -1, None, -1, None, 0); reaches_kernel("mount_setattr", -1, None, 0, None, 0)
        reaches_kernel("fsmount", -1, 0, 0); reaches_kernel("fspick", -1, None, 0); reaches_kernel("pivot_root", None, None)
    """),
    _surface("chroot", "leave by chroot(2)", """reaches_kernel("chroot", None)"""),
    _surface("modules", "load a module", """
        reaches_kernel("init_module", None, 0, None); reaches_kernel("finit_module", -1, None, 0)
        reaches_kernel("delete_module", None, 0)
    """),
    _surface("kexec", "start another kernel", """reaches_kernel("kexec_load", 0, 0, None, -1)"""),
    _surface("clock", "change the time", """
        reaches_kernel("settimeofday", ctypes.create_string_buffer(b"\\xff" * 16, 16), None)
        reaches_kernel("clock_settime", -1, None); reaches_kernel("adjtimex", None)
    """),
    _surface("swap", "change swapping and accounting", """
        reaches_kernel("swapon", None, 0); reaches_kernel("swapoff", None); reaches_kernel("acct", ctypes.c_char_p(b"/nonexistent"))
    """),
    _surface("log", "read the kernel's log", """reaches_kernel("syslog", 3, None, -1)"""),
    _surface("ports", "reach hardware ports", """
        reaches_kernel("iopl", 9) if "iopl" in CALLS else None
        reaches_kernel("ioperm", -1, 9, 1) if "ioperm" in CALLS else None
        reaches_kernel("modify_ldt", 99, None, 0) if "modify_ldt" in CALLS else None
    """),
    _surface("compare", "compare objects of processes", """reaches_kernel("kcmp", os.getpid(), os.getpid(), 99, 0, 0)"""),
    _surface("quota", "change quotas", """reaches_kernel("quotactl", 0, None, 0, None)"""),
    _surface("fanotify", "watch all files", """reaches_kernel("fanotify_init", 0xFFFF, 0)"""),
    _surface("queues", "leave System V and POSIX queues, segments, semaphores", """
        for name in ("shmget", "msgget", "semget"):
            result, error = call(name, 0x41494445, 8, 0o1600)
            if result >= 0: escaped(name); call({"shmget": "shmctl", "msgget": "msgctl", "semget": "semctl"}[name], result, 0, 0)
        reaches_kernel("shmat", -1, None, 0); reaches_kernel("mq_open", None, 0, 0, None)
    """),
    _surface("compatibility-32", "make a call of 32-bit programs", """
        import mmap
        if CALLS["ptrace"] != 101: raise SystemExit  # not x86-64
        code = mmap.mmap(-1, 4096, prot=7)
        code.write(bytes.fromhex("53b814000000cd805bc3"))  # push rbx; mov eax, getpid; int 0x80; pop rbx; ret
        child = os.fork()
        if child == 0:
            ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
            os._exit(0)
        if os.waitpid(child, 0)[1] == 0: escaped("int 0x80 was answered")
    """),
    _surface("compatibility-x32", "make a call of the x32 interface", """
        if CALLS["ptrace"] != 101: raise SystemExit
        if call(0x40000000 + 39)[1] != errno.ENOSYS: escaped("x32 was answered")
    """),
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
