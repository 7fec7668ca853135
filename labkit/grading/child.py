"""The process that runs students' answers: NumPy only, inputs in, bytes out.

The grader starts it and reads packets from it. It loads nothing of a student's itself: for each notebook it makes
a fork, and that forks a child for each exercise, which runs the student's cells, calls the answer and writes
messages. Where there is no fork it is the child itself, for one exercise.

In a sandbox the fork for a notebook is process 1 of a world of its own (sandbox/inner.py): signals from inside do
not reach it, its memory is closed to others, what a child leaves behind it can end as a whole, and nothing of one
notebook, no file, no process, meets the next.
"""

import __future__

import ast
import contextlib
import gc
import io
import linecache
import math
import os
import select
import signal
import struct
import sys
from collections.abc import Callable
from types import ModuleType

import numpy as np

from labkit.asked import Case, exercise
from labkit.checks.running import Outcome, run
from labkit.grading import standins, wire
from labkit.grading.limits import MOST_LINES, MOST_PRINTED, MOST_TEXT
from labkit.grading.sandbox import inner
from labkit.grading.sandbox.seccomp import close_memory, program, refuse_processes

Send = Callable[[object], None]
MOST_OPEN, MOST_THREADS = 256, 1000  # descriptors of a process, threads of all


def main() -> None:
    """Do jobs that come from standard input, write packets to what was standard output."""
    jobs, channel = os.dup(0), os.dup(1)  # not standard output any more: what is printed is no packet
    silence(0, 1)
    first = wire.receive(jobs)
    if first["sandbox"]:
        program()  # the filter, once for all who put it on
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Python's own handler is the one way to reach process 1
        close_memory()
    gc.collect()
    gc.freeze()
    packet(channel, wire.READY)
    if not first["fork"]:
        alone(first, jobs, channel)
    if first["sandbox"] and not first["worlds"]:  # then this sandbox is for one job
        packet(channel, wire.DONE, struct.pack(">q", notebook(first, jobs, channel)))
        return
    while wire.comes(jobs):
        status = in_a_fork(first, jobs, channel)
        packet(channel, wire.DONE, struct.pack(">q", status))
        if status:  # perhaps it has not read its job to the end
            break


def in_a_fork(first: dict, jobs: int, channel: int) -> int:
    """Let a fork do the next job, in a world of its own where there is a sandbox. Returns its exit status.

    The fork reads the job itself: what has been in this process's memory, the next student's code could find in its own.
    """
    pid = os.fork()
    if pid == 0:
        status = inner.BROKEN
        try:
            if first["sandbox"]:
                status = inner.in_a_world(lambda: notebook(first, jobs, channel), first["work"])
            else:
                status = notebook(first, jobs, channel)
        finally:
            os._exit(status)  # at once: threads and atexit handlers have no later
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def notebook(first: dict, jobs: int, channel: int) -> int:
    """Do all tasks of the next job, each in a child. Returns 0."""
    job = first | wire.receive(jobs)
    settle(job)
    for task in job["tasks"]:
        in_a_child(job, task, jobs, channel)
    return 0


def alone(first: dict, jobs: int, channel: int) -> None:
    """Do the next job, which has one task, in this process, and end it."""
    job = first | wire.receive(jobs)
    settle(job)

    def send(value: object) -> None:
        data = wire.encode(value)
        for start in range(0, len(data), wire.CHUNK):
            packet(channel, wire.DATA, data[start : start + wire.CHUNK])

    packet(channel, wire.BEGIN, struct.pack(">q", 0))
    status = inner.BROKEN
    try:
        work(job, job["tasks"][0], send)
        status = 0
    finally:
        os._exit(status)


def settle(job: dict) -> None:
    """Go where a student's code may write, and set limits."""
    if job["folder"]:
        os.chdir(job["folder"])
        os.environ.update(dict.fromkeys(("HOME", "TMPDIR", "TEMP"), job["folder"]))
    set_limits(job["memory"], job["file"], job["cpu"])


def give_up_rights() -> None:
    """In a sandbox, before a student's code: few threads, no processes. Nothing can undo it.

    Raises RuntimeError where this is still root, who could undo it.
    """
    import resource

    if os.getuid() == 0:
        raise RuntimeError("this is still root")
    resource.setrlimit(resource.RLIMIT_NPROC, (MOST_THREADS, MOST_THREADS))  # each counts as a process
    refuse_processes()


