"""System calls that a candidate has no business with."""

from __future__ import annotations

from aide_local.sandbox.audit.attack import Attack


def _call(name: str, does: str, script: str) -> Attack:
    return Attack(group="kernel", name=name, does=does, layer="seccomp", script=script)


ATTACKS = (
    _call("bpf", "load a program into the kernel", """reaches_kernel("bpf", -1, None, 0)"""),
    _call("perf", "measure the kernel", """reaches_kernel("perf_event_open", None, 0, -1, -1, 0)"""),
    _call("userfaultfd", "hold up the kernel at page faults", """reaches_kernel("userfaultfd", -1)"""),
    _call("io-uring", "make system calls past the filter", """
        reaches_kernel("io_uring_setup", 1, None); reaches_kernel("io_uring_enter", -1, 0, 0, 0, None, 0)
        reaches_kernel("io_uring_register", -1, 0, None, 0)
    """),
    _call("keyring", "read the person's keys", """
        reaches_kernel("keyctl", 0, -3, 0, 0, 0); reaches_kernel("add_key", None, None, None, 0, -3)
        reaches_kernel("request_key", None, None, None, 0)
    """),
    _call("handles", "open files by number", """
        reaches_kernel("name_to_handle_at", -100, ctypes.c_char_p(b"/"), None, None, 0)
        reaches_kernel("open_by_handle_at", -1, None, 0)
    """),
    _call("mounts", "mount by the old and the new calls", """
        reaches_kernel("mount", None, None, None, 0, None); reaches_kernel("umount2", None, 0)
        reaches_kernel("fsopen", None, 0); reaches_kernel("open_tree", -1, None, 0)
        reaches_kernel("move_mount", -1, None, -1, None, 0); reaches_kernel("mount_setattr", -1, None, 0, None, 0)
        reaches_kernel("fsmount", -1, 0, 0); reaches_kernel("fspick", -1, None, 0); reaches_kernel("pivot_root", None, None)
    """),
    _call("chroot", "leave by chroot(2)", """reaches_kernel("chroot", None)"""),
    _call("modules", "load a module", """
        reaches_kernel("init_module", None, 0, None); reaches_kernel("finit_module", -1, None, 0)
        reaches_kernel("delete_module", None, 0)
    """),
    _call("kexec", "start another kernel", """reaches_kernel("kexec_load", 0, 0, None, -1)"""),
    _call("clock", "change the time", """
        reaches_kernel("settimeofday", ctypes.create_string_buffer(b"\\xff" * 16, 16), None)
        reaches_kernel("clock_settime", -1, None); reaches_kernel("adjtimex", None)
    """),
    _call("swap", "change swapping and accounting", """
        reaches_kernel("swapon", None, 0); reaches_kernel("swapoff", None); reaches_kernel("acct", ctypes.c_char_p(b"/nonexistent"))
    """),
    _call("log", "read the kernel's log", """reaches_kernel("syslog", 3, None, -1)"""),
    _call("ports", "reach hardware ports", """
        reaches_kernel("iopl", 9) if "iopl" in CALLS else None
        reaches_kernel("ioperm", -1, 9, 1) if "ioperm" in CALLS else None
        reaches_kernel("modify_ldt", 99, None, 0) if "modify_ldt" in CALLS else None
    """),
    _call("compare", "compare objects of processes", """reaches_kernel("kcmp", os.getpid(), os.getpid(), 99, 0, 0)"""),
    _call("quota", "change quotas", """reaches_kernel("quotactl", 0, None, 0, None)"""),
    _call("fanotify", "watch all files", """reaches_kernel("fanotify_init", 0xFFFF, 0)"""),
    _call("queues", "leave System V and POSIX queues, segments, semaphores", """
        for name in ("shmget", "msgget", "semget"):
            result, error = call(name, 0x41494445, 8, 0o1600)
            if result >= 0: escaped(name); call({"shmget": "shmctl", "msgget": "msgctl", "semget": "semctl"}[name], result, 0, 0)
        reaches_kernel("shmat", -1, None, 0); reaches_kernel("mq_open", None, 0, 0, None)
    """),
    _call("compatibility-32", "make a call of 32-bit programs", """
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
    _call("compatibility-x32", "make a call of the x32 interface", """
        if CALLS["ptrace"] != 101: raise SystemExit
        if call(0x40000000 + 39)[1] != errno.ENOSYS: escaped("x32 was answered")
    """),
)  # fmt: skip
