"""`labkit check`: a learner's notebook from the top, told exercise by exercise."""

import os
import signal
import subprocess
import sys
import time

import pytest
from small_course import by_id, code, make_course, notebook, small_notebook, stub

from labkit import asked
from labkit.books import notebook as books
from labkit.books import run, show
from labkit.books.graft import put_answers
from labkit.errors import CommandError

RIGHT_SIZE = """
def output_size(size, kernel, stride=1, padding=0):
    if kernel > size + 2 * padding:
        raise ValueError("too large")
    return (size + 2 * padding - kernel) // stride + 1
"""
ALL_AXES = "def zero_pad(x, padding):\n    return np.pad(x, padding)"


def learners_notebook():
    """One right, one wrong, one untouched, one broken by a slip, and an experiment that fails."""
    book = put_answers(small_notebook(checks=True), {"output_size": RIGHT_SIZE, "zero_pad": ALL_AXES}, {})
    by_id(book, "check-zero_pad").metadata.tags = ["raises-exception"]
    book.cells += [
        code(stub("same_padding")),
        code("check(same_padding)"),
        code("def corr2d(image, kernel)\n    return image", labkit={"exercise": "corr2d"}),
        code("check(corr2d)", labkit={"check": "corr2d"}),
        code("no_such_name + 1"),
        code("1 / 0", tags=["raises-exception"]),
        code("check(output_size)"),
    ]
    return book


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """The result of a run, the notebook's bytes before and after, and how often progress was told."""
    path = make_course(tmp_path_factory.mktemp("run") / "course", learners_notebook()) / "notebooks/lab02_small.ipynb"
    before, calls = path.read_bytes(), []
    result = run.run_notebook(path, progress=calls.append)
    return result, before, path.read_bytes(), calls


def verdict(result, exercise):
    return next(one for one in result.verdicts if one.exercise == exercise)


def test_every_exercise_of_the_lab_is_told(told):
    result = told[0]
    assert [one.exercise for one in result.verdicts] == [one.name for one in asked.exercises() if one.lab == "lab02"]
    assert [one.points for one in result.verdicts] == [one.points for one in asked.exercises() if one.lab == "lab02"]


def test_right_wrong_and_not_yet_are_told_apart(told):
    result = told[0]
    assert verdict(result, "output_size") == run.Verdict("output_size", 1, "right")
    assert verdict(result, "same_padding") == run.Verdict("same_padding", 1, "not yet")
    wrong = verdict(result, "zero_pad")  # although a tag told nbval to expect an error
    assert wrong.state == "wrong" and wrong.why.startswith("You padded every axis")


def test_a_slip_and_a_missing_check_are_told(told):
    result = told[0]
    assert verdict(result, "corr2d").state == "wrong"
    assert verdict(result, "corr2d").why == "NameError: name 'corr2d' is not defined"
    missing = verdict(result, "conv2d_forward")
    assert (missing.state, missing.why) == ("not run", "There is no check(conv2d_forward) in the notebook.")


def test_cells_that_are_no_checks_are_told_where_they_fail(told):
    result = told[0]
    assert len(result.failed) == 2
    assert result.failed[0].startswith("the cell of corr2d raised SyntaxError: ")
    assert result.failed[1] == (
        "the cell that begins with `no_such_name + 1` raised NameError: name 'no_such_name' is not defined"
    )


def test_the_file_is_not_changed_and_progress_is_told(told):
    result, before, after, calls = told
    assert before == after
    assert calls == sorted(calls) and max(calls) > 0
    assert (result.status, result.trouble) == (1, "")


def test_status_needs_everything_right():
    right, wrong = run.Verdict("a", 1, "right"), run.Verdict("a", 1, "wrong", "why")
    assert run.Result([right], []).status == 0
    assert run.Result([right], ["a cell failed"]).status == 1
    assert run.Result([right, wrong], []).status == 1
    assert run.Result([right], [], "Stopped.").status == 2


