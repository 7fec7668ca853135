"""Seccomp filters: system calls that student code has no business with fail as "not permitted".

A filter is a program in classic BPF, eight bytes an instruction, that the kernel runs at each system
call (linux/filter.h, linux/seccomp.h). Numbers of calls are those of the kernel's own tables. NumPy
only at import: the child that runs answers uses this, too.
"""

import ctypes
import errno
import functools
import os
import signal
import struct

# What reaches into other processes, mounts, makes namespaces, speaks to the kernel's less tried parts, or
# holds memory that no limit of a process counts.
FORBIDDEN = {
    "x86_64": {
        "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "pidfd_getfd": 438,
        "unshare": 272, "setns": 308, "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161,
        "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433,
        "mount_setattr": 442, "open_by_handle_at": 304, "add_key": 248, "request_key": 249, "keyctl": 250,
        "bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "io_uring_setup": 425, "io_uring_enter": 426,
        "io_uring_register": 427, "init_module": 175, "finit_module": 313, "delete_module": 176, "kexec_load": 246,
        "swapon": 167, "swapoff": 168, "reboot": 169, "acct": 163, "quotactl": 179, "clock_settime": 227,
        "shmget": 29, "semget": 64, "msgget": 68, "mq_open": 240, "memfd_create": 319, "memfd_secret": 447,
    },
    "aarch64": {
        "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272, "pidfd_getfd": 438,
        "unshare": 97, "setns": 268, "mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51,
        "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433,
        "mount_setattr": 442, "open_by_handle_at": 265, "add_key": 217, "request_key": 218, "keyctl": 219,
        "bpf": 280, "perf_event_open": 241, "userfaultfd": 282, "io_uring_setup": 425, "io_uring_enter": 426,
        "io_uring_register": 427, "init_module": 105, "finit_module": 273, "delete_module": 106, "kexec_load": 104,
        "swapon": 224, "swapoff": 225, "reboot": 142, "acct": 89, "quotactl": 60, "clock_settime": 112,
        "shmget": 194, "semget": 190, "msgget": 186, "mq_open": 180, "memfd_create": 279, "memfd_secret": 447,
    },
}  # fmt: skip
# Calls that begin another process or program.
STARTING = {
    "x86_64": {"fork": 57, "vfork": 58, "execve": 59, "execveat": 322},
    "aarch64": {"execve": 221, "execveat": 281},
}
CLONE = {"x86_64": 56, "aarch64": 220}
SOCKET = {"x86_64": 41, "aarch64": 198}
# Unix, IPv4, IPv6, netlink: those that a network namespace shuts in. A virtual machine's own (vsock) it does not.
FAMILIES = (1, 2, 10, 16)
CLONE3 = 435  # its flags lie in memory, where no filter can look: "no such call" makes libraries use clone
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32 = 0x40000000  # from here on: calls of the x32 kind, under other numbers

CLONE_THREAD = 0x00010000
NEW_NAMESPACES = 0x7E020000 | 0x00000080  # user, mount, pid, network, ipc, uts, cgroup; time

INSTRUCTION = struct.Struct("=HBBI")
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000, 0x80000000

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
SECCOMP_MODE_FILTER = 2


@functools.cache
def program(machine: str = "") -> bytes:
    """The filter as the kernel reads it. Raises OSError on a machine whose numbers are not known here."""
    machine = machine or os.uname().machine
    if machine not in AUDIT_ARCH:
        raise OSError(f"no seccomp filter for {machine}: known are {', '.join(AUDIT_ARCH)}")
    refused = [*FORBIDDEN[machine].values(), *STARTING[machine].values()]
    lines = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, AUDIT_ARCH[machine]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
        (AT_LEAST, 0, 1, X32),
        (RETURN, 0, 0, KILL),
        (EQUAL, 0, 1, CLONE3),
        (RETURN, 0, 0, REFUSE | errno.ENOSYS),
    ]
    for number in refused:
        lines += [(EQUAL, 0, 1, number), (RETURN, 0, 0, REFUSE | errno.EPERM)]
    lines += [(EQUAL, 0, 3 + len(FAMILIES), SOCKET[machine]), (LOAD, 0, 0, FIRST_ARGUMENT)]
    lines += [(EQUAL, len(FAMILIES) - number, 0, family) for number, family in enumerate(FAMILIES)]
    lines += [(RETURN, 0, 0, REFUSE | errno.EAFNOSUPPORT), (RETURN, 0, 0, ALLOW)]
    lines += [
        (EQUAL, 1, 0, CLONE[machine]),
        (RETURN, 0, 0, ALLOW),
        (LOAD, 0, 0, FIRST_ARGUMENT),
        (ANY_BIT, 0, 1, NEW_NAMESPACES),
        (RETURN, 0, 0, REFUSE | errno.EPERM),
    ]
    lines += [(ANY_BIT, 1, 0, CLONE_THREAD), (RETURN, 0, 0, REFUSE | errno.EPERM), (RETURN, 0, 0, ALLOW)]
    return b"".join(INSTRUCTION.pack(*line) for line in lines)


class Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def refuse_processes() -> None:
    """From now on this process can start no other and nothing forbidden; nothing can undo it. Raises OSError."""
    code = program()
    kept = ctypes.create_string_buffer(code)
    filter = Program(len(code) // INSTRUCTION.size, ctypes.addressof(kept))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(filter))


def close_memory() -> None:
    """Let no other process of the same user look into this one's memory, or trace it."""
    prctl(PR_SET_DUMPABLE, 0)


def end_with_parent() -> None:
    """End when the process ends that has started this one. A change of user undoes it."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def prctl(option: int, *arguments) -> None:
    """The system call prctl. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    padded = [ctypes.c_ulong(one) if isinstance(one, int) else one for one in (*arguments, 0, 0, 0, 0)][:4]
    if libc.prctl(ctypes.c_int(option), *padded):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