def silence(*descriptors: int) -> None:
    """Point file descriptors to nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in descriptors:
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


def set_limits(memory: int, file: int, cpu: int) -> None:
    """Bound memory, files, descriptors, core dumps and processor time where the system knows how, within what is set."""
    if os.name != "posix":
        return
    import resource

    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: file,
        resource.RLIMIT_CPU: cpu,
        resource.RLIMIT_NOFILE: MOST_OPEN,
    }
    if sys.platform == "linux":
        wanted[resource.RLIMIT_AS] = memory
    for which, value in wanted.items():
        _, hard = resource.getrlimit(which)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (value, value))


def packet(channel: int, kind: bytes, payload: bytes = b"") -> None:
    write_all(channel, wire.PACKET.pack(kind, len(payload)) + payload)


def write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def in_a_child(job: dict, task: dict, jobs: int, channel: int) -> None:
    """Let a child do `task` and pass on what it writes, until it has ended.

    jobs: the pipe of which the grader holds the other end. When that is closed, by the grader or by its death, all
    ends here: no signal has to find its way into the sandbox.
    """
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = inner.BROKEN
        try:
            os.setpgid(0, 0)
            for one in (read, channel, jobs):
                os.close(one)
            if job["sandbox"]:
                give_up_rights()
            work(job, task, lambda value: write_all(write, wire.encode(value)))
            status = 0
        finally:
            os._exit(status)
    os.close(write)
    packet(channel, wire.BEGIN, struct.pack(">q", pid))
    both = select.poll()
    both.register(read, select.POLLIN)
    both.register(jobs, 0)
    while True:
        if jobs in dict(both.poll()):
            end_all(pid, job["sandbox"])
            os._exit(inner.BROKEN)
        if not (chunk := os.read(read, wire.CHUNK)):
            break
        packet(channel, wire.DATA, chunk)
    os.close(read)
    end_all(pid, job["sandbox"])
    _, status = os.waitpid(pid, 0)
    packet(channel, wire.END, struct.pack(">q", os.waitstatus_to_exitcode(status)))


def end_all(child: int, sandbox: bool) -> None:
    """End a child and what it left behind. Raises RuntimeError where "all" would be more than this sandbox."""
    if sandbox and os.getpid() != 1:
        raise RuntimeError("this is not process 1 of a sandbox")
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sandbox:
            os.kill(-1, signal.SIGKILL)  # all that is in this world but process 1
        else:
            os.killpg(child, signal.SIGKILL)  # as far as it stayed in its group


def work(job: dict, task: dict, send: Send) -> None:
    """Run the student's cells, then the answer on the cases and on the small cases; send what came of it."""
    silence(2)
    sys.stdout = sys.stderr = Capped()
    one = exercise(task["exercise"], of=task["lab"])
    cases, small = (as_cases(task[part]) for part in ("cases", "small"))
    main = standins.install(sys.argv[1:])
    errors = load(job["cells"], dict(job["stops"]), main, send)
    for name, source in task["helpers"].items():
        vars(main)[name] = right(name, source)
    answer = vars(main).get(task["name"])
    instead = f"something of type {type(answer).__name__}" if task["name"] in vars(main) else "nothing"
    send({"loaded": errors, "instead": "" if callable(answer) else short(instead)})
    if not callable(answer):
        return
    try:
        send({"cases": packed(run(one, answer, cases))})
        printed = sys.stdout = Capped()  # on the small cases alone: the others' numbers stay a secret
        send({"small": packed(run(one, answer, small)), "printed": printed.text.rstrip("\n")})
    except wire.TooLarge:
        send({"too large": True})
    except BaseException as raised:  # student code may raise what no Exception is
        send({"escaped": type(raised).__name__[:MOST_TEXT]})


def right(name: str, source: str) -> Callable:
    """A right answer from its source, which knows NumPy alone."""
    space = {"np": np, "numpy": np, "math": math, "__name__": "__main__"}
    exec(compile(source, f"<{name}>", "exec", dont_inherit=True), space)
    return space[name]


class Capped(io.TextIOBase):
    """Keeps the first characters written to it and forgets the rest."""

    text = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.text += text[: MOST_PRINTED - len(self.text)]
        return len(text)


def as_cases(given: dict[str, dict]) -> dict[str, Case]:
    return {name: Case("", one["args"], one["keywords"]) for name, one in given.items()}


def load(cells: list[str], stops: dict[int, int], main: ModuleType, send: Send) -> list:
    """Run the cells statement by statement in `main`; what raised, as [cell, line, sentence].

    A cell that raises keeps what it had defined before. `stops` holds by cell the statement at which
    it once hung or ended the process: it goes no further than that. Before each statement its place
    is sent, so that the grader knows where a process was lost.
    """
    errors = []
    for number, source in enumerate(cells):
        name = f"<cell {number}>"
        linecache.cache[name] = (len(source), None, [f"{line}\n" for line in source.split("\n")], name)
        if stops.get(number) == 0:
            continue
        send({"at": [number, 0]})
        try:
            tree = compile(source, name, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
            flags = future_flags(tree)
            for index, statement in enumerate(tree.body):
                if stops.get(number) == index:
                    break
                if index:
                    send({"at": [number, index]})
                exec(compile(ast.Module([statement], []), name, "exec", flags, dont_inherit=True), vars(main))
        except BaseException as raised:  # a student's cell may raise anything, SystemExit too
            errors.append([number, line_in(raised, name), described(raised)])
    return errors


def future_flags(tree: ast.Module) -> int:
    """What the cell imports from __future__, for each of its statements."""
    flags = 0
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            for alias in node.names:
                if feature := getattr(__future__, alias.name, None):
                    flags |= feature.compiler_flag
    return flags


def line_in(raised: BaseException, name: str) -> int:
    """The line of the cell `name` at which it raised, 0 if there is none."""
    if isinstance(raised, SyntaxError) and raised.filename == name:
        return raised.lineno or 0
    lines, frame = [0], raised.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == name:
            lines.append(frame.tb_lineno)
        frame = frame.tb_next
    return lines[-1]


def described(raised: BaseException) -> str:
    try:
        text = str(raised.msg if isinstance(raised, SyntaxError) else raised)
    except BaseException:  # its own __str__ is student code too
        text = ""
    return short(f"{type(raised).__name__}: {text}" if text else type(raised).__name__)


def short(text: str) -> str:
    return text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…"


def packed(outcomes: dict[str, Outcome]) -> dict[str, dict]:
    """Outcomes as plain values, their texts short."""
    return {
        name: vars(one)
        | {
            "detail": short(one.detail),
            "error": short(one.error),
            "where": [short(line) for line in one.where[-MOST_LINES:]],
            "warned": [short(text) for text in one.warned[:MOST_LINES]],
            "returned": short(one.returned),
            "kinds": [short(name) for name in one.kinds[:MOST_LINES]],
        }
        for name, one in outcomes.items()
    }