def test_the_table_reads_as_plain_text(told, tmp_path, capsys):
    show.result(tmp_path / "lab02_small.ipynb", told[0])
    text = capsys.readouterr().out
    row = next(line for line in text.splitlines() if "same_padding" in line)
    assert "not yet" in row and "1" in row
    lab02 = [one for one in asked.exercises() if one.lab == "lab02"]
    assert f"1 of {len(lab02)} exercises right, 1 of {sum(one.points for one in lab02)} points." in text
    assert "no_such_name + 1" in text


def without_torch(*cells):
    """A notebook whose checks are never reached, so that it starts at once."""
    return notebook(*cells, code("check(zero_pad)", labkit={"check": "zero_pad"}))


STOPS = {
    "a dead kernel": ("import os\nos._exit(1)", {}, "the kernel died"),
    "a loop deaf to signals": (
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
        {"cell_seconds": 2},
        "a cell took longer than 2 s",
    ),
    "a long notebook": ("import time\ntime.sleep(60)", {"seconds": 6}, "the notebook took longer than 6 s"),
}


@pytest.mark.parametrize("source, limits, why", STOPS.values(), ids=STOPS)
def test_a_run_that_does_not_end_is_ended(tmp_path, source, limits, why):
    path = tmp_path / "lab02_small.ipynb"
    books.write(path, without_torch(code(source)))
    start = time.monotonic()
    result = run.run_notebook(path, **limits)
    assert time.monotonic() - start < 40
    assert result.status == 2
    begins = source.splitlines()[0]
    assert result.trouble == (
        f"Stopped: {why}, in the cell that begins with `{begins}`. What comes after it was not run."
    )
    assert {one.state for one in result.verdicts} == {"not run"}
    assert verdict(result, "zero_pad").why == ""


def test_a_kernel_that_does_not_start_is_told(tmp_path, monkeypatch):
    """Here because another program stands in its place."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "ipykernel_launcher.py").write_text("raise SystemExit(3)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "elsewhere"))
    path = tmp_path / "lab02_small.ipynb"
    books.write(path, without_torch(code("1")))
    result = run.run_notebook(path)
    assert result.status == 2
    assert result.trouble.startswith("Nothing was run, because no kernel could be started: Kernel died")
    assert {one.state for one in result.verdicts} == {"not run"} and result.failed == []


def test_a_notebook_of_no_lab_gives_a_sentence(tmp_path):
    path = tmp_path / "mine.ipynb"
    books.write(path, notebook(code("1")))
    with pytest.raises(CommandError, match="mine.ipynb is no lab of this course"):
        run.run_notebook(path)


def test_a_notebook_without_code_gives_a_sentence(tmp_path):
    path = tmp_path / "lab02_small.ipynb"
    books.write(path, notebook())
    with pytest.raises(CommandError, match="holds no code"):
        run.run_notebook(path)


def test_names_and_settings_of_the_place_and_of_the_person_do_not_matter(tmp_path, monkeypatch):
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    for name in ("conftest.py", "test_mine.py", "random.py", "__init__.py"):
        (tmp_path / name).write_text("raise RuntimeError('not loaded')\n")
    books.write(tmp_path / "lab02_other.ipynb", notebook(code("1 / 0")))
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    path = tmp_path / "lab02 [mine] (1).ipynb"
    books.write(path, notebook(code("def f(:"), code("1", labkit={"exercise": "zero_pad"})))
    result = run.run_notebook(path)
    assert len(result.failed) == 1
    assert result.failed[0].startswith("the cell that begins with `def f(:` raised SyntaxError")


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent otherwise on Windows")
def test_ctrl_c_stops_the_kernel_too(tmp_path):
    path, pid = tmp_path / "lab02_small.ipynb", tmp_path / "pid"
    source = f"import os, pathlib, time\npathlib.Path({str(pid)!r}).write_text(str(os.getpid()))\ntime.sleep(60)"
    books.write(path, without_torch(code(source)))
    process = subprocess.Popen(
        [sys.executable, "-m", "labkit", "check", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        wait_for(lambda: pid.exists() and pid.read_text())
        os.killpg(process.pid, signal.SIGINT)
        _, words = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert words == "labkit check: stopped.\n"
    wait_for(lambda: not alive(int(pid.read_text())))


def wait_for(true, seconds=40):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
