"""Notebooks that reach for what lies outside their sandbox. Tried in one alone; each is right where it fails.

`targets` holds what there is to reach, set by whoever runs them.
"""

import numpy as np

from handed.making import Attack, must_fail

targets: dict[str, object] = {"port": 9, "name": "nobody", "victim": 0, "written": "/nowhere"}


def at(source: str) -> Attack:
    """An attack whose {…} are filled with the targets when it is built."""
    return Attack(lambda: must_fail(source.format(**targets)).build(), frozenset(), shut_in=True)


TCP = """
for address in (("127.0.0.1", {port}), ("1.1.1.1", 53), ("169.254.169.254", 80)):
    try:
        socket.create_connection(address, 0.3).close()
        won.append(address)
    except OSError:
        pass
"""

UDP = """
for address in (("127.0.0.1", {port}), ("1.1.1.1", 53), ("8.8.8.8", 53)):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        try:
            udp.connect(address)
            udp.send(b"hello")
            udp.settimeout(0.1)
            udp.recv(1)
            won.append(address)
        except OSError:
            pass
"""

UNIX = """
for address in ("\\0{name}", "/run/docker.sock", "/var/run/docker.sock", "/run/dbus/system_bus_socket", "/run/systemd/private"):
    with socket.socket(socket.AF_UNIX) as one:
        try:
            one.connect(address)
            won.append(address)
        except OSError:
            pass
"""

OTHER_FAMILIES = """
for family in range(64):
    if family in (1, 2, 10, 16):
        continue
    one = libc.socket(family, 1, 0)
    if one >= 0:
        won.append(family)
"""

NETLINK = """
with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as one:
    one.bind((0, 0))
interfaces = [name for _, name in socket.if_nameindex() if name != "lo"]
won += interfaces
"""

KILLS = """
import signal
for pid in (1, os.getppid(), {victim}, -1, 2, 3, -{victim}):
    for number in (9, 15, 2, 6, 11, 19, 14):
        try:
            if pid != os.getpid() and -pid != os.getpgrp():
                os.kill(pid, number)
        except OSError:
            pass
if os.getppid() != 1:
    won.append("the judge")
"""

CALLS = """
new_user, new_net, new_mount = 0x10000000, 0x40000000, 0x00020000
ways = {
    "unshare user": lambda: libc.unshare(new_user),
    "unshare mount": lambda: libc.unshare(new_mount),
    "unshare net": lambda: libc.unshare(new_net),
    "mount": lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None),
    "remount": lambda: libc.mount(None, b"/", None, 32, None),
    "umount": lambda: libc.umount2(b"/tmp", 2),
    "chroot": lambda: libc.chroot(b"/tmp"),
    "pivot_root": lambda: libc.syscall(155, b"/tmp", b"/tmp"),
    "ptrace attach": lambda: libc.ptrace(16, os.getppid(), 0, 0),
    "ptrace seize": lambda: libc.ptrace(0x4206, 1, 0, 0),
    "bpf": lambda: libc.syscall(321, 0, ctypes.create_string_buffer(128), 128),
    "io_uring": lambda: libc.syscall(425, 4, ctypes.create_string_buffer(128)),
    "userfaultfd": lambda: libc.syscall(323, 1),
    "perf": lambda: libc.syscall(298, ctypes.create_string_buffer(128), 0, -1, -1, 0),
    "keyring": lambda: libc.syscall(250, 0, -3, 1),
    "setns": lambda: libc.setns(0, 0),
    "pidfd_getfd": lambda: libc.syscall(438, libc.syscall(434, 1, 0), 0, 0),
    "open_by_handle": lambda: libc.syscall(304, -100, ctypes.create_string_buffer(128), 0),
    "hostname": lambda: libc.sethostname(b"mine", 4),
    "mknod": lambda: libc.mknod(b"/tmp/disk", 0o60666, 0x800),
    "x32": lambda: -1,
    "personality": lambda: -1,
    "settime": lambda: libc.clock_settime(0, ctypes.create_string_buffer(16)),
    "swapoff": lambda: libc.swapoff(b"/dev/sda"),
    "syslog": lambda: libc.klogctl(5, ctypes.create_string_buffer(16), 16),
}
for name, way in ways.items():
    if way() >= 0:
        won.append(name)
"""

USERS = """
for name, way in {
    "setuid": lambda: os.setuid(0), "seteuid": lambda: os.seteuid(0), "setresuid": lambda: os.setresuid(0, 0, 0),
    "setgid": lambda: os.setgid(0), "setgroups": lambda: os.setgroups([0]), "setreuid": lambda: os.setreuid(0, 0),
    "other user": lambda: os.setuid(12345), "chown": lambda: os.chown("/tmp/mine", 0, 0),
    "chown to another": lambda: os.chown("/tmp/mine", 12345, 12345),
}.items():
    open("/tmp/mine", "w").close()
    try:
        way()
        won.append(name)
    except OSError:
        pass
if os.geteuid() == 0 or os.getuid() == 0:
    won.append("is root")
won += [path for path in ("/usr/bin/su", "/bin/mount", "/usr/bin/sudo", "/etc/shadow") if os.path.exists(path)]
"""

