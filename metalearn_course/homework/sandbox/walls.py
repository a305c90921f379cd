"""What a student's process is kept from: files, network, other processes, more memory (Linux).

System calls by ctypes: Python has no mount(2), and unshare(2) only since 3.12. Each raises OSError where the
kernel refuses.
"""

import contextlib
import ctypes
import os
import resource
import sys
from pathlib import Path
from typing import NamedTuple

LINUX = sys.platform == "linux"
NEW_MOUNTS, NEW_UTS, NEW_IPC, NEW_USERS, NEW_PIDS, NEW_NET = (1 << n for n in (17, 26, 27, 28, 29, 30))
READ_ONLY, NO_SUID, NO_DEV, REMOUNT, BIND, RECURSIVE, PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
KEPT = (
    2 | 4 | 8 | 1024 | 2048
)  # flags of a mount that a remount must repeat: nosuid, nodev, noexec, noatime, nodiratime
DIE_WITH_PARENT, SUBREAPER, NO_NEW_PRIVILEGES = 1, 36, 38
NOBODY = 65534
SYSTEM = ("/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/fonts", "/etc/localtime")
DEVICES = ("null", "zero", "random", "urandom")


class Limits(NamedTuple):
    """What a student's process may use."""

    memory: int = 2 << 30  # bytes beyond what it starts with, all its processes together
    processes: int = 24  # and threads
    file_bytes: int = 64 << 20
    seconds: int = 600  # of all its answers together
    readable: tuple[str, ...] = ()  # folders and files that it may read beside the system's
    hidden: tuple[str, ...] = ()  # and those within them that it may not


def _call(name: str, *arguments) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def prctl(option: int, value: int) -> None:
    """prctl(2) with one argument; nothing on other systems."""
    if LINUX:
        _call("prctl", option, *(ctypes.c_ulong(n) for n in (value, 0, 0, 0)))


def separate() -> bool:
    """Namespaces of its own for this process and its next child; False where the kernel offers none."""
    if not LINUX:
        return False
    user, group = os.getuid(), os.getgid()
    flags = NEW_MOUNTS | NEW_UTS | NEW_IPC | NEW_PIDS | NEW_NET | (NEW_USERS if user else 0)
    try:
        _call("unshare", flags)
        if user:  # the same number inside as outside: the process may build its walls, and no more than before
            Path("/proc/self/setgroups").write_text("deny", encoding="utf-8")
            Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="utf-8")
            Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="utf-8")
    except OSError:
        return False
    return True


def wall_in(root: str, limits: Limits) -> None:
    """A file system with what may be read, read-only, and an empty folder /desk; nothing else is there.

    For the first process of the new namespaces. `root` is an empty folder to build it in.
    """
    _mount("none", "/", flags=RECURSIVE | PRIVATE)
    _mount("tmpfs", root, "tmpfs", NO_SUID | NO_DEV, "size=16m,mode=755")
    for name in ("desk", "tmp"):
        os.mkdir(f"{root}/{name}")
        _mount("tmpfs", f"{root}/{name}", "tmpfs", NO_SUID | NO_DEV, f"size={limits.file_bytes},mode=777")
    os.mkdir(f"{root}/proc")
    with contextlib.suppress(OSError):  # a container may forbid it; PyTorch lives without
        _mount("proc", f"{root}/proc", "proc", NO_SUID | NO_DEV)
    for path in (*SYSTEM, *(f"/dev/{name}" for name in DEVICES), *limits.readable):
        _show(root, path)
    for path in limits.hidden:
        _hide(root, path)
    _mount("none", root, flags=REMOUNT | READ_ONLY | NO_SUID | NO_DEV)
    os.chroot(root)
    os.chdir("/desk")


def _mount(what: str, where: str, kind: str | None = None, flags: int = 0, data: str = "") -> None:
    _call("mount", what.encode(), where.encode(), kind and kind.encode(), ctypes.c_ulong(flags), data.encode() or None)


def _show(root: str, path: str) -> None:
    """A folder or file at its own place below the root, read-only."""
    inside = root + path
    if os.path.lexists(inside) or not os.path.exists(path):
        return
    os.makedirs(os.path.dirname(inside), exist_ok=True)
    if os.path.islink(path):
        os.symlink(os.readlink(path), inside)
        return
    _place(inside, os.path.isdir(path))
    _mount(path, inside, flags=BIND | RECURSIVE)
    kept = os.statvfs(inside).f_flag & KEPT
    _mount("none", inside, flags=REMOUNT | BIND | READ_ONLY | kept)


def _place(inside: str, folder: bool) -> None:
    if folder:
        os.mkdir(inside)
    else:
        Path(inside).touch()


def _hide(root: str, path: str) -> None:
    """An empty folder or file in place of one that is within something shown."""
    inside = root + path
    if os.path.isdir(inside):
        _mount("tmpfs", inside, "tmpfs", READ_ONLY | NO_SUID | NO_DEV, "size=4k,mode=755")
    elif os.path.exists(inside):
        _mount(f"{root}/dev/null", inside, flags=BIND)


def give_up_rights(limits: Limits) -> None:
    """Limits of the process, no user of the marker's, no capabilities, none to be had again."""
    for kind, most in _ceilings(limits).items():
        resource.setrlimit(kind, (most, most))
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    if LINUX:
        header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3 of the capability calls, this process
        _call("capset", header, (ctypes.c_uint32 * 6)())
        prctl(NO_NEW_PRIVILEGES, 1)
        prctl(DIE_WITH_PARENT, 9)


def _ceilings(limits: Limits) -> dict[int, int]:
    ceilings = {
        resource.RLIMIT_CPU: limits.seconds,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_NPROC: limits.processes,
        resource.RLIMIT_NOFILE: 256,
        resource.RLIMIT_CORE: 0,
    }
    if LINUX:  # PyTorch reserves gigabytes of addresses that it never touches: count from where it stands
        pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0])
        ceilings[resource.RLIMIT_AS] = pages * resource.getpagesize() + limits.memory
    return {kind: _allowed(kind, most) for kind, most in ceilings.items()}


def _allowed(kind: int, most: int) -> int:
    hard = resource.getrlimit(kind)[1]
    return most if hard == resource.RLIM_INFINITY else min(most, hard)
