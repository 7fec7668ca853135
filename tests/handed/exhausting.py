"""Notebooks that never end, end too soon, or want more than there is."""

import os

from handed.making import RIGHT, Attack, attack, cell_attack, later, must_fail

IGNORE_SIGNALS = ["import signal", "for one in (2, 14, 15): signal.signal(one, signal.SIG_IGN)"]
ENDLESS = "while True: pass"
NESTED = ["x = " + "(" * 5000 + ")" * 5000, "x = " + "-" * 100_000 + "1", "x = 1" + "+1" * 100_000]

FORKS = """
import multiprocessing, subprocess
ways = {
    "fork": os.fork,
    "vfork": lambda: libc.syscall(58),
    "clone": lambda: libc.syscall(56, 17, 0, 0, 0, 0),
    "clone3": lambda: libc.syscall(435, ctypes.create_string_buffer(88), 88),
    "spawn": lambda: os.posix_spawn(sys.executable, [sys.executable, "-c", ""], {}),
    "subprocess": lambda: subprocess.Popen([sys.executable]).pid,
    "multiprocessing": lambda: multiprocessing.get_context("fork").Process(target=print).start() or 1,
    "exec": lambda: os.execv(sys.executable, [sys.executable, "-c", "print(1)"]),
}
for name, way in ways.items():
    try:
        pid = way()
        if pid == 0:
            os._exit(0)
        won += [name] if pid > 0 else []
    except OSError:
        pass
"""

THREADS = """
import threading
threading.stack_size(32768)
begun = 0
try:
    while begun < 20_000:
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        begun += 1
except RuntimeError:
    pass
if begun > 2000:
    won.append(f"{begun} threads")
"""

DISKS = """
for folder in ("/tmp", "/dev/shm", os.environ.get("HOME", "/home/student"), ".", "/var/tmp", "/run", "/"):
    written = 0
    try:
        for number in range(100):
            with open(f"{folder}/big{number}", "wb") as file:
                for _ in range(16):
                    written += file.write(bytes(2**20))
    except OSError:
        pass
    if written > 70 * 2**20:
        won.append(f"{written} bytes in {folder}")
    for number in range(100):
        try:
            os.unlink(f"{folder}/big{number}")
        except OSError:
            pass
"""

# Memory that belongs to no process: what RLIMIT_AS does not count.
HIDDEN_MEMORY = """
total, kept = 0, []
for number in range(256):
    try:
        kept.append(os.memfd_create(str(number)))
        for _ in range(16):
            total += os.write(kept[-1], bytes(2**20))
    except OSError:
        break
for number in range(64):
    segment = libc.shmget(0, 16 * 2**20, 0o1600)
    if segment < 0:
        break
    libc.shmat.restype = ctypes.c_void_p
    address = libc.shmat(segment, None, 0)
    ctypes.memset(address, 1, 16 * 2**20)
    libc.shmdt(ctypes.c_void_p(address))
    libc.shmctl(segment, 0, None)
    total += 16 * 2**20
if total > 256 * 2**20:
    won.append(f"{total} bytes")
"""

MANY_FILES = """
import time
begun = time.monotonic()
made = 0
os.makedirs("/tmp/many")
while time.monotonic() - begun < 1:
    os.close(os.open(f"/tmp/many/{made}", os.O_CREAT | os.O_WRONLY))
    made += 1
"""

SOCKETS = """
kept = []
while True:
    one, other = socket.socketpair()
    kept += [one, other]
    if len(kept) > 2000:
        won.append("descriptors")
        break
"""

