"""A pytest plugin: writes down what nbval finds, cell by cell, and ends a run that hangs.

Cells are told apart by their own metadata and source, never by their number. nbval alone waits a
whole cell time-out for a kernel that has died; here a thread looks every half second.
"""

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from labkit.books.notebook import checked_by, exercise_of, labkit_metadata
from labkit.books.run import STOPPED

LONGEST = 4000  # characters of an error
FOREVER = 1e9


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("labkit", "labkit check")
    group.addoption(
        "--labkit-record",
        metavar="FILE",
        type=lambda word: int(word) if word.isdigit() else word,
        help="where to write one JSON object a line, one line a cell: a file, or the number of an open descriptor",
    )
    group.addoption("--labkit-only", metavar="NAME", help="in the folder given, collect this file and no other")
    group.addoption("--labkit-cell-seconds", type=float, default=FOREVER, help="longest time for one cell")
    group.addoption("--labkit-seconds", type=float, default=FOREVER, help="longest time for everything")


def pytest_configure(config: pytest.Config) -> None:
    config.labkit_deadline = time.monotonic() + config.option.labkit_seconds


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out all but one file, which pytest itself cannot be given where its name holds brackets."""
    only = config.option.labkit_only
    here = config.invocation_params.dir
    return None if only is None or collection_path in (here, here / only) else True


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Dir:
    """Every folder is a plain one: an __init__.py in it is not imported."""
    return pytest.Dir.from_parent(parent, path=path)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item):
    over = threading.Event()
    threading.Thread(target=watch, args=(item, over), daemon=True).start()
    replies = listen(item.parent.kernel)
    try:
        result = yield
        # A kernel at the end of its memory or threads can lose the error among its outputs; nbval looks only there.
        if replies and replies[-1]["status"] == "error" and not errors(item):
            raise AssertionError(f"{replies[-1].get('ename')}: {replies[-1].get('evalue')}")
        return result
    finally:
        over.set()


def listen(kernel) -> list[dict]:
    """A list that takes what the kernel replies to each cell from now on."""
    replies = []
    if kernel is not None:
        get = type(kernel).get_message

        def get_message(*args, **keywords):
            message = get(kernel, *args, **keywords)
            if message["msg_type"] == "execute_reply":
                replies.append(message["content"])
            return message

        kernel.get_message = get_message
    return replies


def errors(item: pytest.Item) -> list:
    """The errors among a cell's outputs."""
    return [out for out in item.test_outputs or [] if out.output_type == "error"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    report = yield
    if call.when == "call" or (call.when == "setup" and call.excinfo is not None):
        note(item, report.outcome, call)
    return report


def note(item: pytest.Item, outcome: str, call: pytest.CallInfo) -> None:
    """Write the line of one cell.

    A check cell that shows an error has failed, also where a tag told nbval to expect errors. In the
    setup of a cell, all that can fail is the start of the kernel.
    """
    line = described(item)
    if call.when == "setup":
        write(item, line | {"outcome": "stopped", "error": "start", "text": str(call.excinfo.value)})
        return
    error = next(iter(errors(item)), None)
    if error is not None and (outcome == "failed" or line["check"]):
        line |= {"outcome": "failed", "error": error["ename"], "text": error["evalue"]}
    else:
        text = str(call.excinfo.value) if call.excinfo is not None else ""
        line |= {"outcome": outcome, "error": "", "text": text}
    write(item, line)


def described(item: pytest.Item) -> dict[str, object]:
    """Which cell it is, and what it is for."""
    cell = item.cell
    return {
        "notebook": item.path.name,
        "cell": cell.get("id", item.name),
        "begins": (cell.source.strip().splitlines() or [""])[0],
        "exercise": exercise_of(cell),
        "check": labkit_metadata(cell).get("check") or checked_by(cell),
    }


def write(item: pytest.Item, line: dict[str, object]) -> None:
    record = item.config.option.labkit_record
    with open(record, "a", encoding="utf-8", closefd=isinstance(record, str)) as file:
        file.write(json.dumps(line | {key: str(line[key])[:LONGEST] for key in ("error", "text", "begins")}) + "\n")


def watch(item: pytest.Item, over: threading.Event) -> None:
    """End the run when the kernel has died or the time is up."""
    end_of_cell = time.monotonic() + item.config.option.labkit_cell_seconds
    while not over.wait(0.5):
        now = time.monotonic()
        kernel = item.parent.kernel
        if kernel is None or not kernel.is_alive():
            stopped = "died"
        elif now > end_of_cell:
            stopped = "cell"
        elif now > item.config.labkit_deadline:
            stopped = "total"
        else:
            continue
        if over.is_set():
            return
        write(item, described(item) | {"outcome": "stopped", "error": stopped, "text": ""})
        end(kernel)


def end(kernel) -> None:
    """Kill the kernel at once, whatever its code does with signals, and leave pytest."""
    provisioner = getattr(getattr(kernel, "km", None), "provisioner", None)
    if provisioner is not None:
        pid = getattr(provisioner, "pid", None)
        if pid and kernel.is_alive():
            os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        kernel.km.cleanup_connection_file()
    os._exit(STOPPED)
