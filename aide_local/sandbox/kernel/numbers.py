"""The system calls that the filter is about: their numbers, and what becomes of each.

Numbers are those of arch/x86/entry/syscalls/syscall_64.tbl and asm-generic/unistd.h.
"""

from __future__ import annotations

from aide_local.sandbox.kernel.syscalls import MACHINE

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # AUDIT_ARCH_…

_X86_64 = {
    "acct": 163, "add_key": 248, "adjtimex": 159, "bpf": 321, "chmod": 90, "chown": 92, "chroot": 161,
    "clock_adjtime": 305, "clock_settime": 227, "clone": 56, "connect": 42, "creat": 85, "delete_module": 176,
    "fanotify_init": 300, "fchmod": 91, "fchmodat": 268, "fchown": 93, "fchownat": 260, "finit_module": 313,
    "fremovexattr": 199, "fsetxattr": 190, "futimesat": 261, "init_module": 175, "inotify_add_watch": 254,
    "ioctl": 16, "ioperm": 173, "iopl": 172, "ioprio_set": 251, "kcmp": 312, "kexec_file_load": 320,
    "kexec_load": 246, "keyctl": 250, "lchown": 94, "lookup_dcookie": 212, "lremovexattr": 198, "lsetxattr": 189,
    "memfd_create": 319, "migrate_pages": 256, "mkdir": 83, "mkdirat": 258, "mknod": 133, "mknodat": 259,
    "modify_ldt": 154, "mount": 165, "move_pages": 279, "mq_open": 240, "msgctl": 71, "msgget": 68, "msgrcv": 70,
    "msgsnd": 69, "name_to_handle_at": 303, "nfsservctl": 180, "open": 2, "open_by_handle_at": 304, "openat": 257,
    "perf_event_open": 298, "personality": 135, "pivot_root": 155, "prctl": 157, "prlimit64": 302,
    "process_vm_readv": 310, "process_vm_writev": 311, "ptrace": 101, "quotactl": 179, "reboot": 169,
    "removexattr": 197, "request_key": 249, "sched_setaffinity": 203, "sched_setattr": 314, "sched_setparam": 142,
    "sched_setscheduler": 144, "semctl": 66, "semget": 64, "semop": 65, "semtimedop": 220, "setdomainname": 171,
    "sethostname": 170, "setns": 308, "setpriority": 141, "settimeofday": 164, "setxattr": 188, "shmat": 30,
    "shmctl": 31, "shmget": 29, "socket": 41, "socketpair": 53, "swapoff": 168, "swapon": 167, "syslog": 103,
    "umount2": 166, "unshare": 272, "uselib": 134, "userfaultfd": 323, "ustat": 136, "utime": 132, "utimensat": 280,
    "utimes": 235, "vhangup": 153,
}  # fmt: skip
_AARCH64 = {
    "acct": 89, "add_key": 217, "adjtimex": 171, "bpf": 280, "chroot": 51, "clock_adjtime": 266, "clock_settime": 112,
    "clone": 220, "connect": 203, "delete_module": 106, "fanotify_init": 262, "fchmod": 52, "fchmodat": 53,
    "fchown": 55, "fchownat": 54, "finit_module": 273, "fremovexattr": 16, "fsetxattr": 7, "init_module": 105,
    "inotify_add_watch": 27, "ioctl": 29, "ioprio_set": 30, "kcmp": 272, "kexec_file_load": 294, "kexec_load": 104,
    "keyctl": 219, "lookup_dcookie": 18, "lremovexattr": 15, "lsetxattr": 6, "memfd_create": 279,
    "migrate_pages": 238, "mkdirat": 34, "mknodat": 33, "mount": 40, "move_pages": 239, "mq_open": 180, "msgctl": 187,
    "msgget": 186, "msgrcv": 188, "msgsnd": 189, "name_to_handle_at": 264, "nfsservctl": 42, "open_by_handle_at": 265,
    "openat": 56, "perf_event_open": 241, "personality": 92, "pivot_root": 41, "prctl": 167, "prlimit64": 261,
    "process_vm_readv": 270, "process_vm_writev": 271, "ptrace": 117, "quotactl": 60, "reboot": 142, "removexattr": 14,
    "request_key": 218, "sched_setaffinity": 122, "sched_setattr": 274, "sched_setparam": 118,
    "sched_setscheduler": 119, "semctl": 191, "semget": 190, "semop": 193, "semtimedop": 192, "setdomainname": 162,
    "sethostname": 161, "setns": 268, "setpriority": 140, "settimeofday": 170, "setxattr": 5, "shmat": 196,
    "shmctl": 195, "shmget": 194, "socket": 198, "socketpair": 199, "swapoff": 225, "swapon": 224, "syslog": 116,
    "umount2": 39, "unshare": 97, "userfaultfd": 282, "utimensat": 88, "vhangup": 58,
}  # fmt: skip
_BOTH = {
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428, "move_mount": 429,
    "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "clone3": 435, "openat2": 437, "pidfd_getfd": 438,
    "process_madvise": 440, "mount_setattr": 442, "quotactl_fd": 443, "memfd_secret": 447, "process_mrelease": 448,
    "fchmodat2": 452, "statmount": 457, "listmount": 458, "setxattrat": 463, "removexattrat": 466,
    "open_tree_attr": 467, "file_setattr": 469,
}  # fmt: skip