EXHAUSTING = {
    "endless loop": attack(ENDLESS, flags="corr2d: took longer than 3 s", feedback="took longer than 3 s"),
    "endless loop that ignores signals": attack(*IGNORE_SIGNALS, ENDLESS, flags="corr2d: took longer than 3 s"),
    "endless loop in a session of its own": attack(
        "import os", "try: os.setpgid(0, 0)", "except OSError: pass", "try: os.setsid()", "except OSError: pass", ENDLESS,
        flags="corr2d: took longer than 3 s",
    ),
    "an alarm and handlers": attack(
        "import signal, time", "signal.signal(signal.SIGALRM, lambda *args: None)", "signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)",
        "time.sleep(0.05)", harmless=True,
    ),
    "stops itself": attack("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", flags="corr2d: took longer than 3 s"),
    "endless loop in a cell": Attack(
        later(corr2d=f"{RIGHT['corr2d']}\n{ENDLESS}\n"), frozenset(), "a cell took longer than 5 s"
    ),
    "ends the process": attack("import os; os._exit(0)", flags="corr2d: ended without an answer (exit status 0)"),
    "ends the process in a cell": cell_attack("import os\nos._exit(0)", "a cell ended the process (exit status 0)"),
    "segfault": attack("import ctypes; ctypes.string_at(0)", flags="corr2d: ended without an answer"),
    "segfault in a cell": cell_attack("import ctypes\nctypes.string_at(0)", "a cell ended the process"),
    "sys.exit": attack("import sys; sys.exit(0)", feedback="it raised SystemExit"),
    "raises what is no Exception": attack("raise KeyboardInterrupt", flags="raised KeyboardInterrupt"),
    "recursion": attack("return corr2d(image, kernel)", feedback="RecursionError"),
    "recursion without end": attack("import sys; sys.setrecursionlimit(10**9)", "f = lambda: [f()]", "return f()"),
    "memory": attack("return np.ones(10**12)", feedback="MemoryError"),
    "memory in small pieces": attack("held = []", "while True: held.append(bytearray(10**7))"),
    "a result of 10 to the 13": attack("return np.broadcast_to(0.0, (10**7, 10**6))", feedback="cannot be read"),
    "a large result": attack("if image.shape == (8, 5): return np.zeros(9 * 10**6)", flags="larger than 64 MiB"),
    "50 MB of output": attack(
        "import sys", "for _ in range(50): print('x' * 10**6); print('y' * 10**6, file=sys.stderr)", harmless=True
    ),
    "50 MB on the descriptors": attack(
        "import os", "for i in range(100): os.write(1 + i % 2, b'x' * 10**6)", harmless=True
    ),
    "50 MB to the grader": attack(
        "import os", "for fd in range(3, 20):", "    try: [os.write(fd, b'x' * 10**6) for _ in range(50)]",
        "    except OSError: pass", flags="corr2d: gave no readable answer",
    ),
    "removes its folder": attack("import os", "try: os.rmdir(os.getcwd())", "except OSError: pass", harmless=True),
    "very many magics": cell_attack("!ls\n" * 5000),
    "deep nesting": Attack(later(before=NESTED), frozenset()),
    "surrogates and null bytes": Attack(later(before=["x = '\ud800'", "x = '\0'"]), frozenset()),
    "starts processes": must_fail(FORKS),
    "starts threads without end": must_fail(THREADS),
    "fills the disks": must_fail(DISKS),
    "memory that no process owns": must_fail(HIDDEN_MEMORY),
    "very many files": must_fail(MANY_FILES),
    "opens descriptors without end": must_fail(SOCKETS),
}  # fmt: skip
if os.name == "posix":
    EXHAUSTING |= {
        "kills its parent": attack(
            "import os", "try: os.kill(os.getppid(), 9)", "finally: os._exit(0)", flags="corr2d: ended without an answer"
        ),
        "kills its parent in a cell": cell_attack(
            "import os\ntry: os.kill(os.getppid(), 9)\nfinally: os._exit(0)", "a cell ended the process"
        ),
        "leaves a process behind": attack(
            "import os, time", "try:", "    if os.fork() == 0:", "        os.setsid(); time.sleep(8); os._exit(0)",
            "except OSError: pass", harmless=True,
        ),
    }  # fmt: skip
