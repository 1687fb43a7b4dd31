"""Attacks on files outside the candidate's folders, on input/, and on what is recorded about files."""

from __future__ import annotations

from aide_local.sandbox.audit.attack import Attack

_STAT = "names, sizes and times of files outside are visible (stat(2) is not covered by Landlock)"


def _files(
    name: str, does: str, script: str, *, layer: str = "mount namespace, Landlock", open_in_landlock: str = ""
) -> Attack:
    return Attack(
        group="files", name=name, does=does, layer=layer, script=script, open_in_landlock=open_in_landlock
    )


def _metadata(
    name: str, does: str, script: str, *, layer: str = "read-only mount", open_in_landlock: str = ""
) -> Attack:
    return Attack(
        group="metadata", name=name, does=does, layer=layer, script=script, open_in_landlock=open_in_landlock
    )


ATTACKS = (
    _files("read", "read a file of the person's", """attempt("read", lambda: open(WHERE["secret"]).read())"""),
    _files("passwd", "read the list of accounts", """attempt("read", lambda: open("/etc/passwd").read())"""),
    _files("list", "list the person's folder", """attempt("listed", lambda: os.listdir(WHERE["outside"]))"""),
    _files("home", "list the home folder", """
        attempt("listed", lambda: [one for one in os.listdir(WHERE["home"]) if one != "."])
    """),
    _files("dotdot", "leave by ..", """
        attempt("read", lambda: open("input/" + "../" * 40 + WHERE["secret"].lstrip("/")).read())
    """),
    _files("link", "put a symbolic link into working/ and read it", """
        os.symlink(WHERE["secret"], "working/link"); attempt("read", lambda: open("working/link").read())
    """),
    _files("hard-link", "give a file outside a name in working/", """
        attempt("linked", done(lambda: os.link(WHERE["secret"], "working/hard")))
    """),
    _files("proc-root", "leave by /proc", """
        for pid in ("self", "1", str(os.getppid()), str(WHERE["victim"])):
            attempt(pid, lambda: open(f"/proc/{pid}/root" + WHERE["secret"]).read())
            attempt(pid, lambda: open(f"/proc/{pid}/cwd/../" + WHERE["secret"]).read())
    """),
    _files("write", "write beside the person's files", """
        attempt("written", done(lambda: open(WHERE["outside"] + "/planted", "w").write("x")))
    """),
    _files("overwrite", "overwrite a file of the person's", """
        attempt("written", done(lambda: open(WHERE["secret"], "a").write("x")))
    """),
    _files("delete", "delete a file of the person's", """attempt("deleted", done(lambda: os.unlink(WHERE["expendable"])))"""),
    _files("move", "move a file of the person's into working/", """
        attempt("moved", done(lambda: os.rename(WHERE["expendable"], "working/got")))
    """),
    _files("input-write", "write to input/", """
        attempt("written", done(lambda: open("input/data.csv", "a").write("x")))
        attempt("made", done(lambda: open("input/new", "w").write("x")))
    """, layer="read-only mount, Landlock"),
    _files("input-truncate", "empty a file of input/", """
        attempt("emptied", done(lambda: os.truncate("input/data.csv", 0)))
    """, layer="read-only mount, Landlock"),
    _files("input-replace", "exchange a file of input/", """
        attempt("deleted", done(lambda: os.unlink("input/data.csv")))
        open("working/other", "w").write("x")
        attempt("replaced", done(lambda: os.replace("working/other", "input/data.csv")))
    """, layer="read-only mount, Landlock"),
    _files("input-link", "write to a file of input/ by another name of it", """
        attempt("linked", done(lambda: os.link("input/data.csv", "working/data.csv")))
    """, layer="two mounts, Landlock"),
    _files("remount", "make input/ writable", """
        os.makedirs("working/point", exist_ok=True)
        for source, target, flags in ((b"none", b"input", 32 | 4096), (b"/", b"working/point", 4096)):
            if LIBC.mount(source, target, None, ctypes.c_ulong(flags), None) == 0:
                escaped("mounted"); LIBC.umount2(target, 2)
    """, layer="seccomp, no capabilities"),
    _metadata("chmod-input", "change the mode of a file of input/", """os.chmod("input/data.csv", 0o777)"""),
    _metadata("chmod-outside", "change the mode of a file outside", """os.chmod(WHERE["secret"], 0o666)"""),
    _metadata("chown-input", "give a file of input/ to somebody else", """os.chown("input/data.csv", -1, os.getgid() or 1)"""),
    _metadata("times-input", "change the times of a file of input/", """os.utime("input/data.csv", (1, 1))"""),
    _metadata("times-outside", "change the times of a file outside", """os.utime(WHERE["secret"], (1, 1))"""),
    _metadata("attribute", "hang an attribute on a file of input/", """os.setxattr("input/data.csv", "user.mark", b"1")"""),
    _metadata("flags", "change what a file of input/ is by a descriptor that may only read", """
        import fcntl
        one = os.open("input/data.csv", os.O_RDONLY)
        flags = struct.unpack("i", fcntl.ioctl(one, 0x80086601, b"\\0" * 4))[0]
        attempt("set", done(lambda: fcntl.ioctl(one, 0x40086602, struct.pack("i", flags | 0x40))))
    """),
    _metadata("stat", "see whether a file outside exists and how large it is", """
        attempt("seen", lambda: os.stat(WHERE["secret"]).st_size)
    """, layer="mount namespace", open_in_landlock=_STAT),
    _metadata("watch", "be told when a file outside is used", """
        one = LIBC.inotify_init()
        if LIBC.inotify_add_watch(one, WHERE["secret"].encode(), 0xFFF) >= 0: escaped("watched")
    """, layer="mount namespace"),
    _metadata("set-id", "leave a program that runs as its owner", """
        open("working/tool", "w").close()
        for act in (lambda: os.chmod("working/tool", 0o4755), lambda: os.open("working/tool2", os.O_CREAT | os.O_RDWR, 0o4755)):
            try: act()
            except OSError: pass
        for name in os.listdir("working"):
            if os.stat("working/" + name).st_mode & 0o6000: escaped(name)
    """, layer="seccomp"),
)  # fmt: skip
