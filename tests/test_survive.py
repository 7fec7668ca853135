"""What grading must survive: every attack in bubblewrap, as the user who runs the tests."""

import os
import secrets
import shutil
import signal
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import survive
from answers import WRONG as ALL_WRONG
from submissions import ATTACKS, HOSTILE, INNOCENT
from submissions import RIGHT as ANSWERS
from test_grading import alive
from test_one_wrong import answers_of
from traces import LEAVE, LOOK, SCAN, folders

from labkit import asked
from labkit.errors import CommandError
from labkit.grading import job, judge, process
from labkit.grading.limits import Limits
from labkit.grading.record import RIGHT
from labkit.grading.sandbox import bwrap, level

NAMES = [*ATTACKS, *INNOCENT, "honest neighbours"]


def unless(reason: str) -> None:
    """Go on unless there is a reason not to; where a sandbox is required, that is a failure."""
    if reason and os.environ.get("LABKIT_REQUIRE_SANDBOX"):
        pytest.fail(f"LABKIT_REQUIRE_SANDBOX is set, and there is no sandbox: {reason}")
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="module")
def as_oneself(tmp_path_factory):
    unless(level.missing())
    rows = survive.survive(tmp_path_factory.mktemp("survive"), "bwrap")
    return {row.attack: row for row in rows}


@pytest.mark.parametrize("name", NAMES)
def test_attacks_as_oneself(as_oneself, name):
    assert not as_oneself[name].broken


def test_without_a_sandbox_what_needs_none_is_survived(tmp_path):
    """Where there is bubblewrap, a few; elsewhere all that may be tried."""
    rows = survive.survive(tmp_path, "none", "" if level.missing() else "forging")
    assert {row.attack for row in rows} <= {*HOSTILE, *INNOCENT, "honest neighbours"} and len(rows) > 20
    assert not [row for row in rows if row.broken]


def test_a_sandbox_that_is_killed_ends_with_all_that_is_in_it():
    unless(level.missing())
    one = judge.question(asked.exercise("corr2d"), b"")
    told = {"cells": ["while True: pass"], "stops": [], "tasks": [one.task]}
    with process.Process(Limits(), "bwrap") as running, running.doing(told):
        assert running.begins()
        inside = below(running.process.pid)
        assert len(inside) >= 2  # the judge, and the child that runs the cell
        running.process.kill()  # bubblewrap alone, as a grader that is killed leaves it
        running.process.wait()
        end = time.monotonic() + 5
        while any(map(alive, inside)) and time.monotonic() < end:
            time.sleep(0.05)
        assert not list(filter(alive, inside))


def below(pid: int) -> list[int]:
    """The processes that a process has started, and those they have."""
    children = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*children, *(one for child in children for one in below(child))]


# The level is chosen by attacks -------------------------------------------------------------------


def chosen(monkeypatch, change):
    """What is said when bubblewrap is started otherwise: `change` gets and gives the words of its command."""
    unless(level.missing())
    whole = bwrap.command
    monkeypatch.setattr(bwrap, "command", lambda world, inner: change(whole(world, inner)))
    level.probe.cache_clear()
    try:
        with pytest.raises(CommandError) as error:
            level.choose("auto")
    finally:
        level.probe.cache_clear()
    assert "--sandbox none" in str(error.value)
    return str(error.value)


def test_a_sandbox_with_a_network_is_refused(monkeypatch):
    said = chosen(monkeypatch, lambda words: [word for word in words if word != "--unshare-net"])
    assert "does not hold here" in said and "connect to this machine" in said


def test_a_sandbox_that_can_write_outside_is_refused(monkeypatch, request):
    place = Path(tempfile.mkdtemp(dir="/var/tmp"))  # each notebook gets a /tmp of its own over what is bound there
    request.addfinalizer(lambda: shutil.rmtree(place))

    class Open(tempfile.TemporaryDirectory):
        """A folder into which others may write, as the one that is bound would be."""

        def __enter__(self):
            os.chmod(self.name, 0o777)
            return self.name

    monkeypatch.setattr("tempfile.tempdir", str(place))
    place.chmod(0o777)
    monkeypatch.setattr("tempfile.TemporaryDirectory", Open)

    def writable(words):
        at = words.index("/dev/shm") + 1
        parents = [word for one in reversed(place.parents[:-2]) for word in ("--perms", "0755", "--dir", str(one))]
        return [*words[:at], *parents, "--bind", str(place), str(place), *words[at:]]

    said = chosen(monkeypatch, writable)
    assert "read a file of yours" in said and "write among your files" in said


