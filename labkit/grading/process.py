"""The grader's end of the process that runs answers: tell it, time it, kill it, collect what came."""

import contextlib
import os
import queue
import signal
import struct
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import labkit
from labkit.grading import wire
from labkit.grading.limits import MOST_PRINTED, MOST_TEXT, Limits
from labkit.grading.sandbox import bwrap, inner
from labkit.grading.sandbox.judge import HERE
from labkit.grading.sandbox.judge import world as judge_world
from labkit.grading.warm import ENVIRONMENT, FLAGS, JudgeError, Launch, NoWorld, Warm, passed

MOST_ERRORS = 50  # cells that raised, of one notebook
BOOT = "import sys; sys.path += sys.argv[1:]; from labkit.grading.child import main; main()"
QUIET = (*FLAGS, "-W", "ignore")


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
    """What a process of its own collects (Process.collect), which ends with that. Raises JudgeError."""
    with Process(limits, level, fork) as process:
        return process.collect(cells, tasks)


class Process(Warm):
    """A process that knows NumPy and runs answers: each notebook's in a fork, away from those of all others.

    level: "bwrap" or "none". fork: whether it can be forked; else it does one exercise, and the next gets another.
    """

    what = "the process that runs answers"

    def __init__(self, limits: Limits, level: str, fork: bool = hasattr(os, "fork")):
        super().__init__(limits, level)
        self.fork = fork
        self.child = 0  # id of the child that runs an exercise now
        self.fresh = True  # no code of this notebook has run yet
        self.alive = False

    def launch(self, stack: contextlib.ExitStack) -> Launch:
        if self.level == "none":
            paths = dict.fromkeys(str(Path(module.__file__).resolve().parent.parent) for module in (np, labkit))
            return Launch([sys.executable, *QUIET, "-c", BOOT, *paths], ENVIRONMENT | passed())
        executable, world = judge_world(ENVIRONMENT | passed())
        return Launch(bwrap.command(world, [executable, *QUIET, "-c", BOOT, HERE]), {})

    def first(self) -> dict[str, object]:
        return {"memory": self.limits.memory, "cpu": self.limits.cpu, "file": self.limits.file}

    def collect(self, cells: list[str], tasks: list[dict]) -> Collected:
        """Run `cells` and call the answers to `tasks`, each in a child of its own.

        tasks: `{"key": …, "lab": …, "exercise": …, "name": …, "cases": …, "small": …, "helpers": …}`, as the child
        reads them: the answer called `name` is asked the exercise; helpers holds sources by name that take the
        place of the student's own. What hangs, ends the process or answers nonsense costs
        its own task. A statement at the top level that hangs or ends the process is left out from then on,
        with the rest of its cell. Raises JudgeError, Stopped.
        """
        answers: dict[str, Answer] = {}
        stops: dict[int, int] = {}
        errors: list[tuple[int, int, str]] = []
        lost: list[Lost] = []
        waiting = list(tasks)
        while waiting:
            tasks = waiting[:] if self.fork else waiting[:1]
            job = {"cells": cells, "stops": [list(place) for place in stops.items()], "tasks": tasks}
            try:
                with self.doing(job):
                    for task in tasks:
                        if not self.begins():
                            break
                        answer = Answer()
                        place = self.answer(answer, errors)
                        if place is not None and len(lost) < self.limits.stops:
                            lost.append(place)
                            stops[place.cell] = place.statement
                            self.kill()
                            break
                        answers[task["key"]] = answer
                        waiting.pop(0)
            except NoWorld:
                if not self.begin_without_worlds():
                    raise
            except JudgeError:
                if not self.served:
                    raise
                self.served = 0  # it had begun before this notebook: another one is tried, once
        return Collected(answers, errors, lost)

    @contextlib.contextmanager
    def doing(self, job: dict[str, object]) -> Iterator[None]:
        """Send a job. In the end it is over, with all that belongs to it, or the process is ended."""
        over = False
        with contextlib.ExitStack() as stack:
            folder = ""
            if self.level == "none":
                folder = tempfile.TemporaryDirectory(prefix="labkit-", ignore_cleanup_errors=True)
                folder = stack.enter_context(folder)
            try:
                self.wait_until_ready()
                self.alive, self.fresh, self.child = True, True, 0
                self.send(job | {"folder": folder})
                yield
                over = self.is_over()
            finally:
                if not over:
                    self.stop()

    def is_over(self) -> bool:
        """Wait until the fork has ended that did the job; False where it did not, or not as it should."""
        if not self.alive or self.serves_one:
            return False
        try:
            packet = self.next(self.limits.start)
        except queue.Empty:
            return False
        self.served += 1
        return packet == (wire.DONE, struct.pack(">q", 0))

    def kill(self) -> None:
        self.alive = False
        if self.child and self.level == "none" and os.name == "posix":  # elsewhere it is a number inside
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.child, signal.SIGKILL)
        super().kill()

    def begins(self) -> bool:
        """Wait until the next exercise begins; False where a fork that has run answers is gone.

        Raises JudgeError if it is gone, or silent, before any student code has run.
        """
        if not self.alive:
            return False
        try:
            packet = self.next(self.limits.start)
        except queue.Empty:
            packet = None
        if packet is None or packet[0] != wire.BEGIN or len(packet[1]) != 8:
            self.kill()
            if self.fresh and packet == (wire.DONE, struct.pack(">q", inner.NO_WORLD)):
                raise NoWorld
            if self.fresh:
                raise JudgeError(self.complaint())
            return False
        (self.child,) = struct.unpack(">q", packet[1])
        self.fresh = False
        return True

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
                elif packet[0] == wire.DONE:  # too early
                    self.kill()
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
