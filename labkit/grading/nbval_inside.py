"""The process that runs notebooks for the nbval step: loads everything once, then one fork after another.

It runs nothing of a student's itself. For each notebook it forks pytest, which forks the kernel, so that
Python, torch and pytest are loaded once for many notebooks. In a sandbox every such fork has a world of
its own (sandbox/inner.py): nothing one notebook leaves behind, no file, no process, meets the next. pytest
is process 1 there, so the kernel cannot end it, and the world ends with it.

Where there is no fork, nbval starts a kernel in the ordinary way, and this process does one notebook.
"""

import contextlib
import gc
import importlib
import json
import os
import shutil
import signal
import struct
import tempfile
from pathlib import Path

import nbformat
import nbval.plugin
import pytest
from ipykernel.iostream import OutStream
from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp
from ipykernel.zmqshell import ZMQInteractiveShell
from jupyter_client.blocking import BlockingKernelClient
from nbval.kernel import RunningKernel
from traitlets import default
from traitlets.config import Config

from labkit.grading import wire
from labkit.grading.child import packet, set_limits, silence
from labkit.grading.limits import MOST_SHOWN
from labkit.grading.sandbox import bwrap, inner
from labkit.grading.sandbox.inner import BROKEN, NO_WORLD
from labkit.grading.sandbox.seccomp import close_memory, end_with_parent, refuse_processes

NAME = "notebook.ipynb"


def main() -> None:
    """Do jobs that come from standard input, write packets to what was standard output."""
    jobs, channel = os.dup(0), os.dup(1)
    silence(0, 1)
    first = wire.receive(jobs)
    if first["sandbox"]:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Python's own handler is the one way to reach process 1
    for module in first["load"] if first["fork"] else ():
        importlib.import_module(module)
    nbformat.validate(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("")]))  # reads the schema once
    gc.collect()
    gc.freeze()
    packet(channel, wire.READY)
    if not first["fork"]:
        packet(channel, wire.DONE, struct.pack(">q", here(first | wire.receive(jobs), channel)))
        return
    if first["sandbox"] and not first["worlds"]:  # then this sandbox is for one job
        packet(channel, wire.DONE, struct.pack(">q", seen_to(first, jobs, channel, bwrap.HOME)))
        return
    while wire.comes(jobs):
        status = in_a_fork(first, jobs, channel)
        packet(channel, wire.DONE, struct.pack(">q", status))
        if status in (BROKEN, NO_WORLD):  # perhaps it has not read its job to the end
            break


def in_a_fork(first: dict, jobs: int, channel: int) -> int:
    """Let a fork see to the next job. Returns the job's exit status.

    Nothing of the job passes through this process: what has been in its memory, the next student's code could find in
    its own.
    """
    folder = "" if first["sandbox"] else tempfile.mkdtemp(prefix="notebook-")
    pid = os.fork()
    if pid == 0:
        status = BROKEN
        try:
            silence(2)
            status = seen_to(first, jobs, channel, folder)
        finally:
            os._exit(status)  # at once: threads and atexit handlers have no later
    _, status = os.waitpid(pid, 0)
    if folder:
        shutil.rmtree(folder, ignore_errors=True)
    return os.waitstatus_to_exitcode(status)


def seen_to(first: dict, jobs: int, channel: int, folder: str) -> int:
    """Let a fork do the next job, and pass on what it writes. Returns its exit status."""
    read, write = os.pipe()

    def do() -> int:
        os.close(read)
        os.close(channel)
        job = first | wire.receive(jobs)
        os.close(jobs)
        return tested(job, write, Path(folder or bwrap.HOME))

    def pass_on() -> None:
        os.close(write)
        while chunk := os.read(read, wire.CHUNK):
            packet(channel, wire.DATA, chunk)

    if first["sandbox"] and first["worlds"]:
        return inner.in_a_world(do, first["work"], pass_on)
    pid = os.fork()
    if pid == 0:
        status = BROKEN
        try:
            os.setpgid(0, 0)
            end_with_parent()
            if first["sandbox"]:
                close_memory()
            status = do()
        finally:
            os._exit(status)
    pass_on()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status) % 256


def here(job: dict, channel: int) -> int:
    """Do the job in this process."""
    record = Path(tempfile.mkdtemp(prefix="notebook-")) / "record"
    status = run_pytest(job, str(record), record.parent)
    if record.exists():
        data = record.read_bytes()
        for start in range(0, len(data), wire.CHUNK):
            packet(channel, wire.DATA, data[start : start + wire.CHUNK])
    shutil.rmtree(record.parent, ignore_errors=True)
    return status