def test_a_sandbox_without_its_filter_is_refused(monkeypatch):
    monkeypatch.setattr(
        "labkit.grading.process.BOOT",
        "import sys; sys.path += sys.argv[1:]; from labkit.grading import child; "
        "child.refuse_processes = lambda: None; child.main()",
    )
    said = chosen(monkeypatch, lambda words: words)
    assert "start a process" in said


def test_a_bubblewrap_that_does_not_start_is_refused(monkeypatch):
    assert "There is no sandbox here" in chosen(monkeypatch, lambda words: [words[0], "--no-such-option"])


def test_this_machine_is_held_by_its_sandbox():
    unless(level.missing())
    level.probe.cache_clear()
    assert level.choose("auto") == "bwrap" and level.probe().won == ()


# One process does one notebook after another ------------------------------------------------------


@pytest.mark.parametrize("place", ["none", "bwrap"])
def test_nothing_of_one_notebook_meets_the_next(place):
    if place == "bwrap":
        unless(level.missing())
    theirs, own = (secrets.token_hex(16) for _ in range(2))
    tasks = [judge.question(asked.exercise(name), b"").task for name in ("corr2d", "zero_pad")]
    leave, look = (cell.format(folders=folders(place)) for cell in (LEAVE, LOOK))
    notes = f"def output_size():\n    return {['note:' + theirs] * 500}"
    with process.Process(Limits(), place) as running:
        assert running.collect([notes, leave], tasks).errors == []
        pid = running.process.pid
        again = running.collect([look, SCAN.format(own=own)], tasks)
        assert running.process.pid == pid and running.served == 2
    ((number, _, said),) = again.errors
    assert number == 1 and own in said and theirs not in said


def test_a_process_that_was_ended_between_two_notebooks_costs_neither():
    tasks = [judge.question(asked.exercise("corr2d"), b"").task]
    with process.Process(Limits(start=20), "none") as running:
        running.collect([ANSWERS["corr2d"]], tasks)
        running.process.kill()  # as a machine without memory does
        assert running.collect([ANSWERS["corr2d"]], tasks).answers["corr2d"].trouble == ""
        os.kill(running.process.pid, signal.SIGSTOP)  # and one that is ended when it has its job
        threading.Timer(0.5, running.process.kill).start()
        assert running.collect([ANSWERS["corr2d"]], tasks).answers["corr2d"].trouble == ""
        assert running.served == 1


def test_code_of_many_bytes_is_graded():
    """Of 900,000 characters, each of twelve bytes where it is sent."""
    cell = f"{ANSWERS['corr2d']}\n# {chr(0x1F600) * 900_000}"
    found = process.collect([cell], [judge.question(asked.exercise("corr2d"), b"").task], Limits())
    assert found.answers["corr2d"].cases and not found.lost


# What is not in lab 2 -----------------------------------------------------------------------------


def test_a_list_for_a_tuple_is_right():
    one = next(one for one in asked.lab("lab03").EXERCISES if len(one.returns) > 1 and one.kind == "array")
    source = answers_of("lab03")[one.name]
    cell = f"{source}\n_mine = {one.name}\ndef {one.name}(*args, **keywords):\n    return list(_mine(*args, **keywords))"
    place = "none" if level.missing() else "bwrap"
    found = job.do(job.Job("lab03", (cell,), frozenset(), b"secret", place))
    assert next(one_found for one_found in found.found if one_found.exercise == one.name).state == RIGHT


@pytest.mark.parametrize("name", ALL_WRONG)
def test_no_forged_outcome_stops_the_judge(name):
    """Whatever a child may send: results of other shapes, kinds and names cost this exercise, and are told."""
    one = judge.question(asked.exercise(name), b"secret")
    for array in (np.array(0.0), np.zeros(0), np.full((2, 3), np.nan), np.array(2**62), np.zeros((1,) * 9, complex)):
        for names in (tuple(one.exercise.returns), ("raised",), ()):
            came = {
                str(number): {
                    "outputs": dict.fromkeys(names, array), "fault": "", "detail": "", "error": "", "where": [],
                    "after": {key: value for key, value in case.args.items() if isinstance(value, np.ndarray)},
                    "again": dict.fromkeys(names, array), "warned": [], "returned": "", "kinds": [],
                }
                for number, case in enumerate(one.cases.values())
            }  # fmt: skip
            found = judge.verdict(one, process.Answer(cases=came, small=None), False)
            assert found.state != RIGHT and found.part < 1, (array, names)
