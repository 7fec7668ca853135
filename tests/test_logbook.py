"""The learner's logbook: kept through crashes, shown by progress(), never read by a grader."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest
from test_one_wrong import answers_of

import labkit
from labkit import asked, checks, cli, logbook
from labkit.books import places
from labkit.books.kernel import ThisKernel

HOUSE = Path(__file__).resolve().parent.parent


@pytest.fixture
def notebook(monkeypatch, tmp_path):
    """As in a notebook that runs in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(logbook, "in_notebook", lambda: True)
    monkeypatch.setattr(logbook, "told", [])
    monkeypatch.setattr(checks, "tried", set())
    return tmp_path


def state(name: str) -> str:
    return logbook.Progress(tuple(asked.exercises()), logbook.entries()).state(asked.exercise(name))


def wrong_padding(kernel):
    return kernel // 2


def right_padding(kernel):
    if kernel % 2 == 0:
        raise ValueError("even")
    return kernel // 2


def check_quietly(function) -> None:
    try:
        labkit.check(function, "same_padding")
    except labkit.CheckFailed:
        pass


def test_checks_hints_and_solutions_are_noted(notebook, capsys):
    assert state("same_padding") == "not yet"
    labkit.hint("same_padding")
    check_quietly(wrong_padding)
    check_quietly(wrong_padding)
    assert state("same_padding") == "tried 2 times, last: even kernel accepted, 1 hint"
    check_quietly(right_padding)
    labkit.reveal("same_padding", HOUSE / "notebooks")
    assert state("same_padding") == "right, 1 hint, solution read"
    check_quietly(wrong_padding)
    assert state("same_padding").startswith("tried 4 times")


def test_progress_shows_labs_points_and_what_is_next(notebook, capsys):
    check_quietly(right_padding)
    capsys.readouterr()
    labkit.progress()
    told = capsys.readouterr().out
    assert "lab02" in told and "right   1 of 6" in told and "points  1 of 11" in told
    assert "next: output_size: not yet" in told
    html = logbook.Progress(tuple(asked.exercises()), logbook.entries())._repr_html_()
    assert "<li>same_padding: right</li>" in html


def test_a_line_cut_short_by_a_crash_costs_itself_alone(notebook):
    check_quietly(right_padding)
    file = Path(logbook.FILE)
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole + whole[:length])
        logbook.note(asked.exercise("corr2d"), "hint")
        found = logbook.entries()
        assert found["same_padding"].verdict == "right" and found["corr2d"].hints == 1


@pytest.mark.parametrize("line", [b"", b"{}", b"[]", b"7", b"\xff\xfe", b'{"exercise": null, "event": []}', b"null"])
def test_damaged_lines_are_passed_over(notebook, line):
    logbook.note(asked.exercise("corr2d"), "hint")
    with open(logbook.FILE, "ab") as file:
        file.write(line + b"\n")
    logbook.note(asked.exercise("corr2d"), "hint")
    assert logbook.entries()["corr2d"].hints == 2
    labkit.progress()


def test_two_kernels_can_write_at_once(tmp_path):
    code = (
        "import sys; from labkit import asked, logbook; logbook.in_notebook = lambda: True\n"
        "for _ in range(200): logbook.note(asked.exercise(sys.argv[1]), 'hint')"
    )
    names = ("corr2d", "zero_pad")
    env = {**os.environ, "PYTHONPATH": str(HOUSE)}
    running = [subprocess.Popen([sys.executable, "-c", code, name], cwd=tmp_path, env=env) for name in names]
    assert [one.wait() for one in running] == [0, 0]
    assert {name: entry.hints for name, entry in logbook.entries(tmp_path).items()} == dict.fromkeys(names, 200)


def test_where_it_cannot_be_written_a_sentence_says_so_once(notebook, capsys):
    Path(logbook.FILE).mkdir()
    check_quietly(right_padding)
    check_quietly(right_padding)
    told = capsys.readouterr().out
    assert told.count("Your progress is not kept") == 1 and told.count("same_padding is right") == 2


def test_outside_notebooks_nothing_is_written(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    check_quietly(right_padding)
    labkit.hint("corr2d")
    assert not list(tmp_path.iterdir())


def test_a_try_counts_after_a_restart_of_the_kernel(notebook, capsys, monkeypatch):
    check_quietly(wrong_padding)
    monkeypatch.setattr(checks, "tried", set())  # as in a new kernel
    labkit.reveal("same_padding", HOUSE / "notebooks")
    assert "def same_padding" in capsys.readouterr().out


@pytest.mark.parametrize("strict", [False, True])
def test_a_real_kernel_keeps_it_unless_a_grader_runs_it(tmp_path, monkeypatch, strict):
    monkeypatch.setenv("PYTHONPATH", str(HOUSE))
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)
    monkeypatch.setenv("LABKIT_STRICT", "1" if strict else "0")
    source = "from labkit import check\n" + answers_of("lab02")["same_padding"] + "\ncheck(same_padding)"
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    settings = {"kernel_manager_class": ThisKernel, "kernel_name": "python3"}
    nbclient.NotebookClient(book, **settings, resources={"metadata": {"path": tmp_path}}).execute()
    lines = [json.loads(line) for file in tmp_path.glob(logbook.FILE) for line in file.open(encoding="utf-8")]
    assert [(one["exercise"], one["event"]) for one in lines] == ([] if strict else [("same_padding", "right")])


def test_a_forged_logbook_earns_nothing(tmp_path):
    handed_in = tmp_path / "in" / "anna"
    handed_in.mkdir(parents=True)
    shutil.copy(places.notebook_of(HOUSE, "lab02"), handed_in)
    lines = [json.dumps({"exercise": one.name, "event": "right"}) for one in asked.exercises()]
    (handed_in / logbook.FILE).write_text("\n".join(lines) + "\n")
    out = tmp_path / "out"
    assert cli.main(["grade", str(tmp_path / "in"), "--out", str(out), "--labs", "2", "--course", str(HOUSE)]) == 0
    (row,) = csv.DictReader((out / "gradebook.csv").open(encoding="utf-8-sig"))
    assert float(row["total"]) == 0, row