LIMITS = """
import resource
for which in (resource.RLIMIT_CORE, resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_CPU, resource.RLIMIT_NPROC):
    soft, hard = resource.getrlimit(which)
    try:
        resource.setrlimit(which, (hard + 1 if hard >= 0 else hard, hard + 1 if hard >= 0 else hard))
        won.append(which)
    except (ValueError, OSError):
        pass
    won += [f"no limit {which}"] if hard == resource.RLIM_INFINITY else []
for name, way in {
    "nice": lambda: os.nice(-5), "priority of others": lambda: os.setpriority(os.PRIO_PROCESS, 1, -5),
    "real time": lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50)),
}.items():
    try:
        way()
        won.append(name)
    except OSError:
        pass
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
for path in ("/proc/self/oom_score_adj", "/proc/self/mem", "/proc/self/coredump_filter", "/sys/kernel", "/sys/fs/cgroup"):
    won += [path] if os.path.exists(path) else []
libc.prctl(4, 1, 0, 0, 0)
libc.prctl(1, 0, 0, 0, 0)
"""

WRITES = """
places = [{written!r}, {numpy!r} + "/__init__.py", "/judge/labkit/grading/child.py", "/judge/labkit/x", "/etc/ld.so.cache",
          os.__file__, sys.executable, "/x", "/dev/x", "/judge/numpy/x", "/usr/lib/x", "/etc/passwd", "/home/x"]
places += [os.path.join(one, "sitecustomize.py") for one in (os.path.dirname(os.__file__), "/judge")]
for place in places:
    try:
        with open(place, "a") as file:
            file.write("x = 1")
        won.append(place)
    except OSError:
        pass
"""

# What a later process would load, were there one, and what a later student would find, were it kept.
LEAVES = """
import glob
home = os.environ.get("HOME", "/home/student")
version = f"python3.{sys.version_info.minor}"
site = f"{home}/.local/lib/{version}/site-packages"
os.makedirs(site, exist_ok=True)
for name in ("usercustomize.py", "sitecustomize.py", "evil.pth", "numpy.py", "json.py"):
    for folder in (site, home, "/tmp"):
        with open(f"{folder}/{name}", "w") as file:
            file.write("import os; os._exit(7)")
os.environ.update(LD_PRELOAD="/tmp/evil.so", PYTHONSTARTUP="/tmp/numpy.py", PYTHONPATH="/tmp", OMP_NUM_THREADS="64")
for place in ("/tmp", "/dev/shm", home):
    os.makedirs(f"{place}/left", exist_ok=True)
    open(f"{place}/left/note", "w").write("left")
"""

FINDS = """
for place in ("/tmp", "/dev/shm", os.environ.get("HOME", "/home/student"), "/var/tmp"):
    won += [f"{place}/{name}" for name in (os.listdir(place) if os.path.isdir(place) else [])]
"""

QUEUES = """
librt = ctypes.CDLL("librt.so.1")
if librt.mq_open(b"/left", 0o102, 0o600, None) >= 0:
    won.append("a message queue")
for name, number in (("shared memory", libc.shmget(77, 4096, 0o1600)), ("messages", libc.msgget(77, 0o1600)),
                     ("semaphores", libc.semget(77, 1, 0o1600))):
    won += [name] if number >= 0 else []
"""

DELETES = """
import shutil
for place in ("/judge", os.path.dirname(os.__file__), "/etc", {written!r}, "/home", "/tmp", "/dev", "/"):
    shutil.rmtree(place, ignore_errors=True)
for path in (np.__file__, os.__file__, "/judge/labkit/grading/child.py"):
    won += [] if os.path.exists(path) else [path]
"""

REACHING_OUT = {
    "connects by TCP": at(TCP),
    "sends by UDP": at(UDP),
    "connects to sockets of this machine": at(UNIX),
    "sockets of other families": must_fail(OTHER_FAMILIES),
    "asks the kernel for interfaces": must_fail(NETLINK),
    "kills everyone": at(KILLS),
    "namespaces, mounts and tracing": must_fail(CALLS),
    "becomes another user": must_fail(USERS),
    "raises its limits": must_fail(LIMITS),
    "changes numpy, labkit and the system": Attack(
        lambda: must_fail(WRITES.format(**targets, numpy=np.__path__[0])).build(), frozenset(), shut_in=True
    ),
    "deletes everything": at(DELETES),
    "leaves things for the next": must_fail(LEAVES),
    "queues and segments for the next": must_fail(QUEUES),
    "zz finds what another has left": must_fail(FINDS),
}
