"""The grader's end of the process that runs answers: start it, time it, kill it, collect what came."""

import contextlib
import os
import queue
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

import labkit
from labkit.grading import wire
from labkit.grading.limits import MOST_PRINTED, MOST_TEXT, Limits
from labkit.grading.sandbox import bwrap, seccomp
from labkit.grading.sandbox.judge import HERE
from labkit.grading.sandbox.judge import world as judge_world

MOST_ERRORS = 50  # cells that raised, of one notebook
BOOT = "import sys; sys.path += sys.argv[2:]; from labkit.grading.child import main; main()"
# No site-packages, no environment, nothing from the current folder, UTF-8.
FLAGS = ("-S", "-s", "-P", "-B", "-X", "utf8", "-W", "ignore")
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


class Stopped(Exception):
    """The grader was told to stop."""


@dataclass
class Answer:
    """What came back for one exercise, not yet believed.

    cases     outcomes on the cases, None if they did not come
    small     outcomes on the small cases, None if they did not come
    instead   what stands under the exercise's name where that is no answer: "nothing", or its type
    trouble   why there is no answer, in words that follow the exercise's name
    """

    cases: object = None
    small: object = None
    printed: str = ""
    instead: str = ""
    trouble: str = ""


@dataclass(frozen=True)
class Lost:
    """The process hung or ended in a statement of the student's own cells."""

    cell: int
    statement: int
    how: str


@dataclass(frozen=True)
class Collected:
    """Answers by their tasks' keys; cells that raised, as (cell, line, sentence); cells that were cut short."""

    answers: dict[str, Answer]
    errors: list[tuple[int, int, str]]
    lost: list[Lost]


def collect(
    cells: list[str], tasks: list[dict], limits: Limits, fork: bool = hasattr(os, "fork"), level: str = "none"
) -> Collected:
    """Run `cells` and call the answers to `tasks`, each in a child of its own.

    tasks: `{"key": …, "lab": …, "exercise": …, "name": …, "cases": …, "small": …, "helpers": …}`, as the child
    reads them: the answer called `name` is asked the exercise; helpers holds sources by name that take the
    place of the student's own. What hangs, ends the process or answers nonsense costs
    its own task. A statement at the top level that hangs or ends the process is left out from then on,
    with the rest of its cell. level: the sandbox around the process, "bwrap" or "none". Raises JudgeError.
    """
    answers: dict[str, Answer] = {}
    stops: dict[int, int] = {}
    errors: list[tuple[int, int, str]] = []
    lost: list[Lost] = []
    waiting = list(tasks)
    while waiting:
        tasks = waiting[:] if fork else waiting[:1]
        job = {
            "cells": cells,
            "stops": [[cell, statement] for cell, statement in stops.items()],
            "tasks": tasks,
            "memory": limits.memory,
            "cpu": limits.cpu,
            "file": limits.file,
            "fork": fork,
            "sandbox": level != "none",
        }
        with Process(wire.encode(job), limits, level) as process:
            for task in tasks:
                if not process.begins():
                    break
                answer = Answer()
                place = process.answer(answer, errors)
                if place is not None and len(lost) < limits.stops:
                    lost.append(place)
                    stops[place.cell] = place.statement
                    break
                answers[task["key"]] = answer
                waiting.pop(0)
    return Collected(answers, errors, lost)


@dataclass(frozen=True)
class Launch:
    """How a process is started."""

    words: list[str]
    environment: dict[str, str]
    folder: str | None = None
    descriptors: tuple[int, ...] = ()


def lifeline(stack: contextlib.ExitStack) -> tuple[int, BinaryIO]:
    """A pipe: the end for the process, and ours. When ours is closed, all that belongs to the process ends."""
    theirs, ours = os.pipe()
    stack.callback(os.close, theirs)
    return theirs, stack.enter_context(os.fdopen(ours, "wb"))


def in_the_open(stack: contextlib.ExitStack, lifeline: int) -> Launch:
    """Without a sandbox: a folder of its own, and none of the environment."""
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="labkit-", ignore_cleanup_errors=True))
    paths = dict.fromkeys(str(Path(module.__file__).resolve().parent.parent) for module in (np, labkit))
    environment = ENVIRONMENT | passed() | dict.fromkeys(("HOME", "TMPDIR", "TEMP"), folder)
    words = [sys.executable, *FLAGS, "-c", BOOT, str(lifeline), *paths]
    return Launch(words, environment, folder, (lifeline,) if os.name == "posix" else ())


