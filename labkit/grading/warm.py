"""A process that loads what is needed once, and then does one job after another, each away from all others.

The judge has one that knows NumPy (`process` and `child` are its two ends), the nbval step one that knows
torch and pytest (`nbval` and `nbval_inside`). Here is the grader's end of both: how it is started, told, heard, ended.
"""

import contextlib
import os
import queue
import signal
import subprocess
import tempfile
import threading
import weakref
from dataclasses import dataclass
from typing import BinaryIO, ClassVar

from labkit.grading import wire
from labkit.grading.limits import Limits
from labkit.grading.sandbox import bwrap

# No site-packages, no environment, nothing from the current folder, UTF-8.
FLAGS = ("-S", "-s", "-P", "-B", "-X", "utf8")
# What NumPy may need in order to load at all; nothing else of the environment is passed on.
PASSED = ("SYSTEMROOT", "WINDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "OPENBLAS_CORETYPE")
ENVIRONMENT = {
    "PATH": os.environ["PATH"] if os.name == "nt" else os.defpath,
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",  # the same notebook gets the same grade twice
    "OPENBLAS_NUM_THREADS": "1",  # no threads before a fork
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
}


class JudgeError(Exception):
    """The process fails although no student code has run in it: the machine's fault, not a submission's."""


class NoWorld(JudgeError):
    """The process cannot make worlds within its sandbox."""

    def __init__(self):
        super().__init__("no world could be made within the sandbox")


class Stopped(Exception):
    """The grader was told to stop."""


@dataclass(frozen=True)
class Launch:
    """How a process is started."""

    words: list[str]
    environment: dict[str, str]
    folder: str | None = None


class Warm:
    """One such process. It is started for the first job, and again where one had to be ended from outside.

    level: the sandbox around it, "bwrap" or "none". Keep to one thread: bubblewrap ends with the thread that
    started it. A context manager that ends the process.
    """

    running: ClassVar[weakref.WeakSet["Warm"]] = weakref.WeakSet()
    stopped: ClassVar[threading.Event] = threading.Event()

    worlds: ClassVar[bool] = True  # whether worlds can be made within a sandbox, as far as is known here
    fork: bool  # whether it can be forked; else it does one job, and the next gets another
    what = "the process"  # as messages call it

    def __init__(self, limits: Limits, level: str):
        self.limits = limits
        self.level = level
        self.process: subprocess.Popen | None = None
        self.served = 0  # jobs that this process has done

    def __enter__(self) -> "Warm":
        return self

    def __exit__(self, *raised) -> None:
        self.stop()

    @classmethod
    def stop_all(cls) -> None:
        """End all processes, and let none begin."""
        cls.stopped.set()
        for process in list(cls.running):
            process.kill()

    def launch(self, stack: contextlib.ExitStack) -> Launch:
        """How it is started; `stack` is closed when it has ended."""
        raise NotImplementedError

    def first(self) -> dict[str, object]:
        """What it is told before all jobs, beside how it is to run."""
        raise NotImplementedError

    def start(self) -> None:
        """Start the process, which begins to load. Does nothing while it runs."""
        if self.process is not None and self.process.poll() is None:
            return
        self.stop()
        self.ready, self.served, self.with_worlds, self.packets = False, 0, Warm.worlds, queue.Queue(64)
        with contextlib.ExitStack() as stack:
            self.stderr = stack.enter_context(tempfile.TemporaryFile())
            launch = self.launch(stack)
            self.process = subprocess.Popen(
                launch.words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.stderr,
                cwd=launch.folder,
                env=launch.environment,
                start_new_session=True,
            )
            self.end = weakref.finalize(self, end, self.process, self.packets, stack.pop_all())
        Warm.running.add(self)
        threading.Thread(target=pump, args=(self.process.stdout, self.packets), daemon=True).start()
        about = {"sandbox": self.level != "none", "worlds": self.with_worlds, "fork": self.fork}
        self.send(about | {"work": bwrap.World({}).work} | self.first())

    def begin_without_worlds(self) -> bool:
        """After NoWorld: from now on each job gets a process, and a sandbox, of its own. False where that is no way.

        Some systems let bubblewrap make a sandbox, but nothing in it (Ubuntu with AppArmor's profile for it). Root
        does without this: it has to leave root in a world.
        """
        self.stop()
        if not self.with_worlds or os.geteuid() == 0:
            return False
        Warm.worlds = False
        return True

    @property
    def serves_one(self) -> bool:
        """Whether the process ends with its first job."""
        return not self.fork or self.level != "none" and not self.with_worlds

    def stop(self) -> None:
        """End the process and all that belongs to it. Happens by itself when nobody holds this object any more."""
        if self.process is not None:
            self.kill()
            Warm.running.discard(self)
            self.end()
            self.process = None

    def kill(self) -> None:
        """End the process and what belongs to its group, at once."""
        if self.process is not None:
            kill(self.process)

    def send(self, job: dict[str, object]) -> None:
        """Write a job; where nobody reads it any more, that shows on the way back."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(wire.encode(job))
            self.process.stdin.flush()

    def wait_until_ready(self) -> None:
        """Start the process if need be, and wait until it has loaded everything. Raises JudgeError, Stopped."""
        self.start()
        if self.ready:
            return
        try:
            packet = self.next(self.limits.start)
        except queue.Empty:
            packet = None
        if packet is None or packet[0] != wire.READY:
            raise JudgeError(self.complaint())
        self.ready = True

    def complaint(self) -> str:
        """Why the process did not start, in its own last words."""
        self.kill()
        status = self.process.wait()
        self.stderr.seek(0)
        lines = self.stderr.read(10_000).decode("utf-8", "replace").strip().splitlines()
        said = f": {lines[-1]}" if lines else ""
        return f"{self.what} did not start (exit status {status}){said}"

    def next(self, seconds: float) -> tuple[bytes, bytes] | None:
        """The next packet; None where the process has ended. Raises queue.Empty when time is up, Stopped if told to."""
        if seconds <= 0:  # also where packets come without end
            raise queue.Empty
        packet = self.packets.get(timeout=seconds)
        if Warm.stopped.is_set():
            self.kill()
            raise Stopped
        if packet is None:
            self.packets.put(None)  # it stays ended
        return packet


def end(process: subprocess.Popen, packets: queue.Queue, stack: contextlib.ExitStack) -> None:
    """End a process, and put away what belongs to it."""
    kill(process)
    process.wait()
    # Empty the queue, so that the thread that fills it can end. It is not waited for: code that
    # has opened the pipe from outside could keep it.
    with contextlib.suppress(queue.Empty):
        while packets.get(timeout=1) is not None:
            pass
    with contextlib.suppress(OSError):
        process.stdin.close()
    stack.close()


def kill(process: subprocess.Popen) -> None:
    """End a process and its group, at once."""
    if process.poll() is not None:
        return
    if os.name != "posix":
        process.kill()
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def passed() -> dict[str, str]:
    return {name: os.environ[name] for name in PASSED if name in os.environ}


def pump(stream: BinaryIO, packets: queue.Queue) -> None:
    """Read packets from `stream` into a queue; None stands for the end."""
    with stream:
        while len(head := stream.read(wire.PACKET.size)) == wire.PACKET.size:
            kind, size = wire.PACKET.unpack(head)
            if size > wire.CHUNK or len(payload := stream.read(size)) < size:
                break
            packets.put((kind, payload))
    packets.put(None)