def tested(job: dict, write: int, folder: Path) -> int:
    """Fork the kernel, then test the notebook with it. Returns pytest's exit status."""
    set_limits(job["memory"], job["file"], job["cpu"])
    sockets = tempfile.mkdtemp(prefix="kernel-")
    info = {"transport": "ipc", "ip": f"{sockets}/s", "key": os.urandom(16).hex(), "signature_scheme": "hmac-sha256"}
    info |= {f"{name}_port": port for port, name in enumerate(("shell", "iopub", "stdin", "hb", "control"), 1)}
    pid = os.fork()
    if pid == 0:
        try:
            os.closerange(3, 1024)  # the way back is not the kernel's
            end_with_parent()
            if job["sandbox"]:
                refuse_processes()
            become_kernel(info, Path(sockets, "kernel.json"), folder)
        finally:
            os._exit(BROKEN)
    if job["sandbox"]:
        refuse_processes()
    nbval.plugin.RunningKernel = lambda *args, **options: Forked(pid, info, job["start"])
    return run_pytest(job, str(write), folder)


def run_pytest(job: dict, record: str, folder: Path) -> int:
    """Test the notebook; the record takes a line a cell. Returns pytest's exit status."""
    (folder / NAME).write_text(job["notebook"], encoding="utf-8")
    settings = Path(tempfile.mkdtemp(prefix="pytest-"), "pytest.ini")
    settings.write_text("[pytest]\n", encoding="utf-8")
    os.chdir(folder)
    options = [
        *("-q", "--color=no", "--assert=plain", "--noconftest", "-c", settings, "--rootdir", folder, NAME),
        *("-p", "nbval.plugin", "-p", "labkit.books.record", "-p", "no:cacheprovider", "-p", "no:faulthandler"),
        *("--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout", "1e6", "--capture=no"),
        *("--labkit-record", record, "--labkit-cell-seconds", job["cell"], "--labkit-seconds", job["seconds"]),
    ]
    return int(pytest.main([str(option) for option in options]))


class Forked(RunningKernel):
    """A kernel that this process has forked itself, as nbval uses one."""

    km = None

    def __init__(self, pid: int, info: dict, seconds: float):
        self.pid = pid
        self.kc = BlockingKernelClient()
        self.kc.load_connection_info(info)
        self.kc.start_channels(hb=False)
        self.await_reply(self.kc.kernel_info(), timeout=seconds)
        self._ensure_iopub_up()

    def is_alive(self) -> bool:
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        except ChildProcessError:  # stopped
            return False

    def interrupt(self) -> None:
        os.kill(self.pid, signal.SIGINT)

    def stop(self) -> None:
        self.kc.stop_channels()
        if self.is_alive():
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)

    @property
    def language(self) -> str:
        return "python"


def become_kernel(info: dict, file: Path, folder: Path) -> None:
    """Be an IPython kernel in `folder`, until something ends this process."""
    os.chdir(folder)
    file.write_text(json.dumps(info), encoding="utf-8")
    settings = Config()
    settings.IPKernelApp.outstream_class = f"{__name__}.Capped"
    settings.HistoryManager.enabled = False
    settings.IPKernelApp.kernel_class = Kernel
    app = IPKernelApp.instance(connection_file=str(file), config=settings)
    app.initialize([])
    app.start()


class Shell(ZMQInteractiveShell):
    """IPython in which a line for the system's shell does nothing: no processes, and no network for pip."""

    def system(self, cmd: str) -> None:
        pass

    system_piped = system_raw = system

    def getoutput(self, cmd: str, split: bool = True, depth: int = 0) -> object:
        return [] if split else ""


class Kernel(IPythonKernel):
    """A kernel with this IPython."""

    @default("shell_class")
    def _shell_class(self) -> type:
        return Shell


class Capped(OutStream):
    """A stream that keeps the first characters of a cell's output and forgets the rest."""

    cell, left = None, 0

    def write(self, string: str) -> int:
        cell = self.parent_header.get("msg_id")
        if cell != self.cell:
            self.cell, self.left = cell, MOST_SHOWN
        kept = string[: self.left] if isinstance(string, str) else string
        self.left -= len(kept) if isinstance(string, str) else 0
        if kept or not isinstance(string, str):
            super().write(kept)
        return len(string)
