"""The student bundle: what is in it, what is not, and that nothing is left behind where it is refused."""

import subprocess

import nbformat
import pytest
from small_course import SOLUTIONS, make_course, small_notebook

from labkit import cli
from labkit.books import notebook as books
from labkit.books.graft import put_answers
from labkit.books.leaks import leaks
from labkit.books.release import release
from labkit.books.solutions import read_solutions
from labkit.errors import CommandError

FILES = [
    "LICENSE",
    "Makefile",
    "README.md",
    "constraints.txt",
    "course.py",
    "environment.yml",
    "labkit/__init__.py",
    "notebooks/lab02_small.ipynb",
    "pyproject.toml",
]


@pytest.fixture
def course(tmp_path):
    return make_course(tmp_path / "course")


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def litter(course):
    """What lies about in a course that somebody works in."""
    for name in (
        "labkit/__pycache__/x.pyc",
        "labkit/.secret.py",
        "labkit/answers.txt",
        "notebooks/.ipynb_checkpoints/lab02_small-checkpoint.ipynb",
        "notebooks/Untitled.ipynb",
        "notebooks/my_answers.py",
        "docs/instructors.md",
        "tests/test_x.py",
        "benchmarks/speed.py",
        "CONTRIBUTING.md",
    ):
        path = course / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n")


def test_the_bundle_holds_what_it_promises_and_nothing_else(course, tmp_path):
    litter(course)
    told = release(course, tmp_path / "bundle")
    assert files_in(tmp_path / "bundle") == FILES == sorted(map(str, told))
    assert (tmp_path / "bundle/README.md").read_text() == "# For students\n"
    for name in ("course.py", "notebooks/lab02_small.ipynb"):
        assert (tmp_path / "bundle" / name).read_bytes() == (course / name).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle", "course"]


def test_under_git_only_what_git_knows_is_handed_out(course, tmp_path, capsys):
    subprocess.run(["git", "init", "-q", course], check=True)
    subprocess.run(["git", "-C", course, "add", "."], check=True)
    litter(course)
    (course / "labkit" / "stray.py").write_text("a student's name\n")
    assert cli.main(["release", str(tmp_path / "bundle"), "--course", str(course)]) == 0
    assert "Left out, because git does not know them: labkit/stray.py.\n" in capsys.readouterr().out
    assert files_in(tmp_path / "bundle") == FILES
    (course / "labkit" / "__init__.py").unlink()
    with pytest.raises(CommandError, match="lacks labkit/__init__.py. Only files known to git"):
        release(course, tmp_path / "again")


def test_an_empty_folder_is_used_a_full_one_refused(course, tmp_path):
    (tmp_path / "empty").mkdir()
    release(course, tmp_path / "empty")
    assert files_in(tmp_path / "empty") == FILES
    with pytest.raises(CommandError, match="is not empty"):
        release(course, tmp_path / "empty")
    assert files_in(tmp_path / "empty") == FILES


@pytest.mark.parametrize("place", ["notebooks/bundle", "labkit/a/b", "solutions/x", "docs", "."])
def test_a_place_inside_the_course_is_refused(course, place):
    before = files_in(course)
    with pytest.raises(CommandError, match="own folder|not empty"):
        release(course, course / place)
    assert files_in(course) == before


