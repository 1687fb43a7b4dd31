"""seccomp: system calls that candidates have no business with are refused (seccomp(2), BPF).

A deny-list: what numerical Python needs is too wide to list. Programs of another architecture are killed, and
x32 calls and clone3(2) do not exist, so that arguments can be checked.
"""

from __future__ import annotations

import ctypes
import errno
import struct

from aide_local.sandbox.syscalls import MACHINE, raw

_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X86_64 = {
    "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "mount": 165, "umount2": 166,
    "pivot_root": 155, "chroot": 161, "setns": 308, "keyctl": 250, "add_key": 248, "request_key": 249, "bpf": 321,
    "perf_event_open": 298, "userfaultfd": 323, "name_to_handle_at": 303, "open_by_handle_at": 304,
    "kexec_load": 246, "kexec_file_load": 320, "init_module": 175, "finit_module": 313, "delete_module": 176,
    "reboot": 169, "swapon": 167, "swapoff": 168, "acct": 163, "settimeofday": 164, "clock_settime": 227,
    "clock_adjtime": 305, "adjtimex": 159, "quotactl": 179, "syslog": 103, "iopl": 172, "ioperm": 173, "kcmp": 312,
    "memfd_create": 319, "shmget": 29, "msgget": 68, "fanotify_init": 300, "modify_ldt": 154, "sethostname": 170,
    "setdomainname": 171, "vhangup": 153, "clone": 56, "unshare": 272, "socket": 41, "ioctl": 16, "prlimit64": 302,
}  # fmt: skip
_AARCH64 = {
    "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "mount": 40, "umount2": 39, "pivot_root": 41,
    "chroot": 51, "setns": 268, "keyctl": 219, "add_key": 217, "request_key": 218, "bpf": 280,
    "perf_event_open": 241, "userfaultfd": 282, "name_to_handle_at": 264, "open_by_handle_at": 265,
    "kexec_load": 104, "kexec_file_load": 294, "init_module": 105, "finit_module": 273, "delete_module": 106,
    "reboot": 142, "swapon": 224, "swapoff": 225, "acct": 89, "settimeofday": 170, "clock_settime": 112,
    "clock_adjtime": 266, "adjtimex": 171, "quotactl": 60, "syslog": 116, "kcmp": 272, "memfd_create": 279,
    "shmget": 194, "msgget": 186, "fanotify_init": 262, "sethostname": 161, "setdomainname": 162, "vhangup": 58,
    "clone": 220, "unshare": 97, "socket": 198, "ioctl": 29, "prlimit64": 261,
}  # fmt: skip
_BOTH = {
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428, "move_mount": 429,
    "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "pidfd_getfd": 438, "process_madvise": 440,
    "mount_setattr": 442, "memfd_secret": 447, "process_mrelease": 448,
}  # fmt: skip
_CHECKED = ("clone", "unshare", "socket", "ioctl", "prlimit64")
_CLONE3 = 435
_NEW_NAMESPACES = 0x7E020080  # CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET,TIME}
_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK = 1, 2, 10, 16
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_X32 = 0x40000000

_LOAD, _EQUAL, _AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCHITECTURE = 0, 4  # offsets in struct seccomp_data


def _argument(at: int) -> int:
    """Offset of the low 32 bits: all the kernel looks at for the arguments that are checked here."""
    return 16 + 8 * at


def available() -> bool:
    return MACHINE in _ARCH


def program(*, own_network: bool) -> bytes:
    """The filter; with ``own_network`` (a network namespace of its own) sockets of its loopback are allowed.

    AF_VSOCK passes by network namespaces, so families are allowed by name and never denied by it.
    """
    numbers = {**{"x86_64": _X86_64, "aarch64": _AARCH64}[MACHINE], **_BOTH}
    code: list[tuple[int, int, int, int]] = []

    def emit(operation: int, value: int, yes: int = 0, no: int = 0) -> None:
        code.append((operation, yes, no, value))

    def refuse(error: int = errno.EPERM) -> None:
        emit(_RETURN, _ERROR | error)

    emit(_LOAD, _ARCHITECTURE)
    emit(_EQUAL, _ARCH[MACHINE], 1, 0)
    emit(_RETURN, _KILL)
    emit(_LOAD, _NUMBER)
    if MACHINE == "x86_64":
        emit(_AT_LEAST, _X32, 0, 1)
        refuse(errno.ENOSYS)
    emit(_EQUAL, _CLONE3, 0, 1)
    refuse(errno.ENOSYS)
    for name, number in sorted(numbers.items()):
        if name not in _CHECKED:
            emit(_EQUAL, number, 0, 1)
            refuse()
    for name in ("clone", "unshare"):
        emit(_EQUAL, numbers[name], 0, 4)
        emit(_LOAD, _argument(0))
        emit(_AND, _NEW_NAMESPACES)
        emit(_EQUAL, 0, 1, 0)
        refuse()
        emit(_LOAD, _NUMBER)
    families = [_AF_UNIX, *([_AF_INET, _AF_INET6, _AF_NETLINK] if own_network else [])]
    emit(_EQUAL, numbers["socket"], 0, 2 + len(families))
    emit(_LOAD, _argument(0))
    for at, family in enumerate(families):
        emit(_EQUAL, family, len(families) - at, 0)
    refuse(errno.EAFNOSUPPORT)
    emit(_LOAD, _NUMBER)
    emit(_EQUAL, numbers["ioctl"], 0, 4)
    emit(_LOAD, _argument(1))
    emit(_EQUAL, _TIOCSTI, 1, 0)
    emit(_EQUAL, _TIOCLINUX, 0, 1)
    refuse()
    emit(_LOAD, _NUMBER)
    emit(_EQUAL, numbers["prlimit64"], 0, 3)
    emit(_LOAD, _argument(0))
    emit(_EQUAL, 0, 1, 0)
    refuse()
    emit(_RETURN, _ALLOW)
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def install(filter_: bytes) -> None:
    """Apply to this process and all it starts. Needs no_new_privs.

    Raises:
        OSError: the kernel refused.
    """

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    buffer = ctypes.create_string_buffer(filter_, len(filter_))
    made = Program(len(filter_) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    raw("seccomp", 1, 0, bytes(made))