def shut_in(stack: contextlib.ExitStack, lifeline: int) -> Launch:
    """In bubblewrap."""
    executable, world = judge_world(ENVIRONMENT | passed())
    filter = stack.enter_context(tempfile.TemporaryFile())
    filter.write(seccomp.program(starting=True))
    filter.seek(0)
    words = bwrap.command(world, [executable, *FLAGS, "-c", BOOT, str(lifeline), HERE], filter.fileno())
    return Launch(words, {}, descriptors=(filter.fileno(), lifeline))


def started(launch: Launch, stdin: BinaryIO | int, stderr: BinaryIO) -> subprocess.Popen:
    """The process, in a session of its own, what it writes in a pipe."""
    return subprocess.Popen(
        launch.words,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=stderr,
        cwd=launch.folder,
        env=launch.environment,
        pass_fds=launch.descriptors,
        start_new_session=True,
    )


def passed() -> dict[str, str]:
    return {name: os.environ[name] for name in PASSED if name in os.environ}


class Process:
    """One process that runs answers, in a folder of its own that is removed with it."""

    running: set["Process"] = set()
    stopped = threading.Event()

    def __init__(self, job: bytes, limits: Limits, level: str):
        self.job = job
        self.limits = limits
        self.level = level
        self.child = 0  # id of the child that runs an exercise now
        self.fresh = True  # no student code has run yet
        self.alive = True
        self.packets: queue.Queue = queue.Queue(64)

    def __enter__(self) -> "Process":
        with contextlib.ExitStack() as stack:
            stdin = stack.enter_context(tempfile.TemporaryFile())
            self.stderr = stack.enter_context(tempfile.TemporaryFile())
            stdin.write(self.job)
            stdin.seek(0)
            theirs, self.lifeline = lifeline(stack)
            launch = (in_the_open if self.level == "none" else shut_in)(stack, theirs)
            self.process = started(launch, stdin, self.stderr)
            self.stack = stack.pop_all()
        Process.running.add(self)
        threading.Thread(target=pump, args=(self.process.stdout, self.packets), daemon=True).start()
        return self

    def __exit__(self, *raised) -> None:
        self.kill()
        Process.running.discard(self)
        self.process.wait()
        # Empty the queue, so that the thread that fills it can end. It is not waited for: code that
        # has opened the pipe from outside could keep it.
        with contextlib.suppress(queue.Empty):
            while self.packets.get(timeout=1) is not None:
                pass
        self.stack.close()

    @classmethod
    def stop_all(cls) -> None:
        """End all processes, and let none begin."""
        cls.stopped.set()
        for process in list(cls.running):
            process.kill()

    def kill(self) -> None:
        """End the process, the child and what belongs to their groups, at once."""
        self.alive = False
        self.lifeline.close()
        if os.name != "posix":
            self.process.kill()
            return
        groups = [self.child] if self.child and self.level == "none" else []  # elsewhere it is a number inside
        if self.process.poll() is None:
            groups.append(self.process.pid)
        for group in groups:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)

    def next(self, seconds: float) -> tuple[bytes, bytes] | None:
        """The next packet; None where the process has ended. Raises queue.Empty when time is up."""
        if seconds <= 0:  # also where packets come without end
            raise queue.Empty
        packet = self.packets.get(timeout=seconds)
        if Process.stopped.is_set():
            self.kill()
            raise Stopped
        if packet is None:
            self.packets.put(None)  # it stays ended
        return packet

    def begins(self) -> bool:
        """Wait until the next exercise begins; False where a process that has run answers is gone.

        Raises JudgeError if it is gone, or silent, before any student code has run.
        """
        if not self.alive:
            return False
        expected = (wire.READY, wire.BEGIN) if self.fresh else (wire.BEGIN,)
        for kind in expected:
            try:
                packet = self.next(self.limits.start)
            except queue.Empty:
                packet = None
            if packet is None or packet[0] != kind or kind == wire.BEGIN and len(packet[1]) != 8:
                self.kill()
                if self.fresh:
                    raise JudgeError(self.complaint())
                return False
        (self.child,) = struct.unpack(">q", packet[1])
        self.fresh = False
        return True

    def complaint(self) -> str:
        """Why the process did not start, in its own last words."""
        self.process.wait()
        self.stderr.seek(0)
        lines = self.stderr.read(10_000).decode("utf-8", "replace").strip().splitlines()
        said = f": {lines[-1]}" if lines else ""
        return f"the process that runs answers did not start (exit status {self.process.returncode}){said}"

    def answer(self, answer: Answer, errors: list) -> Lost | None:
        """Fill `answer` with what comes for the exercise that has begun, until it ends or its time is up.

        `errors` takes the cells that raised. Returns where it was lost, if that was in the student's cells.
        """
        inbox, place = wire.Inbox(), (0, 0)
        limit, loaded, done = self.limits.load, False, False
        end, how = time.monotonic() + limit, ""
        while not how:
            try:
                packet = self.next(end - time.monotonic())
                if packet is None:
                    self.kill()
                    how = ended(self.process.wait(), loaded)
                elif packet[0] == wire.END:
                    self.child = 0
                    how = ended(struct.unpack(">q", packet[1])[0], loaded)
                else:
                    for message in inbox.feed(packet[1]):
                        if not isinstance(message, dict):
                            raise wire.Malformed("no message of the child")
                        if "at" in message and not loaded:
                            place = tuple(message["at"])
                        elif "loaded" in message and not loaded:
                            loaded, limit = True, self.limits.calls
                            end = time.monotonic() + limit
                            errors[:] = list(map(cell_error, message["loaded"][:MOST_ERRORS]))
                            answer.instead = str(message["instead"])[:MOST_TEXT]
                        elif loaded:
                            done = self.take(message, answer)
                    if done:
                        end = min(end, time.monotonic() + self.limits.grace)
            except queue.Empty:
                self.kill()
                how = f"took longer than {limit:g} s"
            except (wire.Malformed, TypeError, ValueError, KeyError, struct.error):
                self.kill()
                how = "gave no readable answer"
        if answer.cases is None and not answer.instead and not answer.trouble:
            answer.trouble = how
        if loaded:
            return None
        return Lost(*place, how) if is_place(place) else None

    @staticmethod
    def take(message: dict, answer: Answer) -> bool:
        """Put one message into `answer`; True if it is the last one."""
        if "cases" in message and answer.cases is None:
            answer.cases = message["cases"]
            return False
        if "small" in message and answer.small is None:
            answer.small, answer.printed = message["small"], str(message["printed"])[:MOST_PRINTED]
        elif "too large" in message:
            answer.trouble = "gave results larger than 64 MiB"
        elif "escaped" in message:
            answer.trouble = f"ended without an answer (raised {str(message['escaped'])[:MOST_TEXT]})"
        return True


def cell_error(came: object) -> tuple[int, int, str]:
    """A cell that raised: its number, the line, a sentence. Raises Malformed."""
    if not isinstance(came, list) or [type(part) for part in came] != [int, int, str]:
        raise wire.Malformed("no place and sentence")
    return came[0], came[1], came[2][:MOST_TEXT]


def is_place(place: tuple) -> bool:
    return len(place) == 2 and all(type(number) is int and number >= 0 for number in place)


def ended(status: int, loaded: bool) -> str:
    """How a process ended, in words; `loaded`: while it was to answer, not while the cells were run."""
    what = "ended without an answer" if loaded else "ended the process"
    if status >= 0:
        return f"{what} (exit status {status})"
    try:
        return f"{what} ({signal.Signals(-status).name})"
    except ValueError:
        return f"{what} (signal {-status})"


def pump(stream: BinaryIO, packets: queue.Queue) -> None:
    """Read packets from `stream` into a queue; None stands for the end."""
    with stream:
        while len(head := stream.read(wire.PACKET.size)) == wire.PACKET.size:
            kind, size = wire.PACKET.unpack(head)
            if size > wire.CHUNK or len(payload := stream.read(size)) < size:
                break
            packets.put((kind, payload))
    packets.put(None)
