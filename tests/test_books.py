"""Reading and writing notebooks, finding them, putting answers into them."""

import os

import nbformat
import pytest
from small_course import SOLUTIONS, by_id, make_course, notebook, prose, small_notebook

from labkit.books import notebook as books
from labkit.books import places
from labkit.books.graft import put_answers
from labkit.books.solutions import read_solutions
from labkit.errors import CommandError

# reading and writing ----------------------------------------------------------------------------

UNREADABLE = {
    "nothing": (b"", "not JSON"),
    "not JSON": (b"{", "not JSON"),
    "not UTF-8": (b"\xff\xfe{", "not JSON in UTF-8"),
    "a list": (b"[]", "no notebook of format 4"),
    "format 3": (b'{"nbformat": 3, "worksheets": [], "cells": []}', "no notebook of format 4"),
    "a cell without source": (
        b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code"}]}',
        "damaged notebook",
    ),
}


@pytest.mark.parametrize("content, told", UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_is_no_notebook_gives_a_sentence(tmp_path, content, told):
    path = tmp_path / "lab02_x.ipynb"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=told) as refused:
        books.read(path)
    assert "\n" not in str(refused.value) and str(path) in str(refused.value)


def test_a_missing_notebook_and_a_folder_give_sentences(tmp_path):
    with pytest.raises(CommandError, match="does not exist"):
        books.read(tmp_path / "none.ipynb")
    with pytest.raises(CommandError, match="cannot be read"):
        books.read(tmp_path)


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "lab02_x.ipynb"
    books.write(path, small_notebook())
    before = path.read_bytes()

    def fail(*names):
        raise OSError("no space")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError):
        books.write(path, notebook(prose("other")))
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


# places -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["lab02", "02", "2", " Lab2 "])
def test_a_lab_has_several_spellings(word):
    assert places.lab_named(word) == "lab02"


@pytest.mark.parametrize("word", ["", "conv", "lab", "2b", "123"])
def test_other_words_are_no_lab(word):
    with pytest.raises(CommandError, match="is no lab"):
        places.lab_named(word)


def test_the_course_is_found_upwards(tmp_path):
    root = make_course(tmp_path / "course")
    assert places.course_root(start=root / "notebooks") == root
    assert places.course_root(given=root) == root
    with pytest.raises(CommandError, match="No course folder found from"):
        places.course_root(start=tmp_path)
    with pytest.raises(CommandError, match="no course folder"):
        places.course_root(given=tmp_path)


def test_one_lab_with_two_notebooks_must_be_named(tmp_path):
    root = make_course(tmp_path / "course")
    (root / "notebooks" / "Untitled.ipynb").write_text("{}")
    assert [path.name for path in places.notebooks(root)] == ["lab02_small.ipynb"]
    assert places.notebook_of(root, "2").name == "lab02_small.ipynb"
    (root / "notebooks" / "lab02_mine.ipynb").write_text("{}")
    with pytest.raises(CommandError, match="lab02_mine.ipynb and lab02_small.ipynb"):
        places.notebook_of(root, "2")
    with pytest.raises(CommandError, match="no notebook for lab07.*lab02"):
        places.notebook_of(root, "7")


# graft and solutions ----------------------------------------------------------------------------


def test_put_answers_fills_the_named_cells_of_a_copy():
    plain = small_notebook()
    before = nbformat.writes(plain)
    done = put_answers(plain, {"zero_pad": "def zero_pad(): ..."}, {"lab02-prediction": "Zeros."})
    assert nbformat.writes(plain) == before
    assert by_id(done, "exercise-zero_pad").source == "def zero_pad(): ..."
    assert by_id(done, "answer-lab02-prediction").source == "Zeros."
    changed = [new.id for new, old in zip(done.cells, plain.cells) if new != old]
    assert changed == ["exercise-zero_pad", "answer-lab02-prediction"]


def test_put_answers_has_no_place_for_other_names():
    with pytest.raises(ValueError, match="no cell for lab02-other, relu"):
        put_answers(small_notebook(), {"relu": "x", "zero_pad": "y"}, {"lab02-other": "z"})


def test_solutions_are_read_with_what_stands_directly_above(tmp_path):
    path = tmp_path / "lab02_small.py"
    path.write_text(SOLUTIONS + "\n\n# far\n\n# near\n@decorated\n@twice(\n    1)\ndef f(x):\n    return x  # end\n")
    read = read_solutions(path)
    assert list(read.functions) == ["zero_pad", "output_size", "f"]
    assert read.functions["f"] == "# near\n@decorated\n@twice(\n    1)\ndef f(x):\n    return x  # end"
    assert read.functions["zero_pad"].startswith("# Zeros all round.\n# Only")
    assert read.functions["output_size"].startswith("def output_size")
    assert read.answers["lab02-prediction"].startswith("The frame")


BAD_SOLUTIONS = [
    ("def f(:", "not valid Python"),
    ("ANSWERS = f()", "not a dictionary"),
    ("ANSWERS = {1: 'a'}", "not a dictionary"),
]


@pytest.mark.parametrize("source, told", BAD_SOLUTIONS)
def test_bad_solutions_give_a_sentence(tmp_path, source, told):
    path = tmp_path / "lab02_small.py"
    path.write_text(source)
    with pytest.raises(CommandError, match=told):
        read_solutions(path)
    with pytest.raises(CommandError, match="no solutions at"):
        read_solutions(tmp_path / "none.py")