def test_a_file_and_a_place_that_cannot_be_written_are_refused(course, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(CommandError, match="is a file"):
        release(course, tmp_path / "file")
    with pytest.raises(CommandError, match="cannot be written to"):
        release(course, tmp_path / "file" / "bundle")
    assert (tmp_path / "file").read_text() == "mine"


def spoil_notebook(course, change):
    path = course / "notebooks" / "lab02_small.ipynb"
    book = books.read(path)
    change(book)
    nbformat.write(book, path)


def with_outputs(book):
    book.cells[1].outputs = [nbformat.v4.new_output("stream", text="1")]


def with_an_answer(book):
    book.cells[2].source = "def zero_pad(x, padding):\n    return x"


def with_loose_metadata(book):
    book.cells[1].metadata.collapsed = True


UNREADY = {
    with_outputs: "has outputs",
    with_an_answer: "no longer holds its stub",
    with_loose_metadata: "canonical form",
}


@pytest.mark.parametrize("change", UNREADY, ids=lambda change: change.__name__)
def test_a_notebook_that_is_not_ready_is_refused(course, tmp_path, change):
    spoil_notebook(course, change)
    with pytest.raises(CommandError, match=UNREADY[change]):
        release(course, tmp_path / "bundle")
    assert [path.name for path in tmp_path.iterdir()] == ["course"]


@pytest.mark.parametrize("name", ["Makefile", "LICENSE", "docs/README-student.md", "notebooks/lab02_small.ipynb"])
def test_a_missing_part_is_named(course, tmp_path, name):
    (course / name).unlink()
    with pytest.raises(CommandError, match="lacks " + ("notebooks/lab" if "notebooks" in name else name)):
        release(course, tmp_path / "bundle")


def test_links_and_a_course_without_solutions_are_refused(course, tmp_path):
    (course / "LICENSE").unlink()
    (course / "LICENSE").symlink_to("/etc/hostname")
    with pytest.raises(CommandError, match="LICENSE is a link"):
        release(course, tmp_path / "bundle")
    (course / "solutions" / "lab02_small.py").unlink()
    with pytest.raises(CommandError, match="There are no solutions in"):
        release(course, tmp_path / "bundle")


def test_the_command_says_what_it_wrote(course, tmp_path, capsys):
    assert cli.main(["release", str(tmp_path / "bundle"), "--course", str(course)]) == 0
    out = capsys.readouterr().out
    assert "9 files, with the notebooks lab02_small.ipynb. No solution is in it." in out
    assert cli.main(["release", str(tmp_path / "bundle"), "--course", str(course)]) == 2
    assert "is not empty" in capsys.readouterr().err


# leaks ------------------------------------------------------------------------------------------

ZERO_PAD = SOLUTIONS[SOLUTIONS.index("def zero_pad") : SOLUTIONS.index("def output_size")]
LEAKS = {
    "the function itself": ("labkit/x.py", ZERO_PAD, "holds the solution of zero_pad"),
    "under other names": (
        "labkit/x.py",
        ZERO_PAD.replace("zero_pad", "fast").replace("padding", "p").replace("frame", "f").replace("x", "image"),
        "holds the solution of zero_pad",
    ),
    "as a method, with types": (
        "labkit/x.py",
        "class A:\n    @staticmethod\n"
        + "\n".join("    " + line for line in ZERO_PAD.replace("(x, padding)", "(x, padding: int)").splitlines()),
        "holds the solution of zero_pad",
    ),
    "as text in a README": ("docs/README-student.md", "> " + ZERO_PAD, "the text of the solution of zero_pad"),
    "commented with other indents": (
        "labkit/x.md",
        "\n".join("\t" + line + "\n# why" for line in ZERO_PAD.splitlines()[2:]),
        "the text of the solution of zero_pad",
    ),
    "a one-line body": (
        "labkit/x.py",
        "def halve(n):\n    return n // 2\n",
        "holds the solution of same_padding",
    ),
    "a model answer": (
        "labkit/x.md",
        "The frame is\nmade of zeros, and a frame of width one adds two *rows* and two columns to every image. Well.",
        "holds the model answer lab02-prediction",
    ),
}


@pytest.mark.parametrize("name, text, told", LEAKS.values(), ids=LEAKS)
def test_a_leak_stops_the_release_and_leaves_nothing(tmp_path, name, text, told):
    course = make_course(tmp_path / "course", solutions=SOLUTIONS + "\n\ndef same_padding(k):\n    return k // 2\n")
    (course / name).write_text(text)
    with pytest.raises(CommandError) as refused:
        release(course, tmp_path / "bundle")
    shown = "README.md" if "README" in name else name
    assert f"{shown} {told}" in str(refused.value).replace(" holds the text", " the text").replace("\\", "/")
    assert [path.name for path in tmp_path.iterdir()] == ["course"]


def test_a_solution_in_a_notebook_cell_is_found(tmp_path):
    course = make_course(tmp_path / "course")
    solutions = read_solutions(course / "solutions" / "lab02_small.py")
    (tmp_path / "bundle").mkdir()
    plain = small_notebook()
    books.write(tmp_path / "bundle" / "lab02_small.ipynb", plain)
    assert leaks(tmp_path / "bundle", solutions) == []
    done = put_answers(plain, {"zero_pad": solutions.functions["zero_pad"]}, solutions.answers)
    books.write(tmp_path / "bundle" / "lab02_small.ipynb", done)
    told = leaks(tmp_path / "bundle", solutions)
    assert "lab02_small.ipynb holds the solution of zero_pad." in told
    assert "lab02_small.ipynb holds the model answer lab02-prediction." in told


def test_another_function_of_the_same_size_is_no_leak(tmp_path):
    (tmp_path / "x.py").write_text("def halve(n):\n    return n // 3\n\n\ndef size(a, b):\n    return b + 2 * a\n")
    solutions = make_course(tmp_path / "course") / "solutions" / "lab02_small.py"
    solutions.write_text("def same_padding(k):\n    return k // 2\n\n\ndef f(a, b):\n    return a + 2 * b\n")
    (tmp_path / "bundle").mkdir()
    (tmp_path / "x.py").rename(tmp_path / "bundle" / "x.py")
    assert leaks(tmp_path / "bundle", read_solutions(solutions)) == []
