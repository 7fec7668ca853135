"""`labkit solve`: reference notebooks are made, and proved to be notebook + solutions."""

import nbformat
import pytest
from small_course import SOLUTIONS, by_id, code, make_course, notebook, small_notebook

from labkit.books import notebook as books
from labkit.books import solve
from labkit.books.tidy import tidy

WIDGET = solve.WIDGET


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    """A course whose reference was written by solve."""
    root = make_course(tmp_path_factory.mktemp("solved") / "course")
    assert solve.solve(root, root / "notebooks" / "lab02_small.ipynb") == []
    return root


def test_solve_writes_the_reference_with_its_outputs(solved):
    done = books.read(solved / "solutions" / "lab02_small.ipynb")
    assert by_id(done, "exercise-zero_pad").source.startswith("# Zeros all round.\n# Only on")
    assert by_id(done, "answer-lab02-prediction").source.startswith("The frame is")
    assert by_id(done, "code-print-6-7").outputs[0].text == "42\n"
    assert by_id(done, "code-import-os-print-os-path-basename").outputs[0].text == "solutions\n"
    assert all(cell.execution_count for cell in done.cells if cell.cell_type == "code")
    plain = books.read(solved / "notebooks" / "lab02_small.ipynb")
    assert [cell.metadata for cell in done.cells] == [cell.metadata for cell in plain.cells]
    assert done.metadata == plain.metadata
    assert sorted(path.name for path in (solved / "solutions").iterdir()) == ["lab02_small.ipynb", "lab02_small.py"]


def test_a_fresh_reference_is_proved_by_source_alone(solved):
    assert solve.differences(solved, solved / "notebooks" / "lab02_small.ipynb") == []
    assert solve.stray_solutions(solved) == []


def spoil_source(book):
    by_id(book, "exercise-zero_pad").source += "\n"


def spoil_prose(book):
    by_id(book, "text-a-small-lab").source = "# Another lab"


def spoil_count(book):
    by_id(book, "code-print-6-7").execution_count = None


def spoil_output(book):
    by_id(book, "code-print-6-7").outputs = [nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])]


def spoil_tags(book):
    by_id(book, "code-print-6-7").metadata.tags = ["nbval-skip"]


def spoil_length(book):
    del book.cells[-1]


def spoil_metadata(book):
    book.metadata.kernelspec.name = "other"


SPOILT = {
    spoil_source: "cell exercise-zero_pad: its source differs",
    spoil_prose: "cell text-a-small-lab: its source differs",
    spoil_count: "cell code-print-6-7 (after exercise output_size): it was not run.",
    spoil_output: "cell code-print-6-7 (after exercise output_size): its saved output is an error.",
    spoil_tags: "its metadata differs",
    spoil_length: "the reference has 6 cells, expected 7.",
    spoil_metadata: "the notebook's metadata differ.",
}


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__)
def test_a_reference_that_differs_is_told(solved, tmp_path, spoil):
    root = make_course(tmp_path / "course")
    book = books.read(solved / "solutions" / "lab02_small.ipynb")
    spoil(book)
    nbformat.write(book, root / "solutions" / "lab02_small.ipynb")
    told = solve.differences(root, root / "notebooks" / "lab02_small.ipynb")
    assert len(told) == 1 and SPOILT[spoil] in told[0]


UNFIT = {
    "a solution is missing": (SOLUTIONS.replace("def output_size", "def other"), "no solution for output_size"),
    "nobody asks for it": (SOLUTIONS + "\ndef relu(x):\n    return x\n", "does not ask for relu"),
    "an answer is missing": (SOLUTIONS.replace("lab02-prediction", "lab02-p"), "no model answer for lab02-prediction"),
    "no such question": (SOLUTIONS.replace("lab02-prediction", "lab02-p"), "has no question lab02-p."),
}


@pytest.mark.parametrize("source, told", UNFIT.values(), ids=UNFIT)
def test_solutions_that_do_not_fit_are_told_and_nothing_is_written(tmp_path, source, told):
    root = make_course(tmp_path / "course", solutions=source)
    path = root / "notebooks" / "lab02_small.ipynb"
    assert told in solve.differences(root, path)[0]
    assert told in solve.solve(root, path)[0]
    assert not (root / "solutions" / "lab02_small.ipynb").exists()


def test_a_missing_reference_and_stray_solutions_are_told(tmp_path):
    root = make_course(tmp_path / "course")
    (root / "solutions" / "lab03_gone.py").write_text("")
    assert solve.differences(root, root / "notebooks" / "lab02_small.ipynb") == ["there is no reference notebook yet."]
    assert [path.name for path in solve.stray_solutions(root)] == ["lab03_gone.py"]


@pytest.mark.parametrize(
    "body, told",
    [
        ("    return np.zeros(no_such_name)", "NameError: name 'no_such_name' is not defined"),
        ("    import os\n    os._exit(1)", "the kernel died in cell"),
        ("    import time\n    time.sleep(60)", "took longer than 2 s"),
    ],
)
def test_a_cell_that_fails_is_named_and_the_old_reference_stays(tmp_path, body, told):
    book = small_notebook()
    book.cells.insert(3, tidy(notebook(code("zero_pad(np.ones((2, 3)), 1)")), "lab02").cells[0])
    root = make_course(tmp_path / "course", book, SOLUTIONS.replace("    frame =", f"{body}\n    frame ="))
    kept = root / "solutions" / "lab02_small.ipynb"
    kept.write_text("as it was")
    problems = solve.solve(root, root / "notebooks" / "lab02_small.ipynb", seconds_per_cell=2)
    assert len(problems) == 1 and told in problems[0]
    assert "cell code-zero-pad-np-ones-2-3" in problems[0] and "after exercise zero_pad" in problems[0]
    assert kept.read_text() == "as it was"
    assert len(list((root / "solutions").iterdir())) == 2


def test_widgets_are_dropped_where_an_image_stands_beside():
    def shown(**data):
        return nbformat.v4.new_output("display_data", data={k.replace("_", "/"): v for k, v in data.items()})

    plain = notebook(code("one"), code("other"), code("alone"))
    view = {"model_id": "x"}
    together, apart, alone = (nbformat.from_dict(cell) for cell in plain.cells)
    together.outputs = [shown(image_png="AAAA", text_plain="stepper")]
    together.outputs[0].data[WIDGET] = view
    apart.outputs = [shown(text_plain="widget"), shown(image_png="AAAA")]
    apart.outputs[0].data[WIDGET] = view
    alone.outputs = [shown(text_plain="widget")]
    alone.outputs[0].data[WIDGET] = view
    done = solve.slim(notebook(together, apart, alone), plain)
    assert [[sorted(output.data) for output in cell.outputs] for cell in done.cells] == [
        [["image/png", "text/plain"]],
        [["image/png"]],
        [[WIDGET, "text/plain"]],
    ]
