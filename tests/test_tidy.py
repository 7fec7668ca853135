"""The canonical form of a student's notebook, and what tidy refuses."""

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_course import by_id, code, notebook, prose, stub

from labkit.books import notebook as books
from labkit.books.tidy import tidied, tidy, tidy_files
from labkit.errors import CommandError


def messy():
    """What JupyterLab saves after somebody has worked in it."""
    run = code("print(1)", tags=["nbval-ignore-output"], collapsed=True, execution={"iopub": "now"})
    run.execution_count = 7
    run.outputs = [nbformat.v4.new_output("stream", text="1\n")]
    book = notebook(
        prose("# Title of the lab\n\ntext"),
        run,
        code(stub("zero_pad"), tags=["hard"], editable=True),
        code("check(zero_pad)"),
        prose("*Write here.*", tags=["answer"], labkit={"answer": "lab02-prediction"}),
        prose("# Title of the lab\n\ntext"),
        code("  \n"),
    )
    book.metadata = nbformat.from_dict({"kernelspec": {"name": "mine", "display_name": "Mine"}, "widgets": {}})
    return book


def test_tidy_brings_a_notebook_into_the_one_form():
    done = tidy(messy(), "lab02")
    assert done.metadata == {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "labkit": {"lab": "lab02"},
        "language_info": {"name": "python"},
    }
    assert [(cell.id, cell.metadata) for cell in done.cells] == [
        ("text-title-of-the-lab-text", {"deletable": False}),
        ("code-print-1", {"deletable": False, "tags": ["nbval-ignore-output"]}),
        (
            "exercise-zero_pad",
            {"deletable": False, "labkit": {"exercise": "zero_pad"}, "tags": ["exercise", "hard"]},
        ),
        (
            "check-zero_pad",
            {"deletable": False, "editable": False, "labkit": {"check": "zero_pad"}, "tags": ["check"]},
        ),
        (
            "answer-lab02-prediction",
            {"deletable": False, "labkit": {"answer": "lab02-prediction"}, "tags": ["answer"]},
        ),
        ("text-title-of-the-lab-text-2", {"deletable": False}),
    ]
    assert by_id(done, "code-print-1").outputs == []
    assert by_id(done, "code-print-1").execution_count is None
    nbformat.validate(done)


def test_tidy_leaves_what_it_is_given_as_it_was():
    book = messy()
    before = nbformat.writes(book)
    tidy(book, "lab02")
    assert nbformat.writes(book) == before


names = st.sampled_from(["", "title", "setup-1", "0a1b2c3d", "exercise-zero_pad", "check-x", "text-a"])
sources = st.text(alphabet="ab #\n`é_", max_size=20)


@given(st.lists(st.tuples(st.sampled_from(["code", "markdown", "raw"]), names, sources), max_size=6))
def test_tidying_twice_is_tidying_once(cells):
    made = [{"cell_type": kind, "id": cell_id, "metadata": {}, "source": text} for kind, cell_id, text in cells]
    book = nbformat.from_dict({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    once = tidy(book, "lab02")
    assert tidy(once, "lab02") == once
    assert len({cell.id for cell in once.cells}) == len(once.cells)
    nbformat.validate(once)


ANSWERED = "def zero_pad(x, padding):\n    return x"
REFUSED = {
    "answered": (code(ANSWERED, labkit={"exercise": "zero_pad"}), "no longer holds its stub"),
    "answered, tag only": (code(ANSWERED, tags=["exercise"]), "no longer holds its stub"),
    "broken": (code("def zero_pad(:", labkit={"exercise": "zero_pad"}), "no longer holds its stub"),
    "code above the raise": (
        code(stub("zero_pad").replace("    raise", "    y = x\n    raise")),
        "more than its docstring",
    ),
    "unknown": (code(stub("zero_pad").replace("zero_pad", "zero_pod")), "no exercise is called 'zero_pod'"),
    "wrong lab": (code(stub("zero_pad").replace("Lab 2", "Lab 3")), 'expected "Lab 2: zero_pad"'),
    "wrong name": (code(stub("zero_pad").replace("2: zero_pad", "2: pad")), 'expected "Lab 2: zero_pad"'),
    "unknown check": (code("check(zero_pod)"), "no exercise is called 'zero_pod'"),
    "edited check": (code("check(zero_pad, 3)", labkit={"check": "zero_pad"}), "holds check(name) and nothing"),
    "answer without id": (prose("Here.", tags=["answer"]), "an id of its own"),
    "answer of another lab": (prose("Here.", labkit={"answer": "lab03-a"}), "an id of its own"),
    "answer in code": (code("1", labkit={"answer": "lab02-a"}), "an id of its own"),
}


@pytest.mark.parametrize("cell, told", REFUSED.values(), ids=REFUSED)
def test_tidy_refuses(cell, told):
    with pytest.raises(CommandError, match="cell 2: ") as refused:
        tidy(notebook(prose("# Title"), cell), "lab02")
    assert told in str(refused.value)


def test_tidy_refuses_an_exercise_of_another_lab_and_one_that_is_there_twice():
    with pytest.raises(CommandError, match="zero_pad is an exercise of lab02, and this is lab03"):
        tidy(notebook(code(stub("zero_pad").replace("Lab 2", "Lab 3"))), "lab03")
    with pytest.raises(CommandError, match="exercise zero_pad is there twice"):
        tidy(notebook(code(stub("zero_pad")), code(stub("zero_pad"))), "lab02")


def test_a_class_of_stubs_is_a_stub():
    source = "class Linear:\n" + "\n".join(
        f'    def {name}(self, x):\n        """Words."""\n        raise NotImplementedError("Lab 8: Linear")'
        for name in ("forward", "backward")
    )
    assert books.stub_marker(source) == ("Linear", "Lab 8: Linear", True)
    assert books.stub_marker(source.replace("def forward", "gain = 2\n    def forward"))[2] is False
    assert books.stub_marker(source.replace('raise NotImplementedError("Lab 8: Linear")', "return x", 1)) is None


def test_tidy_files_rewrites_in_place_and_only_what_changes(tmp_path):
    path = tmp_path / "lab02_small.ipynb"
    nbformat.write(messy(), path)
    path.chmod(0o640)
    assert tidy_files([path]) == [path]
    text = path.read_text()
    assert text == books.text(tidied(path)) and text.endswith("}\n")
    assert path.stat().st_mode & 0o777 == 0o640
    assert tidy_files([path]) == []
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_tidy_files_writes_none_if_one_is_refused(tmp_path):
    good, bad = tmp_path / "lab02_a.ipynb", tmp_path / "lab02_b.ipynb"
    nbformat.write(messy(), good)
    nbformat.write(notebook(code(ANSWERED, tags=["exercise"])), bad)
    before = good.read_bytes(), bad.read_bytes()
    with pytest.raises(CommandError, match="lab02_b.ipynb, cell 1"):
        tidy_files([good, bad])
    assert (good.read_bytes(), bad.read_bytes()) == before
