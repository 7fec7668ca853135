"""The command line: what is asked, what is answered, and the exit status."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nbformat
import numpy as np
import pytest
from small_course import ARGS, SOLUTIONS, code, make_course, notebook, prose, stub

import labkit
from labkit import asked, cli
from labkit.books import notebook as books
from labkit.checks import matrix as matrices
from labkit.references import reference


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A small course, with the current folder inside it."""
    root = make_course(tmp_path / "course")
    monkeypatch.chdir(root / "notebooks")
    return root


def run(capsys, *words):
    """(exit status, stdout, stderr) of a command run in this process."""
    status = cli.main(list(words))
    out, err = capsys.readouterr()
    return status, out, err


# the command itself -----------------------------------------------------------------------------


def test_version_and_help(capsys):
    for words, told in ((["--version"], f"labkit {labkit.__version__}"), (["--help"], "release")):
        with pytest.raises(SystemExit) as left:
            cli.main(words)
        assert left.value.code == 0
        assert told in capsys.readouterr().out


def test_without_a_command_the_help_is_shown_and_nothing_was_done(capsys):
    status, out, err = run(capsys)
    assert (status, out) == (2, "")
    assert all(name in err for name in ("check", "solve", "tidy", "release", "mistakes", "grade"))


def test_an_unknown_command_is_told(capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["chekc"])
    assert left.value.code == 2
    assert "chekc" in capsys.readouterr().err


