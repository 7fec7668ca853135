"""A world within a sandbox, for one submission: what was imported outside is there, and nothing else is shared.

The process that calls this has started with CAP_SYS_ADMIN inside its sandbox and has run nothing of a
student's. Linux only; NumPy is not needed.
"""

import ctypes
import os
from collections.abc import Callable

from labkit.grading.sandbox.seccomp import close_memory, end_with_parent, prctl

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWPID = 0x00020000, 0x08000000, 0x20000000
MS_NOSUID, MS_NODEV, MS_REC, MS_PRIVATE = 2, 4, 0x4000, 0x40000
PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 38, 47, 4
CAPABILITIES_VERSION_3 = 0x20080522
MOST_FILES = 20_000  # files and folders in one writable folder
HOME = "/home/student"
WRITABLE = (HOME, "/tmp", "/dev/shm")
FIRST_USER, USERS = 61184, 4000  # numbers that systems keep for passing users
BROKEN, NO_WORLD = 72, 71  # exit statuses: more broke than an answer or a cell; the world could not be made


def in_a_world(do: Callable[[], int], work: int, meanwhile: Callable[[], None] = lambda: None) -> int:
    """Call `do` as process 1 of a world of its own, without any right; returns its exit status, or NO_WORLD.

    work: bytes of each folder in memory that can be written. The calling process, a fork made for this, stays outside:
    it calls `meanwhile`, waits, and has to end then.
    """
    end_with_parent()
    try:
        leave()
    except OSError:
        return NO_WORLD
    pid = os.fork()
    if pid == 0:
        status = NO_WORLD
        try:
            furnish(WRITABLE, work)
            leave_root()
            end_with_parent()
            close_memory()
            renounce()
            os.chdir(HOME)
            status = BROKEN
            status = do()
        finally:
            os._exit(status)  # at once: threads and atexit handlers have no later
    meanwhile()
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status) % 256



def leave() -> None:
    """Leave the sandbox's mounts and System V memory; the next child is process 1 of a world. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    told(libc.unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWPID))
    told(libc.mount(b"none", b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None))


def furnish(folders: tuple[str, ...], size: int) -> None:
    """Put fresh writable folders, of `size` bytes each in memory, over those of the sandbox. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"size={size},nr_inodes={MOST_FILES},mode=1777".encode()
    for folder in folders:
        told(libc.mount(b"tmpfs", folder.encode(), b"tmpfs", ctypes.c_ulong(MS_NOSUID | MS_NODEV), options))


def leave_root() -> None:
    """Be an ordinary user from here on, one that hardly another process has."""
    if os.getuid() == 0:
        user = FIRST_USER + int.from_bytes(os.urandom(4), "big") % USERS
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)


def renounce() -> None:
    """Give up every capability, for good. Raises OSError."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    libc = ctypes.CDLL(None, use_errno=True)
    header, none = (ctypes.c_uint32 * 2)(CAPABILITIES_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    told(libc.capset(header, none))


def told(result: int) -> None:
    """Raise OSError for a system call that failed."""
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
