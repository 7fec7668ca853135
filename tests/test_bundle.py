"""The real student bundle: it works on its own, and what it gives away is what instructors are told."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbclient
import pytest

import labkit
from labkit.books import notebook as books
from labkit.books import places
from labkit.books.graft import put_answers
from labkit.books.kernel import ThisKernel
from labkit.books.release import FOLDERS, README, TOP, all_solutions
from labkit.books.solutions import read_solutions

HOUSE = Path(__file__).resolve().parent.parent
PROBE = Path(__file__).with_name("leak_probe.py")
CACHES = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "*.egg-info")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """The bundle as `labkit release` makes it, from a copy of the course without git.

    A copy, so that files not yet known to git are in it too.
    """
    folder = tmp_path_factory.mktemp("release")
    course = folder / "course"
    for name in (*FOLDERS, "solutions"):
        shutil.copytree(HOUSE / name, course / name, ignore=CACHES)
    for name in (*TOP, README):
        (course / name).parent.mkdir(exist_ok=True)
        shutil.copy(HOUSE / name, course / name)
    done = subprocess.run(
        [sys.executable, "-m", "labkit", "release", folder / "bundle", "--course", course],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder / "bundle"


@pytest.fixture(scope="module")
def solved(bundle, tmp_path_factory):
    """A learner's copy of the bundle, by lab: the first exercise solved, the others untouched."""
    found = {}
    for path in places.notebooks(bundle):
        solutions = read_solutions(places.solution_paths(HOUSE, path)[0])
        first = next(iter(solutions.functions))
        done = put_answers(books.read(path), {first: solutions.functions[first]}, {})
        found[places.lab_of(path)] = (first, done)
    return found


def alone(bundle, folder="notebooks", **more):
    """Settings for a process that knows the bundle and nothing else of the course."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("LABKIT", "PYTEST"))}
    return {"cwd": bundle / folder, "env": {**env, "PYTHONPATH": str(bundle)}, "text": True, **more}


def test_the_bundle_holds_the_course_and_no_more(bundle):
    files = {str(path.relative_to(bundle)) for path in bundle.rglob("*") if path.is_file()}
    assert {*TOP, "README.md"} <= files
    assert {path.split("/")[0] for path in files} == {*TOP, "README.md", *FOLDERS}
    wanted = {str(path.relative_to(HOUSE)) for path in (HOUSE / "labkit").rglob("*.py")}
    wanted |= {str(path.relative_to(HOUSE)) for path in (HOUSE / "labkit" / "data").glob("*.npz")}
    wanted |= {f"notebooks/{path.name}" for path in places.notebooks(HOUSE)}
    assert wanted <= files
    assert not [path for path in files if "solution" in Path(path).name.lower() and "books" not in path]


def test_no_line_of_a_solution_that_is_long_enough_to_tell_is_in_the_notebooks(bundle):
    lines = {
        line.strip()
        for source in all_solutions(HOUSE).functions.values()
        for line in source.split('"""')[-1].splitlines()
        if len(line.strip()) > 40
    }
    assert lines
    for path in places.notebooks(bundle):
        text = "\n".join(cell.source for cell in books.read(path).cells)
        assert not [line for line in lines if line in text]


def test_the_readme_names_only_what_is_there(bundle):
    text = (bundle / "README.md").read_text()
    for name in re.findall(r"`([\w/]+\.(?:md|yml|py|ipynb|toml))`", text) + ["LICENSE"]:
        assert (bundle / name).exists() or (bundle / "notebooks" / name).exists(), name
    for path in bundle.glob("*.toml"):
        assert "README" not in path.read_text() or (bundle / "README.md").exists()


def test_the_bundle_can_be_built(bundle, tmp_path):
    """The package builds from the bundle, with its data, by the build tools that are installed."""
    pytest.importorskip("setuptools", minversion="77", reason="setuptools 77 is not installed")
    copy = tmp_path / "bundle"
    shutil.copytree(bundle, copy)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*command, "-w", tmp_path, copy], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    assert {"labkit/cli.py", "labkit/data/mnist-mini.npz", "labkit/data/LICENSES.md"} <= set(names)
    assert "labkit/books/run.py" in names


def test_labkit_is_the_bundles_own(bundle):
    done = subprocess.run(
        [sys.executable, "-c", "import labkit; print(labkit.__file__)"],
        capture_output=True,
        check=True,
        **alone(bundle),
    )
    assert Path(done.stdout.strip()) == bundle / "labkit" / "__init__.py"


def test_the_notebook_runs_in_the_bundle(bundle, solved, monkeypatch):
    """Run All with one exercise solved: no cell raises, its check says right, the others not yet."""
    for name in ("LABKIT_STRICT", "PYTEST_CURRENT_TEST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONPATH", str(bundle))
    first, book = solved["lab02"]
    settings = {"kernel_manager_class": ThisKernel, "kernel_name": "python3"}
    nbclient.NotebookClient(book, **settings, resources={"metadata": {"path": bundle / "notebooks"}}).execute()
    said = {
        cell.metadata.labkit.check: cell.outputs[0].data["text/plain"]
        for cell in book.cells
        if "check" in cell.metadata.get("tags", [])
    }
    assert len(said) > 1
    assert said.pop(first).startswith(f"{first} is right")
    assert all(text.startswith(f"{name}: not yet") for name, text in said.items())


def test_labkit_check_works_in_the_bundle(bundle, solved, tmp_path):
    copy = tmp_path / "bundle"
    shutil.copytree(bundle, copy)
    first, book = solved["lab02"]
    path = places.notebook_of(copy, "lab02")
    books.write(path, book)
    before = path.read_bytes()
    done = subprocess.run([sys.executable, "-m", "labkit", "check", "lab02"], capture_output=True, **alone(copy))
    assert (done.returncode, done.stderr) == (1, "")
    rows = [[part.strip() for part in line.split("│")[1:-1]] for line in done.stdout.splitlines() if "│" in line]
    asked = [one for one in labkit.exercises() if one.lab == "lab02"]
    assert [row[:3] for row in rows] == [
        [one.name, str(one.points), "right" if one.name == first else "not yet"] for one in asked
    ]
    assert path.read_bytes() == before


def test_commands_for_instructors_say_that_they_have_no_place_here(bundle, tmp_path):
    for words in (["release", str(tmp_path / "out")], ["solve"], ["solve", "--check"]):
        done = subprocess.run([sys.executable, "-m", "labkit", *words], capture_output=True, **alone(bundle))
        assert done.returncode == 2 and "no solutions" in done.stderr, words
        assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_what_passes_as_an_answer_is_what_instructors_are_told(bundle, tmp_path):
    """Every public function in the bundle is tried as the answer to every exercise."""
    done = subprocess.run(
        [sys.executable, PROBE], capture_output=True, stdin=subprocess.DEVNULL, **alone(bundle) | {"cwd": tmp_path}
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    told = re.findall(r"^- `(labkit[\w.]+)` answers `(\w+)`$", (HOUSE / "docs/instructors.md").read_text(), re.M)
    passed = {(name, exercise) for exercise, names in found["passed"].items() for name in names}
    assert passed == set(told) and len(told) == len(set(told))
    assert len(found["tried"]) > 100  # it did look
    assert {exercise.name for exercise in labkit.exercises()} == set(found["passed"])  # and it can tell
    assert list(tmp_path.iterdir()) == []  # what was tried wrote nothing
