"""Batches of `labkit grade`: the journal, going on after a kill, settings, executors."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool

import killing
import pytest
from submissions import HOUSE, NAMES, PLAIN, POINTS, RIGHT, WRONG, book, put
from test_grading import Grades, graded, snapshot, threads

from labkit import cli
from labkit.errors import CommandError
from labkit.grading import batch, crew, job, settings
from labkit.grading.journal import Journal, key_of
from labkit.grading.warm import Stopped
from labkit.grading.record import Cell, Found, Graded, Handed, graded_from, handed_from, to_json
from labkit.grading.settings import Settings

posix = pytest.mark.skipif(os.name != "posix", reason="processes and signals as POSIX has them")


class Noting(Executor):
    """Does each job at once, and keeps its key."""

    def __init__(self):
        self.keys = []

    def submit(self, function, one):
        self.keys.append(one.key)
        future = Future()
        future.set_result(function(one))
        return future


def noted(submissions, out, **more):
    """Grade, and tell how many jobs there were."""
    notes = Noting()
    graded(submissions, out, hire=lambda: notes, **more)
    return len(notes.keys)


# Going on ----------------------------------------------------------------------------------------


@posix
def test_killed_again_and_again_it_ends_with_the_same_bytes(tmp_path):
    """`python tests/killing.py` does this with 200 submissions, 20 kills and the sandbox."""
    found = killing.compare(tmp_path, 5, kills=1, workers=2, level="none")
    assert found["same bytes"] and found["killed"]["killed"] == 1
    assert found["killed"]["repeated"] <= 2
    assert found["alone"]["begun"] == found["killed"]["begun"] - found["killed"]["repeated"] == 5


def test_only_what_has_changed_is_run_again(tmp_path):
    for student in ("ana", "ben", "cem"):
        put(tmp_path / "in", student, book(after=[f"me = {student!r}"]))
    assert noted(tmp_path / "in", tmp_path / "out") == 3
    assert noted(tmp_path / "in", tmp_path / "out") == 0
    put(tmp_path / "in", "ben", book(corr2d=WRONG["corr2d"]))
    again = book(after=["me = 'cem'"])  # as it was, but run and saved
    for cell in again.cells:
        if cell.cell_type == "code":
            cell.execution_count = 7
    put(tmp_path / "in", "cem", again)
    assert noted(tmp_path / "in", tmp_path / "out") == 1
    assert Grades(tmp_path / "out").lost("ben") == {"corr2d"}
    assert noted(tmp_path / "in", tmp_path / "out", limits=batch.Settings().limits) == 0


def test_the_same_code_twice_is_run_once(tmp_path):
    put(tmp_path / "in", "ana", book())
    put(tmp_path / "in", "ben", book())
    assert noted(tmp_path / "in", tmp_path / "out") == 1
    grades = Grades(tmp_path / "out")
    assert grades.lost("ana") == grades.lost("ben") == set()


def test_a_student_who_is_gone_is_gone_from_the_gradebook_and_comes_back_at_no_cost(tmp_path):
    put(tmp_path / "in", "ana", book())
    path = put(tmp_path / "in", "ben", book(corr2d=WRONG["corr2d"]))
    graded(tmp_path / "in", tmp_path / "out")
    kept = path.read_bytes()
    path.unlink()
    path.parent.rmdir()
    assert noted(tmp_path / "in", tmp_path / "out") == 0
    assert [row["student"] for row in Grades(tmp_path / "out").rows] == ["ana"]
    put(tmp_path / "in", "ben", kept)
    assert noted(tmp_path / "in", tmp_path / "out") == 0
    assert Grades(tmp_path / "out").lost("ben") == {"corr2d"}


def test_two_graders_on_one_folder_do_not_mix(tmp_path):
    put(tmp_path / "in", "ana", PLAIN)
    graded(tmp_path / "in", tmp_path / "out")
    before = snapshot(tmp_path / "out")
    with Journal(tmp_path / "out"):
        for words in (["grade", str(tmp_path / "in"), "--out", str(tmp_path / "out")], ["report", str(tmp_path / "out")]):
            code = "import sys; from labkit.cli import main; sys.exit(main(sys.argv[1:]))"
            words = [sys.executable, "-c", code, *words, "--course", str(HOUSE)]
            words += ["--sandbox", "none"] if "grade" in words else []
            done = subprocess.run(words, env=killing.environment(), capture_output=True, text=True)
            assert done.returncode == 2 and "Another grader works on" in done.stderr
    assert snapshot(tmp_path / "out") == before


def test_a_damaged_journal_is_refused_and_kept(tmp_path):
    put(tmp_path / "in", "ana", PLAIN)
    graded(tmp_path / "in", tmp_path / "out")
    path = tmp_path / "out" / "journal.sqlite"
    path.write_bytes(b"not a database, but longer than a header of one, so that it is read" * 20)
    with pytest.raises(CommandError, match="is damaged .* Move it away"):
        graded(tmp_path / "in", tmp_path / "out")
    assert path.read_bytes().startswith(b"not a database")


# Workers that are lost ---------------------------------------------------------------------------


class Breaking(Executor):
    """Loses its workers at each job in `at`, as a process pool does; does the others when it is asked."""

    def __init__(self, at, log):
        self.at, self.log, self.broken = at, log, False

    def submit(self, function, one):
        if self.broken:
            raise BrokenProcessPool("gone")
        self.log.append(one)
        future = Future()
        if len(self.log) in self.at:
            self.broken = True
            future.set_exception(BrokenProcessPool("gone"))
        else:
            future.set_result(function(one))
        return future


def fates(count, at, monkeypatch):
    """What becomes of so many jobs when workers are lost at the starts `at`: results, and all starts."""
    monkeypatch.setattr(crew, "do", lambda one: Graded("lab02", "none", notes=(str(one),)))
    log = []
    made = [Job(number) for number in range(count)]
    found = list(crew.results(iter(made), lambda: Breaking(at, log), 2))
    return {one.number: result for one, result in found}, [one.number for one in log]


class Job:
    lab, level, points = "lab02", "none", "judge"

    def __init__(self, number):
        self.number = number


@pytest.mark.parametrize("error", [EOFError, ConnectionRefusedError])
def test_workers_that_do_not_start_are_told(error):
    """As where torch cannot be loaded: what workers are forks of ends, and with it each that is asked for."""

    class Absent(Executor):
        def submit(self, function, one):
            raise error

    found = dict(crew.results([Job(0), Job(1), Job(2)], Absent, 2))
    assert [result.trouble for result in found.values()] == [crew.LOST_TWICE] * 3


def test_a_job_that_is_lost_with_its_worker_is_done_once_more(monkeypatch):
    found, started = fates(6, {3}, monkeypatch)
    assert sorted(found) == list(range(6)) and not any(one.trouble for one in found.values())
    assert len(started) <= 6 + 2  # what the lost worker had


def test_a_job_that_is_lost_twice_is_told_and_the_others_go_on(monkeypatch):
    found, started = fates(6, {3, 4}, monkeypatch)
    assert sorted(found) == list(range(6))
    lost = [number for number, one in found.items() if one.trouble]
    assert len(lost) == 1 and "lost twice" in found[lost[0]].trouble


@posix
def test_a_worker_that_is_killed_costs_nothing(tmp_path):
    """With real processes: the pool breaks, and all are graded in the end."""
    for number in range(4):
        put(tmp_path / "in", f"s{number}", book(after=[f"x = {number}"]))
    killed = []

    def progress(done, of):
        if done == 1 and not killed:
            for process in crew.multiprocessing.active_children():
                killed.append(process.pid)
                process.kill()

    grades = graded(tmp_path / "in", tmp_path / "out", hire=lambda: crew.processes(1), progress=progress)
    assert killed and all(grades.lost(f"s{number}") == set() for number in range(4))


def test_to_be_stopped_is_passed_on(monkeypatch):
    monkeypatch.setattr(crew, "do", lambda one: (_ for _ in ()).throw(Stopped))
    with pytest.raises(Stopped):
        list(crew.results(iter([Job(1)]), threads(), 2))


# Values ------------------------------------------------------------------------------------------


def test_what_is_kept_comes_back_as_it_was():
    found = Found("corr2d", "wrong", 0.5, "é\n", "m", "s", "p", "t", ("zero_pad",))
    one = Graded("lab02", "bwrap", "nbval", (found,), ("n",), ("f",), (Cell("x", "a", "b", "failed", "t"),), "w", "t")
    assert graded_from(json.loads(json.dumps(to_json(one)))) == one
    other = Handed("lab02", "a.ipynb", "2026-10-01T10:00:00+02:00", {"lab02-write-up": "yes"}, ("f",))
    assert handed_from(json.loads(json.dumps(to_json(other)))) == other
    assert other.time.isoformat() == other.at


def test_no_two_lists_of_parts_share_a_key():
    lists = [[b"ab", b"c"], [b"a", b"bc"], [b"abc"], [b"abc", b""], [b"", b"abc"], []]
    assert len({key_of(one) for one in lists}) == len(lists)


def test_everything_a_result_depends_on_is_in_the_key():
    first = job.Job("lab02", ("a",), frozenset("b"), b"s", "none")
    others = [
        job.Job("lab03", ("a",), frozenset("b"), b"s", "none"),
        job.Job("lab02", ("a", ""), frozenset("b"), b"s", "none"),
        job.Job("lab02", ("a",), frozenset("c"), b"s", "none"),
        job.Job("lab02", ("a",), frozenset("b"), b"t", "none"),
        job.Job("lab02", ("a",), frozenset("b"), b"s", "bwrap"),
        job.Job("lab02", ("a",), frozenset("b"), b"s", "none", batch.Settings().limits.__class__(calls=9)),
        job.Job("lab02", ("a",), frozenset("b"), b"s", "none", helpers={"a": "b"}),
        job.Job("lab02", ("a",), frozenset("b"), b"s", "none", notebook="n"),
        job.Job("lab02", ("a",), frozenset("b"), b"s", "none", points="nbval"),
        job.Job("lab02", ("a",), frozenset("b"), b"s", "none", course="c"),
    ]
    assert len({one.key for one in [first, *others]}) == 1 + len(others)


# Errors carried forward --------------------------------------------------------------------------

CALLING = """
def conv2d_forward(x, w, b=None, stride=1, padding=0):
    x = zero_pad(x, padding)
    N, C, H, W = x.shape
    F, C, KH, KW = w.shape
    if KH > H or KW > W:
        raise ValueError("the kernel is larger than the image")
    OH, OW = (H - KH) // stride + 1, (W - KW) // stride + 1
    out = np.zeros((N, F, OH, OW), dtype=x.dtype)
    for i in range(OH):
        for j in range(OW):
            window = x[:, :, i * stride : i * stride + KH, j * stride : j * stride + KW]
            out[:, :, i, j] = np.tensordot(window, w, axes=([1, 2, 3], [1, 2, 3]))
    return out if b is None else out + b[:, None, None]