# Refused at every level that confines. memfd_create(2) and System V objects hold memory that no process shows;
# POSIX queues outlive their makers.
REFUSED = (
    "acct", "add_key", "adjtimex", "bpf", "chroot", "clock_adjtime", "clock_settime", "delete_module", "fanotify_init",
    "finit_module", "fsconfig", "fsmount", "fsopen", "fspick", "init_module", "io_uring_enter", "io_uring_register",
    "io_uring_setup", "ioperm", "iopl", "kcmp", "kexec_file_load", "kexec_load", "keyctl", "listmount",
    "lookup_dcookie", "memfd_create", "memfd_secret", "migrate_pages", "modify_ldt", "mount", "mount_setattr",
    "move_mount", "move_pages", "mq_open", "msgctl", "msgget", "msgrcv", "msgsnd", "name_to_handle_at", "nfsservctl",
    "open_by_handle_at", "open_tree", "open_tree_attr", "perf_event_open", "personality", "pidfd_getfd", "pivot_root",
    "process_madvise", "process_mrelease", "process_vm_readv", "process_vm_writev", "ptrace", "quotactl",
    "quotactl_fd", "reboot", "request_key", "semctl", "semget", "semop", "semtimedop", "setdomainname", "sethostname",
    "setns", "settimeofday", "shmat", "shmctl", "shmget", "statmount", "swapoff", "swapon", "syslog", "umount2",
    "uselib", "userfaultfd", "ustat", "vhangup",
)  # fmt: skip
# Of these, the ones that the server may make because its forks confine themselves with them, at level strict.
NEEDED_BY_FORKS = ("mount", "move_mount", "pivot_root", "sethostname", "umount2", "unshare")
# The same at level landlock, for the broker.
NEEDED_BY_BROKER = ("pidfd_getfd",)
REFUSED_IN_LANDLOCK = ("inotify_add_watch",)  # it reports what happens to files outside
# At level landlock these succeed and change nothing.
FAKED = (
    "chmod", "chown", "fchmod", "fchmodat", "fchmodat2", "fchown", "fchownat", "file_setattr", "fremovexattr",
    "fsetxattr", "futimesat", "lchown", "lremovexattr", "lsetxattr", "removexattr", "removexattrat", "setxattr",
    "setxattrat", "utime", "utimensat", "utimes",
)  # fmt: skip


def numbers() -> dict[str, int]:
    """Return the numbers of this machine's system calls by name."""
    return {**{"x86_64": _X86_64, "aarch64": _AARCH64}[MACHINE], **_BOTH}