def test_python_m_labkit_is_the_command():
    done = subprocess.run([sys.executable, "-m", "labkit", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"labkit {labkit.__version__}\n"


def test_asking_for_help_loads_nothing_heavy():
    heavy = "{'torch', 'nbformat', 'rich'} & set(sys.modules)"
    source = f"import sys; from labkit import cli; cli.main([]); print(sorted({heavy}))"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_ctrl_c_is_one_sentence(capsys, course, monkeypatch):
    def interrupted(paths):
        raise KeyboardInterrupt

    monkeypatch.setattr("labkit.books.tidy.tidy_files", interrupted)
    assert run(capsys, "tidy") == (130, "", "labkit tidy: stopped.\n")


NO_COURSE = [["check", "2"], ["solve"], ["solve", "--check"], ["tidy"], ["release", "bundle"]]


@pytest.mark.parametrize("words", NO_COURSE, ids=" ".join)
def test_outside_of_a_course_a_sentence_says_so(capsys, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    status, out, err = run(capsys, *words)
    assert (status, out) == (2, "")
    assert err.startswith(f"labkit {words[0]}: No course folder found") and err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


# check ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words, told",
    [
        (["7"], "There is no notebook for lab07"),
        (["conv"], "'conv' is no lab"),
        (["none.ipynb"], "none.ipynb does not exist"),
        (["../labkit/__init__.py"], "is no lab"),
    ],
)
def test_check_tells_what_it_cannot_find(capsys, course, words, told):
    status, out, err = run(capsys, "check", *words)
    assert (status, out) == (2, "") and told in err


@pytest.mark.parametrize("seconds", ["0", "-1", "soon"])
def test_check_wants_a_time_that_can_pass(capsys, seconds):
    with pytest.raises(SystemExit) as left:
        cli.main(["check", "2", "--seconds", seconds])
    assert left.value.code == 2
    assert "--seconds" in capsys.readouterr().err


def test_check_runs_the_notebook_of_a_lab(capsys, course):
    books.write(
        course / "notebooks/lab02_small.ipynb", notebook(code("1"), code("check(zero_pad)"), prose("The end."))
    )
    status, out, err = run(capsys, "check", "2")
    assert (status, err) == (1, "")
    assert "NameError: name 'check' is not defined" in " ".join(out.split())
    lab02 = [one for one in asked.exercises() if one.lab == "lab02"]
    assert f"0 of {len(lab02)} exercises right, 0 of {sum(one.points for one in lab02)} points." in out


# tidy -------------------------------------------------------------------------------------------


def test_tidy_without_names_takes_all_notebooks(capsys, course):
    path = course / "notebooks" / "lab02_small.ipynb"
    clean = path.read_text()
    book = books.read(path)
    book.cells[1].execution_count = 3
    nbformat.write(book, path)
    assert run(capsys, "tidy") == (0, "lab02_small.ipynb: tidied\n", "")
    assert path.read_text() == clean
    assert run(capsys, "tidy") == (0, "lab02_small.ipynb: was tidy\n", "")
    assert run(capsys, "tidy", "lab02_small.ipynb") == (0, "lab02_small.ipynb: was tidy\n", "")


def test_tidy_refuses_an_answer_in_a_sentence(capsys, course):
    path = course / "notebooks" / "lab02_small.ipynb"
    book = books.read(path)
    book.cells[2].source = "def zero_pad(x, padding):\n    return x"
    nbformat.write(book, path)
    before = path.read_bytes()
    status, out, err = run(capsys, "tidy")
    assert (status, out) == (2, "")
    assert err.startswith("labkit tidy: lab02_small.ipynb, cell 3: this is the cell of zero_pad, and it no longer")
    assert path.read_bytes() == before


# solve ------------------------------------------------------------------------------------------


def test_solve_then_solve_check(capsys, course):
    status, out, err = run(capsys, "solve", "--check")
    assert (status, out) == (1, "")
    assert err == "solutions/lab02_small.ipynb: there is no reference notebook yet.\n"
    assert run(capsys, "solve", "lab02") == (0, "solutions/lab02_small.ipynb: written.\n", "")
    good = "solutions/lab02_small.ipynb: is notebook + solutions, and was run.\n"
    assert run(capsys, "solve", "--check") == (0, good, "")
    changed = SOLUTIONS.replace("raise ValueError", "raise  ValueError")
    (course / "solutions" / "lab02_small.py").write_text(changed)
    status, out, err = run(capsys, "solve", "--check", "2")
    assert (status, out) == (1, "") and "cell exercise-output_size: its source differs" in err


def test_solve_tells_of_solutions_without_a_notebook(capsys, course):
    (course / "solutions" / "lab09_lost.py").write_text("")
    status, _, err = run(capsys, "solve", "--check")
    assert status == 1 and "solutions/lab09_lost.py: there is no notebook of this name" in err


def test_solve_needs_solutions(capsys, course):
    (course / "solutions" / "lab02_small.py").unlink()
    status, out, err = run(capsys, "solve")
    assert (status, out) == (2, "") and "There are no solutions at" in err


# mistakes ---------------------------------------------------------------------------------------


def test_mistakes_prints_the_matrix(capsys):
    status, out, err = run(capsys, "mistakes", "zero_pad")
    assert (status, err) == (0, "")
    row = next(line for line in out.splitlines() if "empty_slice_at_zero" in line)
    assert row.split()[1:] == ["·", "·", "·", "·", "✓", "·"]
    assert "5 padding 0: an empty slice at padding 0" in out
    assert "Every mistake is rejected and named" in out


@pytest.mark.parametrize("what", ["zero_pod", "lab99", "99"])
def test_mistakes_of_nothing_known(capsys, what):
    status, out, err = run(capsys, "mistakes", what)
    assert (status, out) == (2, "") and "is neither a lab nor an exercise" in err


def test_a_useless_case_and_a_mistake_that_passes_are_told(capsys, monkeypatch):
    """The matrix of an exercise with a case that rejects nothing, a right 'mistake' and a misnamed one."""
    exercise = asked.exercise("same_padding")
    cases = exercise.inputs(np.random.default_rng(0))
    lame = replace(exercise, inputs=lambda rng: {**cases, "kernel 0": replace(cases["kernel 1"], args={"kernel": 1})})
    true = reference(exercise)
    first = true.mistakes[0]
    passing = replace(first, name="no_mistake", answers=(true.answer,))
    doubled = replace(first, name="another_name")
    poor = replace(true, mistakes=(first, passing, doubled))
    for module in ("labkit.references", "labkit.checks.matrix"):
        monkeypatch.setattr(f"{module}.reference", lambda exercise: poor)
    problems = matrices.matrix(lame).problems()
    assert "no_mistake passes every case." in problems
    assert f"another_name is rejected, but named {first.name}." in problems
    assert "the case 'kernel 0' rejects no mistake." in problems
    monkeypatch.setattr(asked, "exercises", lambda: [lame])
    status, out, _ = run(capsys, "mistakes")
    assert status == 1 and "same_padding: no_mistake passes every case." in " ".join(out.split())


# grade ------------------------------------------------------------------------------------------


def test_grade_hands_over_what_was_asked(monkeypatch, tmp_path):
    given = {}
    monkeypatch.setattr("labkit.grading.commands.grade", lambda args: given.update(vars(args)) or 7)
    words = ["grade", "in", "--out", "grades", "--labs", "lab02", "lab03", "--workers", "2", "--course", str(tmp_path)]
    assert cli.main(words) == 7
    assert given["submissions"] == Path("in") and given["out"] == Path("grades")
    assert (given["labs"], given["workers"], given["course"]) == (["lab02", "lab03"], 2, str(tmp_path))
    assert (given["sandbox"], given["nbval"], given["points"], given["dask"]) == ("auto", True, "judge", None)


def test_every_stub_of_the_small_course_is_asked_for():
    """The small course stands on real exercises; this says which name is gone if one is."""
    assert set(ARGS) <= {one.name for one in asked.exercises()}
    assert all(books.stub_marker(stub(name)) for name in ARGS)