"""


def test_an_error_is_not_counted_twice(tmp_path):
    put(tmp_path / "in", "both", book(zero_pad=WRONG["zero_pad"], conv2d_forward=WRONG["conv2d_forward"]))
    put(tmp_path / "in", "calls", book(zero_pad=WRONG["zero_pad"], conv2d_forward=CALLING))
    put(tmp_path / "in", "right", book(conv2d_forward=CALLING))
    grades = graded(tmp_path / "in", tmp_path / "out")
    assert grades.lost("right") == set() and grades.lost("calls") == {"zero_pad"}
    assert grades.lost("both") == {"zero_pad", "conv2d_forward"}
    one = grades.graded("calls").found[NAMES.index("conv2d_forward")]
    assert one.carried == ("zero_pad",) and "right zero_pad in place of yours" in one.text


def test_how_much_of_it_is_kept_is_the_instructors(tmp_path):
    put(tmp_path / "in", "ana", book(zero_pad=WRONG["zero_pad"], conv2d_forward=CALLING))
    graded(tmp_path / "in", tmp_path / "out")
    (tmp_path / "half.toml").write_text("[errors]\ncarried_forward = 0.5\n[points]\nconv2d_forward = 10\n")
    words = ["report", str(tmp_path / "out"), "--course", str(HOUSE)]
    assert cli.main([*words, "--config", str(tmp_path / "half.toml")]) == 0
    row = Grades(tmp_path / "out").by_name["ana"]
    assert row["lab02.conv2d_forward"] == "5"
    assert float(row["max"]) == sum(POINTS.values()) - POINTS["conv2d_forward"] + 10
    assert cli.main(words) == 0
    assert Grades(tmp_path / "out").by_name["ana"]["lab02.conv2d_forward"] == str(POINTS["conv2d_forward"])


def test_a_right_helper_tells_the_student_nothing(tmp_path):
    """What an answer says while it stands next to a solution goes nowhere."""
    spy = f"""
import inspect

def conv2d_forward(x, w, b=None, stride=1, padding=0):
    code = zero_pad.__code__
    print("CODE", code.co_names, code.co_consts)
    raise ValueError(f"CODE {{code.co_code.hex()}} {{code.co_varnames}}")
"""
    put(tmp_path / "in", "ana", book(zero_pad=WRONG["zero_pad"], conv2d_forward=spy))
    grades = graded(tmp_path / "in", tmp_path / "out")
    namespace = {}
    exec("import numpy as np\n" + RIGHT["zero_pad"], namespace)
    told = grades.feedback("ana")
    assert "CODE" in told and namespace["zero_pad"].__code__.co_code.hex() not in told


# Settings ----------------------------------------------------------------------------------------

BAD = {
    "[point]\nx = 1": "point is not known here; did you mean points",
    "[points]\nconv2d_foward = 1": "did you mean conv2d_forward",
    "[points]\ncorr2d = -1": "expected a number from 0 to 1000",
    "[points]\ncorr2d = true": "expected a number",
    "points = 3": "write [points]",
    "[deadlines]\nlab02 = 2026-10-01T10:00:00": "an offset",
    "[deadlines]\nlab2 = 2026-10-01T10:00:00Z": "did you mean lab0",
    "[late]\ndays = 3": "needs both",
    "[late]\ndays = 3\npercent_a_day = 101": "from 0 to 100",
    "[extensions]\nana = 3": "[extensions.ana]",
    "[limits]\nmemory = 5": "memory is not known here",
    "[limits]\ncalls = 0": "from 0.1 to 3600",
    "[errors]\ncarried_forward = 2": "from 0 to 1",
    "[points\n": "is no TOML",
}


@pytest.mark.parametrize("text", BAD)
def test_settings_that_cannot_be_meant_are_refused_with_the_place(tmp_path, text):
    (tmp_path / "course.toml").write_text(text)
    with pytest.raises(CommandError) as error:
        settings.read(tmp_path / "course.toml")
    assert BAD[text] in str(error.value) and "course.toml" in str(error.value)


def test_lateness():
    text = """
[deadlines]
lab02 = 2026-10-01T12:00:00+02:00
[late]
percent_a_day = 10
days = 3
[extensions."Ana B."]
lab02 = 2026-10-02T12:00:00+02:00
"""
    one = settings.parsed(text, "x")
    at = settings.datetime.fromisoformat
    kept = [one.kept("ben", "lab02", at(f"2026-10-0{day}T10:{minute}:00+00:00")) for day, minute in
            ((1, "00"), (1, "01"), (2, "00"), (2, "01"), (4, "00"), (4, "01"))]  # fmt: skip
    assert kept == [1, 0.9, 0.9, 0.8, pytest.approx(0.7), 0]
    assert one.kept("Ana B.", "lab02", at("2026-10-02T10:00:00+00:00")) == 1
    assert one.kept("ben", "lab02", None) == 1 and one.kept("ben", "lab03", at("2030-01-01T00:00:00Z")) == 1
    assert Settings().kept("ben", "lab02", at("2030-01-01T00:00:00Z")) == 1


# Dask --------------------------------------------------------------------------------------------


@posix
def test_a_dask_worker_that_is_killed_costs_nothing(tmp_path):
    """A real scheduler and two worker processes, of which one is killed while it grades."""
    distributed = pytest.importorskip("distributed", reason="the extra `dask` is not installed")
    for number in range(6):
        put(tmp_path / "in", f"s{number}", book(after=[f"x = {number}"]))
    pids, killed = {}, []
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, worker_dashboard_address=None
    ) as cluster:
        with distributed.Client(cluster, set_as_default=False) as client:
            pids.update(client.run(os.getpid))

        def progress(done, of):
            if done == 1 and not killed:
                killed.append(next(iter(pids.values())))
                os.kill(killed[0], signal.SIGKILL)

        grades = graded(
            tmp_path / "in", tmp_path / "out", hire=lambda: crew.dask(cluster.scheduler_address), progress=progress
        )
    assert killed and all(grades.lost(f"s{number}") == set() for number in range(6))


def test_no_dask_scheduler_is_told(tmp_path):
    pytest.importorskip("distributed", reason="the extra `dask` is not installed")
    put(tmp_path / "in", "ana", PLAIN)
    words = ["grade", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--course", str(HOUSE)]
    began = time.monotonic()
    assert cli.main([*words, "--sandbox", "none", "--dask", "tcp://127.0.0.1:9"]) == 2
    assert time.monotonic() - began < 60
