"""Intake: who handed in what, in every way that the platforms pack it, and in the ways people break it.

The downloads of Canvas, Moodle and Gradescope here were made by hand, from their documented naming: Canvas's
content_zipper.rb, Moodle's mod/assign/classes/downloader.php, and published scripts that read Gradescope's
submission_metadata.yml. None was exported from a running platform.
"""

import codecs
import copy
import io
import json
import os
import random
import stat
import struct
import tracemalloc
import unicodedata
import warnings
import zipfile
from pathlib import Path

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from labkit.books import places
from labkit.books.graft import put_answers
from labkit.books.notebook import read
from labkit.errors import CommandError
from labkit.grading import intake
from labkit.grading.intake import Unreadable, archives, gradescope, looking, nodes, people
from labkit.grading.limits import MOST_BOOKS, MOST_ENTRIES, MOST_NOTEBOOK, MOST_PARTS, MOST_PROSE

HOUSE = Path(__file__).resolve().parent.parent
LABS = places.notebooks(HOUSE)
PATH = places.notebook_of(HOUSE, "lab06")
PLAIN = read(PATH)
posix = pytest.mark.skipif(os.name != "posix", reason="links, pipes and file names as POSIX has them")


def notebook(*code, lab="lab02"):
    """A notebook file with these code cells."""
    cells = [{"cell_type": "code", "id": f"c{n}", "metadata": {}, "source": one} for n, one in enumerate(code)]
    whole = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"labkit": {"lab": lab}}, "cells": cells}
    return json.dumps(whole).encode()


ANA, BEN, OLD = notebook("who = 'ana'"), notebook("who = 'ben'"), notebook("who = 'old'")


def folder(place, files):
    """Write {path: bytes} into a folder."""
    for name, content in files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return place


def zipped(files, compression=zipfile.ZIP_DEFLATED):
    """The bytes of a zip of {path or ZipInfo: bytes}, or of pairs of them."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", compression) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on names that are there twice
        for name, content in files.items() if isinstance(files, dict) else files:
            archive.writestr(name, content)
    return whole.getvalue()


def in_each_way(tmp_path, files):
    """The same download as a folder, a folder in a folder, a zip, and a zip of a folder."""
    inside = {f"CS1-Lab 2-17/{name}": content for name, content in files.items()}
    (tmp_path / "a.zip").write_bytes(zipped(files))
    (tmp_path / "b.zip").write_bytes(zipped(inside))
    return [folder(tmp_path / "one", files), folder(tmp_path / "two", inside), tmp_path / "a.zip", tmp_path / "b.zip"]


def seen(submissions):
    """By name: ids, and the uploads as (name, attempt, time, code)."""
    found, _ = intake.students(submissions)
    return {
        one.name: (one.ids, [(up.name, up.attempt, up.at, code(up)) for up in one.uploads]) for one in found
    }  # fmt: skip


def code(upload):
    return "\n".join(intake.read_book(upload).sources)


def told(submissions, name):
    return "; ".join(next(one for one in intake.students(submissions)[0] if one.name == name).told)


# Learning platforms -------------------------------------------------------------------------------

CANVAS = {
    "doejane_1234_56788_lab02.ipynb": OLD,
    "doejane_1234_56789_lab02-1.ipynb": ANA,
    "smithben_LATE_77_56790_lab02_convolution_forward-2.ipynb": BEN,
    "zoë_78_56791_work.zip": zipped({"handed in/lab02.ipynb": ANA, "__MACOSX/handed in/._lab02.ipynb": b"\0"}),
    "li_79_text.html": b"<p>see my e-mail</p>",
    "li_79_56792_report.pdf": b"%PDF",
}


def test_canvas(tmp_path):
    for place in in_each_way(tmp_path, CANVAS):
        assert seen(place) == {
            "doejane": (
                {"canvas": "1234"},
                [("lab02.ipynb", 0, "", "who = 'old'"), ("lab02-1.ipynb", 1, "", "who = 'ana'")],
            ),
            "li": ({"canvas": "79"}, []),
            "smithben": ({"canvas": "77"}, [("lab02_convolution_forward-2.ipynb", 2, "", "who = 'ben'")]),
            "zoë": ({"canvas": "78"}, [("lab02.ipynb", 0, "", "who = 'ana'")]),
        }
        assert "late, says Canvas" in told(place, "smithben") and told(place, "doejane") == ""
        assert "a text was handed in" in told(place, "li")


def test_canvas_without_names_and_two_of_one_name(tmp_path):
    anonymous = {"anon_Ab1cD_1_lab02.ipynb": ANA, "LATE_anon_x9Yz0_2_lab02.ipynb": BEN}
    assert seen(folder(tmp_path / "in", anonymous)) == {
        "anon_Ab1cD": ({}, [("lab02.ipynb", 0, "", "who = 'ana'")]),
        "anon_x9Yz0": ({}, [("lab02.ipynb", 0, "", "who = 'ben'")]),
    }
    assert "late" in told(tmp_path / "in", "anon_x9Yz0")
    twins = folder(tmp_path / "twins", {"wang_1_10_lab02.ipynb": ANA, "wang_2_11_lab02.ipynb": BEN})
    found, _ = intake.students(twins)
    rows = [(one.name, one.raw, one.ids["canvas"]) for one in found]
    assert rows == [("wang", "wang_1", "1"), ("wang", "wang_2", "2")]


@pytest.mark.parametrize(
    "name, attempt",
    [
        ("lab02.ipynb", 0),
        ("lab02-1.ipynb", 1),
        ("lab-2.ipynb", 0),
        ("Lab-2-3.ipynb", 3),
        ("lab02-12.ipynb", 12),
        ("lab02 (1).ipynb", 0),
        ("lab02-0f0e0d0c-1234-5678-9abc-def012345678.ipynb", 100),
    ],
)
def test_attempts_on_canvas(tmp_path, name, attempt):
    place = folder(tmp_path, {f"ana_1_10_{name}": ANA, "ben_2_11_lab02.ipynb": BEN})
    assert [one.attempt for one in intake.students(place)[0][0].uploads] == [attempt]


def test_a_name_in_decomposed_letters_is_still_canvas(tmp_path):
    name = unicodedata.normalize("NFD", "müllerzoë")
    place = folder(tmp_path, {f"{name}_1_10_lab02.ipynb": ANA, "ben_2_11_lab02.ipynb": BEN})
    assert seen(place)["müllerzoë"][0] == {"canvas": "1"}


MOODLE = {
    "Jane Doe_123_assignsubmission_file_/lab02.ipynb": ANA,
    "Jane Doe_123_assignsubmission_onlinetext_/onlinetext.html": b"<p>Hello</p>",
    "Zoë O'Neil-Li_124_assignsubmission_file_/deep/er/lab02.ipynb": BEN,
    "Only Text_125_assignsubmission_onlinetext_/onlinetext.html": b"",
}
MOODLE_NEW = {name.replace("_/", "/"): content for name, content in MOODLE.items()}
MOODLE_FLAT = {
    "Jane Doe_123_assignsubmission_file_lab02.ipynb": ANA,
    "Jane Doe_123_assignsubmission_onlinetext_onlinetext.html": b"<p>Hello</p>",
    "Zoë O'Neil-Li_124_assignsubmission_file_lab02.ipynb": BEN,
    "Only Text_125_assignsubmission_onlinetext_onlinetext.html": b"",
}


@pytest.mark.parametrize("files", [MOODLE, MOODLE_NEW, MOODLE_FLAT])
def test_moodle(tmp_path, files):
    for place in in_each_way(tmp_path, files):
        assert seen(place) == {
            "Jane Doe": ({"moodle": "123"}, [("lab02.ipynb", 0, "", "who = 'ana'")]),
            "Only Text": ({"moodle": "125"}, []),
            "Zoë O'Neil-Li": ({"moodle": "124"}, [("lab02.ipynb", 0, "", "who = 'ben'")]),
        }
        assert "onlinetext" in told(place, "Jane Doe") and "onlinetext" in told(place, "Only Text")
        assert told(place, "Zoë O'Neil-Li") == ""


def test_moodle_groups(tmp_path):
    files = {"Group A_7_assignsubmission_file/lab02.ipynb": ANA, "Default group_assignsubmission_file/x.ipynb": BEN}
    found = seen(folder(tmp_path, files))
    assert found["Group A"][0] == {"moodle": "7"}
    assert found["Default group"] == ({}, [("x.ipynb", 0, "", "who = 'ben'")])


METADATA = b"""\
submission_11:
  :submitters:
  - :name: Ana Doe
    :sid: '00123'
    :email: ana@example.org
  :created_at: 2026-10-01 10:00:00.861687000 Z
  :score: 2.0
  :results:
    output: |-
      :submitters:
      not: really
submission_12:
  :submitters:
  - :name: Ben Li
    :sid: 0456
    :email:
  - :name: "Cem: the =third"
    :email: cem@example.org
  :created_at: !ruby/object:ActiveSupport::TimeWithZone
    utc: &1 2026-10-02 08:00:00.000000000 Z
    zone: !ruby/object:ActiveSupport::TimeZone
      name: America/Los_Angeles
    time: *1
submission_13:
  :submitters:
  - :name: Gone Away
    :email: gone@example.org
  :created_at: 2026-10-02 01:00:00 -07:00
submission_14:
  :submitters: []
"""
GRADESCOPE = {
    "submission_metadata.yml": METADATA,
    "submission_11/lab02.ipynb": ANA,
    "submission_12/sub/lab02.ipynb": BEN,
    "submission_14/lab02.ipynb": OLD,
    "submission_15/lab02.ipynb": OLD,
}


def test_gradescope(tmp_path):
    for place in in_each_way(tmp_path, GRADESCOPE):
        ben = [("lab02.ipynb", 0, "2026-10-02T08:00:00+00:00", "who = 'ben'")]
        assert seen(place) == {
            "Ana Doe": (
                {"gradescope": "ana@example.org"},
                [("lab02.ipynb", 0, "2026-10-01T10:00:00+00:00", "who = 'ana'")],
            ),
            "Ben Li": ({"gradescope": "0456"}, ben),
            "Cem: the =third": ({"gradescope": "cem@example.org"}, ben),
            "Gone Away": ({"gradescope": "gone@example.org"}, []),
            "submission_14": ({}, [("lab02.ipynb", 0, "", "who = 'old'")]),
            "submission_15": ({}, [("lab02.ipynb", 0, "", "who = 'old'")]),
        }
        assert "its folder is not in the export" in told(place, "Gone Away")
        for name in ("submission_14", "submission_15"):
            assert "does not say whose" in told(place, name)


def test_two_submissions_of_one_person_are_told_apart_by_their_time(tmp_path):
    entry = "submission_{}:\n  :submitters:\n  - :name: Ana\n    :email: a@b.c\n  :created_at: {}\n"
    files = {
        "submission_metadata.yml": (
            entry.format(2, "2026-10-01 23:30:00 +02:00") + entry.format(1, "2026-10-01 22:00:00 Z")
        ).encode(),
        "submission_2/lab02.ipynb": OLD,
        "submission_1/lab02.ipynb": ANA,
    }
    uploads = seen(folder(tmp_path, files))["Ana"][1]
    assert [(attempt, source) for _, attempt, _, source in uploads] == [(0, "who = 'old'"), (1, "who = 'ana'")]
    assert "more than one submission" in told(tmp_path, "Ana")


@pytest.mark.parametrize(
    "metadata",
    [
        b"[" * 100_000,
        b"- " * 50_000,
        b"a: &a [*a]",
        b"\xff\xfe\x00",
        b"submission_1: {: [",
        b"just a text",
        b"? [a]\n: 1",
        b"!!python/object/apply:os.system ['exit 3']",
    ],
)
def test_a_list_of_people_that_cannot_be_read_is_refused(tmp_path, metadata):
    folder(tmp_path, {"submission_metadata.yml": metadata, "submission_1/lab02.ipynb": ANA})
    with pytest.raises(CommandError, match="submission_metadata.yml"):
        intake.students(tmp_path)


def test_strange_people_in_the_list_are_text(tmp_path):
    people_there = b'[{":name": "a\\ud800b", ":email": [x]}, 7]'
    metadata = b'submission_1: {":submitters": ' + people_there + b', ":created_at": [1]}\nx: 3\n'
    folder(tmp_path, {"submission_metadata.yml": metadata, "submission_1/lab02.ipynb": ANA})
    try:
        (name,) = seen(tmp_path)
    except CommandError:  # libyaml knows no halves of characters
        return
    assert name.encode()


def test_a_large_list_of_people_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(gradescope, "MOST_METADATA", 100)
    with pytest.raises(CommandError, match="larger than"):
        intake.students(folder(tmp_path, GRADESCOPE))


# Plain folders ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "files",
    [
        {"ana/lab02.ipynb": ANA, "ben/lab02.ipynb": BEN},
        {"ana/deep/er/lab02.ipynb": ANA, "ben.ipynb": BEN},
        {"ana.zip": zipped({"lab02.ipynb": ANA}), "ben.ZIP": zipped({"x/lab02.ipynb": BEN})},
        {"ana/work.zip": zipped({"x.zip": zipped({"lab02.ipynb": ANA})}), "ben/lab02.ipynb.txt": BEN},
        {"ana_1/lab02.ipynb": ANA, "ben_1_2_lab02/lab02.ipynb": BEN},
        {"ana_2026_10_lab02.ipynb": ANA, "ben_2026_10_lab02.ipynb": BEN},
        {"ana_1_2_lab02.ipynb": ANA, "ben_2_2_lab02.ipynb": BEN},
        {"Ana_1_2_lab02.ipynb": ANA, "Ben_2_3_lab02.ipynb": BEN},
        {"ana_1_2_lab02.ipynb": ANA, "ben/lab02.ipynb": BEN},
        {"submission_1/lab02.ipynb": ANA, "submission_2/lab02.ipynb": BEN},
        {"ana_assignsubmission/lab02.ipynb": ANA, "ben_12_assignment_file_/lab02.ipynb": BEN},
    ],
)
def test_a_plain_folder_is_never_mistaken_and_a_zip_of_it_is_the_same(tmp_path, files):
    place = folder(tmp_path / "class", files)
    found = seen(place)
    assert list(found) == sorted({Path(name.split("/")[0]).stem for name in files})
    assert all(ids == {} for ids, _ in found.values())
    assert [uploads[0][3] for _, uploads in found.values()] == ["who = 'ana'", "who = 'ben'"]
    (tmp_path / "class.zip").write_bytes(zipped(files))
    assert seen(tmp_path / "class.zip") == found
    if all("/" in name and ".zip" not in name for name in files):
        (tmp_path / "class.zip").write_bytes(zipped({f"class/{name}": content for name, content in files.items()}))
        assert seen(tmp_path / "class.zip") == found


def test_a_name_that_does_not_go_with_the_others_is_told(tmp_path):
    folder(tmp_path, {**CANVAS, "solution.ipynb": OLD})
    found, ignored = intake.students(tmp_path)
    assert "solution" in {one.name for one in found}
    assert any("Canvas" in one and "solution.ipynb" in one for one in ignored)


def test_one_student_alone(tmp_path):
    place = folder(tmp_path, {"ana/lab02.ipynb": ANA, "lab02.ipynb": BEN, "ana.zip": zipped({"ana/lab02.ipynb": ANA})})
    assert seen(place / "lab02.ipynb") == {"lab02": ({}, [("lab02.ipynb", 0, "", "who = 'ben'")])}
    assert list(seen(place / "ana.zip")) == ["ana"]
    folder(tmp_path / "alone", {"jane/jane_1_2_lab02.ipynb": ANA})
    assert list(seen(tmp_path / "alone")) == ["jane"]


def test_what_is_nobodys_is_told_and_hidden_files_are_left_alone(tmp_path):
    folder(tmp_path, {"ana/.ipynb_checkpoints/lab02.ipynb": OLD, "ana/x.ipynb": ANA, "notes.txt": b"", ".x.ipynb": OLD})
    found, ignored = intake.students(tmp_path)
    assert [one.name for one in found] == ["ana"] and [up.name for up in found[0].uploads] == ["x.ipynb"]
    assert len(ignored) == 1 and "notes.txt" in ignored[0] and ".x" not in ignored[0]


@pytest.mark.parametrize("how", ["gone", "text", "empty folder", "broken zip", "empty zip", "truncated zip", "no zip"])
def test_where_there_is_nobody_it_says_so(tmp_path, how):
    place = tmp_path / ("in.zip" if "zip" in how else "in.txt")
    if how == "empty folder":
        place.mkdir()
    elif how != "gone":
        whole = zipped({"ana/lab02.ipynb": ANA})
        place.write_bytes({"broken zip": b"PK", "empty zip": zipped({}), "truncated zip": whole[:-30]}.get(how, b"x"))
    with pytest.raises(CommandError, match="expected a folder or zip"):
        intake.students(place)


@posix
def test_strange_names_stay_apart(tmp_path):
    names = ["=1+2", "e\nf", 'g"h', "k\rl", "Zoe", "zoe", "e\u0301va", "\u00e9va", "x" * 250, "\x1b[31mred"]
    names += ["a\\b", "C:x"]
    for name in names:
        folder(tmp_path / "in" / name, {"lab02.ipynb": ANA})
    os.makedirs(os.path.join(os.fsencode(tmp_path / "in"), b"\xff"))
    found, _ = intake.students(tmp_path / "in")
    assert {one.raw for one in found} == {*names, "\udcff"}
    assert {one.name for one in found} == {unicodedata.normalize("NFC", name) for name in names} | {"\\udcff"}
    assert found == sorted(found, key=lambda one: (one.name, one.raw))


@posix
def test_links_and_special_files_are_not_followed(tmp_path):
    elsewhere = folder(tmp_path / "elsewhere", {"lab02.ipynb": OLD})
    place = folder(tmp_path / "in", {"ana/x.txt": b"", "ben/lab02.ipynb": BEN, "cem/x.txt": b""})
    (place / "ana/lab02.ipynb").symlink_to(elsewhere / "lab02.ipynb")
    (place / "ben/more").symlink_to(elsewhere)
    os.mkfifo(place / "cem/lab02.ipynb")
    (place / "dia").symlink_to(elsewhere)
    (place / "eve.ipynb").symlink_to(elsewhere / "lab02.ipynb")
    os.mkfifo(place / "fay.zip")
    found = {one.name: one for one in intake.students(place)[0]}
    for name in ("ana", "ben", "dia", "eve"):
        assert "a symbolic link was skipped" in found[name].told, name
    assert [up.name for one in found.values() for up in one.uploads] == ["lab02.ipynb", "lab02.ipynb"]
    with pytest.raises(Unreadable, match="no ordinary file"):
        found["cem"].uploads[0].read()
    assert "no ordinary file" in found["fay"].told[0]


def test_a_folder_that_cannot_be_read_costs_its_student_alone(tmp_path, monkeypatch):
    place = folder(tmp_path, {"ana/lab02.ipynb": ANA, "ben/lab02.ipynb": BEN})
    whole = os.scandir

    def scandir(path):
        if Path(path).name == "ana":
            raise PermissionError(13, "Permission denied")
        return whole(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = seen(place)
    assert found["ana"] == ({}, []) and found["ben"][1]
    assert told(place, "ana") == "the folder ana cannot be read (Permission denied)"


def test_of_too_much_the_rest_is_not_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(looking, "MOST_ENTRIES", 20)
    files = {"ana/lab02.ipynb": ANA, **{f"ana/venv/{n}.py": b"" for n in range(30)}}
    files |= {f"ben/{n}/lab02.ipynb": BEN for n in range(8)} | {"cem/" + "d/" * 9 + "lab02.ipynb": ANA}
    place = folder(tmp_path, files)
    found = seen(place)
    assert len(found["ana"][1]) == 1 and "venv holds more than" in told(place, "ana")
    assert len(found["ben"][1]) == 8 and told(place, "ben") == ""
    assert found["cem"][1] == [] and "deeper" in told(place, "cem")
    many = folder(tmp_path / "many", {f"ana/{n}.ipynb": ANA for n in range(15)})
    monkeypatch.setattr(looking, "MOST_BOOKS", 10)
    assert len(seen(many)["ana"][1]) == 10 and "more than 10 notebooks" in told(many, "ana")


def test_nothing_is_read_before_it_is_asked_for_and_nothing_stays_open(tmp_path):
    files = {f"s{n:03}.zip": zipped({"lab02.ipynb": ANA}) for n in range(50)} | {"zoe/lab02.ipynb": ANA}
    place = folder(tmp_path, files)
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir())) if descriptors.exists() else 0
    found, _ = intake.students(place)
    assert not descriptors.exists() or len(list(descriptors.iterdir())) == before
    (place / "zoe/lab02.ipynb").write_bytes(BEN)
    assert code(found[-1].uploads[0]) == "who = 'ben'"
    (place / "zoe/lab02.ipynb").unlink()
    (place / "s000.zip").write_bytes(zipped({"lab02.ipynb": BEN * 3}))
    (place / "s001.zip").unlink()
    for one in (found[-1], found[0], found[1]):
        with pytest.raises(Unreadable):
            one.uploads[0].read()
    assert code(found[2].uploads[0]) == code(found[2].uploads[0]) == "who = 'ana'"


# Archives made to harm ----------------------------------------------------------------------------


def entry(name, mode=0, compression=zipfile.ZIP_DEFLATED):
    info = zipfile.ZipInfo("x")
    info.filename = info.orig_filename = name
    info.external_attr, info.create_system, info.compress_type = mode << 16, 3, compression
    return info


def patched(whole, signature, at, value):
    """A zip with some bytes of each header changed."""
    out, start = bytearray(whole), 0
    while (start := out.find(signature, start)) >= 0:
        out[start + at : start + at + len(value)] = value
        start += 4
    return bytes(out)


CENTRAL, LOCAL, END = b"PK\1\2", b"PK\3\4", b"PK\5\6"
ONE = zipped({"lab02.ipynb": ANA})
ZEROS = zipped({"lab02.ipynb": bytes(15 * 10**6)})


def with_lying_size(whole, size):
    return patched(patched(whole, CENTRAL, 24, struct.pack("<I", size)), LOCAL, 22, struct.pack("<I", size))


def zip64_nonsense(size=2**62):
    """A record of the 64-bit format that says the table of contents is huge."""
    end = ONE.index(END)
    record = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, size, 0)
    return ONE[:end] + record + struct.pack("<4sIQI", b"PK\6\7", 0, end, 1) + ONE[end:]


def refusing_names():
    before = ["../", "/etc/", "C:/", "C:", "a\\", "a/../"]
    names = [f"{place}lab02.ipynb" for place in before]
    return {f"name {name}": (zipped([(entry(name), OLD)]), "leads elsewhere") for name in names}


HARM = {
    **refusing_names(),
    "link": (zipped([(entry("lab02.ipynb", stat.S_IFLNK | 0o777), b"/etc/passwd")]), "symbolic link"),
    "link to a folder": (zipped([(entry("x", stat.S_IFLNK | 0o777), b"/etc")]), "symbolic link"),
    "encrypted": (patched(patched(ONE, CENTRAL, 8, b"\1"), LOCAL, 6, b"\1"), "is encrypted"),
    "twice": (zipped([(entry("lab02.ipynb"), OLD), (entry("lab02.ipynb"), ANA)]), "more than once"),
    "truncated": (ONE[:-40], "no zip archive, or a damaged one"),
    "cut at the front": (ONE[20:], "damaged"),
    "no zip": (b"\x89PNG\r\n", "no zip archive"),
    "empty": (b"", "no zip archive"),
    "rubbish inside": (ONE.replace(ONE[50:60], b"\xff" * 10), "damaged"),
    "bomb": (ZEROS, "times its size"),
    "bomb that says it is small": (with_lying_size(ZEROS, 1000), "damaged"),
    "says it is larger": (with_lying_size(ONE, 900_000), "damaged"),
    "says it is far larger": (with_lying_size(ONE, 2**31), "20 MB"),
    "bomb of many": (  # 21 MB, with the bound at 20
        zipped({f"{n}.ipynb": bytes(10**6) for n in range(21)}), "20 MB",
    ),
    "bomb inside": (zipped({"x.zip": zipped({"y.zip": ONE})}), "2 archives inside each other"),
    "too many": (zipped({str(n): b"" for n in range(501)}), "files"),
    "bz2": (zipped({"lab02.ipynb": bytes(10**6)}, zipfile.ZIP_BZIP2), "not read here"),
    "lzma": (zipped({"lab02.ipynb": ANA}, zipfile.ZIP_LZMA), "not read here"),
    "unknown method": (patched(patched(ONE, CENTRAL, 10, b"\x63"), LOCAL, 8, b"\x63"), "not read here"),
    "from the future": (patched(ONE, CENTRAL, 6, b"\xff"), "damaged"),
    "nonsense in 64 bits": (zip64_nonsense(), "damaged"),
    "large table of contents": (patched(ONE, END, 12, struct.pack("<I", 2**32 - 2)), "damaged"),
    "table of contents elsewhere": (patched(ONE, END, 16, struct.pack("<I", 2**31)), "damaged"),
    "name that is no UTF-8": (patched(patched(ONE, CENTRAL, 8, b"\0\x08"), CENTRAL, 46, b"\xff\xfe"), "damaged"),
    "other name in front": (patched(ONE, LOCAL, 30, b"XYZ"), "damaged"),
    "large notebook": (zipped({"lab02.ipynb": b"0123456789" * 10**6}), "times its size"),
    "large notebook, stored": (
        zipped({"lab02.ipynb": random.Random(0).randbytes(10**6 + 1)}, zipfile.ZIP_STORED),
        "is larger than 1 MB",
    ),
}


@pytest.mark.parametrize("how", HARM)
def test_an_archive_made_to_harm_costs_its_student_alone(tmp_path, how, monkeypatch):
    monkeypatch.setattr(looking, "MOST_ENTRIES", 500)
    monkeypatch.setattr(people, "MOST_NOTEBOOK", 10**6)
    for module in (looking, archives):
        monkeypatch.setattr(module, "MOST_UNPACKED", 20 * 10**6)
    whole, why = HARM[how]
    for place in (
        folder(tmp_path / "zips", {"ana.zip": whole, "ben.zip": ONE}),
        folder(tmp_path / "folders", {"ana/work.zip": whole, "ben/lab02.ipynb": ANA}),
        folder(tmp_path, {"class.zip": zipped({"ana/work.zip": whole, "ben/lab02.ipynb": ANA})}) / "class.zip",
        folder(tmp_path, {"canvas.zip": zipped({"ana_1_2_a.zip": whole, "ben_2_3_lab02.ipynb": ANA})}) / "canvas.zip",
    ):
        tracemalloc.start()
        ana, ben = intake.students(place)[0]
        reasons = list(ana.told)
        for one in ana.uploads:
            try:
                code(one)
            except Unreadable as reason:
                reasons.append(str(reason))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert why in "; ".join(reasons), reasons
        assert code(ben.uploads[0]) == "who = 'ana'" and ben.told == []
        assert peak < 10 * 10**6, peak
    assert sorted(path.name for path in tmp_path.iterdir()) == ["canvas.zip", "class.zip", "folders", "zips"]


@pytest.mark.parametrize("how", ["link", "encrypted", "twice", "bomb", "name ../lab02.ipynb", "bz2"])
def test_the_other_files_of_such_an_archive_count(tmp_path, how):
    whole = io.BytesIO(HARM[how][0])
    with zipfile.ZipFile(whole, "a") as archive:
        archive.writestr("more/lab03.ipynb", BEN)
    ana = intake.students(folder(tmp_path, {"ana.zip": whole.getvalue()}))[0][0]
    assert "who = 'ben'" in [code(one) for one in ana.uploads if one.name == "lab03.ipynb"]


def test_the_same_harm_in_the_archive_of_the_class(tmp_path):
    members = [
        (entry("ana/../../lab02.ipynb"), OLD),
        (entry("ben/lab02.ipynb"), BEN),
        (entry("cem/lab02.ipynb", stat.S_IFLNK | 0o777), b"/etc/passwd"),
        (entry("dia/lab02.ipynb"), OLD),
        (entry("dia/lab02.ipynb"), ANA),
        (entry("eve/lab02.ipynb"), bytes(30 * 10**6)),
    ]
    (tmp_path / "class.zip").write_bytes(zipped(members))
    found = {one.name: one for one in intake.students(tmp_path / "class.zip")[0]}
    assert list(found) == ["ana", "ben", "cem", "dia", "eve"]
    assert code(found["ben"].uploads[0]) == "who = 'ben'" and found["cem"].told == ["a symbolic link was skipped"]
    for name, why in {"ana": "leads elsewhere", "dia": "more than once", "eve": "times its size"}.items():
        for upload in found[name].uploads:
            with pytest.raises(Unreadable, match=why):
                upload.read()


def test_names_in_archives(tmp_path):
    said = zipped([(entry(f"{name}/lab02.ipynb"), ANA) for name in ("=1+\n2", "Zoë", "e\u0301va")])
    unsaid = patched(patched(said, CENTRAL, 8, b"\0\0"), LOCAL, 6, b"\0\0")
    dos = zipped([(entry("Zo#/lab02.ipynb"), ANA), (entry("ben/lab02.ipynb"), ANA)]).replace(b"Zo#", b"Zo\x89")
    all_three = {"=1+\n2", "Zoë", "éva"}
    for whole, names in ((said, all_three), (unsaid, all_three), (dos, {"Zoë", "ben"})):
        (tmp_path / "class.zip").write_bytes(whole)
        assert set(seen(tmp_path / "class.zip")) == names


def test_a_table_of_contents_is_not_taken_into_memory_if_it_is_large(tmp_path):
    (tmp_path / "a.zip").write_bytes(zipped({str(n) * 20: b"" for n in range(99)}))
    node = nodes.on_disk(tmp_path / "a.zip")
    with pytest.raises(Unreadable, match="damaged"), archives.opened_zip(node, 1000):
        pass
    assert len(archives.unpacked(node, 99, 0)) == 99


def test_other_archives_are_told(tmp_path):
    place = folder(tmp_path, {"ana/work.rar": b"Rar!", "ben.7z": b"7z", "cem/lab02.ipynb": ANA})
    assert "only zips" in told(place, "ana") and "only zips" in told(place, "ben") and told(place, "cem") == ""


@settings(max_examples=100, deadline=None)
@given(some.integers(0, 10**9))
def test_an_archive_with_random_damage_is_read_or_refused(tmp_path_factory, seed):
    rng = random.Random(seed)
    whole = bytearray(zipped({"a/lab02.ipynb": ANA, "b.zip": ONE, "ü.ipynb": BEN}))
    for _ in range(rng.choice([1, 1, 2, 8])):
        whole[rng.randrange(len(whole))] = rng.randrange(256)
    place = tmp_path_factory.getbasetemp() / "fuzz"
    folder(place, {"ana.zip": bytes(whole), "ben.zip": ONE})
    ana, ben = intake.students(place)[0]
    for upload in ana.uploads:
        try:
            intake.read_book(upload)
        except Unreadable as reason:
            assert str(reason)
    assert code(ben.uploads[0]) == "who = 'ana'"


# Notebooks ----------------------------------------------------------------------------------------


def of(content):
    return intake.read_book(intake.Upload("lab02.ipynb", lambda: content))


TEXT = ANA.decode()


@pytest.mark.parametrize(
    "content, why",
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"{", "not JSON"),
        (b"\xff\xd8\xff", "not in UTF-8"),
        (TEXT.replace("ana", "andré").encode("latin-1"), "not in UTF-8"),
        (b"[1]", "no list of cells"),
        (b"null", "no list of cells"),
        (b'{"nbformat": 4}', "no list of cells"),
        (b'{"cells": {"a": 1}}', "no list of cells"),
        (b"[" * 10_000, "not JSON"),
        (b'{"cells": [' + b"[" * 900 + b"]" * 900 + b"]}", ""),
        (b'{"cells": [], "metadata": ' + b'{"a":' * 200 + b"1" + b"}" * 201, "nested too deeply"),
        (b'{"cells": [' + b"[]," * MOST_PARTS + b"[]]}", "parts"),
    ],
)
def test_what_is_no_notebook_is_refused_with_the_reason(content, why):
    if not why:  # what is no cell is left out
        assert of(content).sources == [] and of(content).damaged == 1
        return
    with pytest.raises(Unreadable, match=why):
        of(content)


@pytest.mark.parametrize(
    "content",
    [
        codecs.BOM_UTF8 + ANA,
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-32"),
        TEXT.replace('"nbformat_minor": 5', '"nbformat_minor": 99').encode(),
        TEXT.replace('"nbformat": 4', '"nbformat": 5').encode(),
        TEXT.replace('"nbformat": 4, "nbformat_minor": 5, ', "").encode(),
        TEXT.replace('"metadata": {"labkit"', '"metadata": {"kernelspec": {"name": "ir"}, "labkit"').encode(),
        TEXT.replace('"metadata": {"labkit"', '"metadata": {"kernelspec": null, "labkit"').encode(),
        TEXT.replace('"id": "c0", ', '"outputs": [NaN, -Infinity, ' + "9" * 5000 + "], ").encode(),
        TEXT.replace('"id": "c0", ', '"outputs": ' + "[" * 500 + "]" * 500 + ", ").encode(),
        TEXT.replace('"cells": [', '"cells": 7, "cells": [').encode(),
        TEXT.replace("who = 'ana'", "who = 'ana'\\r\\n").encode().replace(b"\\n", b""),
    ],
)
def test_odd_notebooks_are_read(content):
    book = of(content)
    assert [source.strip() for source in book.sources] == ["who = 'ana'"] and book.lab == "lab02" and book.damaged == 0
    assert "outputs" not in book.tree["cells"][0]
    json.dumps(copy.deepcopy(book.tree))


def test_format_3_is_upgraded():
    cells = [
        {"cell_type": "heading", "level": 2, "source": ["A"], "metadata": {}},
        {"cell_type": "code", "input": ["x = 1\n", "y = 2"], "outputs": [], "metadata": {"labkit": {"exercise": "a"}}},
        {"cell_type": "heading", "level": [], "source": "B"},
        {"cell_type": "code", "input": 7},
    ]
    book = intake.book({"nbformat": 3, "metadata": {"name": ""}, "worksheets": [{"cells": cells}, 3, {"cells": None}]})
    assert book.sources == ["x = 1\ny = 2"] and book.damaged == 1
    assert [cell["source"] for cell in book.tree["cells"]] == ["## A", "x = 1\ny = 2", "# B"]


def test_half_a_character_can_be_written():
    book = of(json.dumps({"cells": [{"cell_type": "code", "source": "s = '\ud800'"}], "metadata": {}}).encode())
    assert book.sources == ["s = '\\ud800'"] and book.sources[0].encode()


def test_a_notebook_of_100_megabytes_is_not_taken_into_memory(tmp_path):
    with (tmp_path / "lab02.ipynb").open("wb") as file:
        file.truncate(100 * 10**6)
    tracemalloc.start()
    with pytest.raises(Unreadable, match="larger than 20 MB"):
        intake.upload(tmp_path / "lab02.ipynb").read()
    assert tracemalloc.get_traced_memory()[1] < 60 * 10**6
    tracemalloc.stop()


def test_labs_by_name():
    named = {"lab02.ipynb": "lab02", "Lab 2 - Ana.ipynb": "lab02", "lab-12.ipynb": "lab12", "my_lab_3.ipynb": "lab03"}
    assert {name: intake.lab_by_name(name) for name in named} == named
    assert intake.lab_by_name("lab123.ipynb") == intake.lab_by_name("homework.ipynb") == ""


JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=8),
    lambda inner: some.lists(inner, max_size=4)
    | some.dictionaries(some.sampled_from(["source", "metadata", "cell_type", "id", "labkit", "tags", "x"]), inner),
    max_leaves=12,
)
MARKS = some.fixed_dictionaries({}, optional={"check": JSON, "answer": JSON}) | JSON
CELL = some.fixed_dictionaries(
    {
        "cell_type": some.sampled_from(["code", "markdown", "raw", 3]) | JSON,
        "source": some.just("check(translate)") | JSON,
    },
    optional={
        "id": some.sampled_from(["check-translate", "exercise-translate", "answer-lab06-writeup-back"]) | JSON,
        "metadata": some.fixed_dictionaries({}, optional={"labkit": MARKS, "tags": JSON}) | JSON,
        "level": JSON,
    },
)


@settings(max_examples=60, deadline=None)
@given(
    some.fixed_dictionaries(
        {"cells": some.lists(CELL, max_size=5) | JSON}, optional={"metadata": JSON, "worksheets": JSON}
    )
)
def test_whatever_a_notebook_holds_reading_it_does_not_fail(whole):
    try:
        book = intake.book(whole)
    except Unreadable:
        return
    assert all(isinstance(text, str) and text for text in intake.prose(book, PLAIN).values())
    assert len(intake.tampering(book, PLAIN)) <= 8


# Written answers ----------------------------------------------------------------------------------

ANSWERS = [cell.metadata.labkit.answer for cell in PLAIN.cells if "answer" in cell.metadata.get("labkit", {})]
BACK = "lab06-writeup-back"


def as_book(notebook):
    return intake.book(json.loads(json.dumps(notebook)))


def cell_of(notebook, cell_id):
    return next(cell for cell in notebook.cells if cell.id == cell_id)


def written(text=None, change=lambda cells, at: None):
    """The prose of lab 6 with one write-up written and something done to its cell."""
    mine = copy.deepcopy(PLAIN)
    at = next(n for n, cell in enumerate(mine.cells) if cell.id == f"answer-{BACK}")
    if text is not None:
        mine.cells[at].source = text
    change(mine.cells, at)
    return intake.prose(as_book(mine), PLAIN)


def text_cell(source, **more):
    return nbformat.v4.new_markdown_cell(source, **more)


def test_written_answers_are_those_that_were_written():
    assert len(ANSWERS) > 5 and written() == {} and written(" \n") == {}
    assert written("**Back.** It *flows*.\n") == {BACK: "**Back.** It *flows*."}
    mine = put_answers(PLAIN, {}, {name: f"text of {name}" for name in ANSWERS})
    assert list(intake.prose(as_book(mine), PLAIN).items()) == [(name, f"text of {name}") for name in ANSWERS]


def test_written_answers_are_found_whatever_was_done_to_their_cell():
    def split(cells, at):
        cells.insert(at + 1, copy.deepcopy(cells[at]))
        cells[at + 1].source, cells[at + 1].id = "part two", "made-up"

    def below(cells, at):
        cells[at + 1 : at + 1] = [text_cell("part two"), nbformat.v4.new_code_cell("1"), text_cell("a note")]

    def no_metadata(cells, at):
        cells[at].metadata = {}

    def no_id(cells, at):
        del cells[at]["id"]

    def as_code(cells, at):
        cells[at].cell_type = "code"

    def strange_metadata(cells, at):
        cells[at].metadata = {"labkit": {"answer": "lab99-x"}}

    assert written("one", split) == written("one", below) == {BACK: "one\n\npart two"}
    assert written(None, below) == {BACK: "part two"}
    for change in (no_metadata, no_id, as_code, strange_metadata):
        assert written("one", change) == {BACK: "one"}, change


def test_of_a_very_long_answer_the_beginning_is_kept_and_it_says_so():
    text = written("x" * 10**6)[BACK]
    assert len(text) < MOST_PROSE + 200 and "1000000 characters" in text


# Tampering ----------------------------------------------------------------------------------------


def tampered(change, pristine=PLAIN):
    mine = copy.deepcopy(pristine)
    change(mine)
    return intake.tampering(as_book(mine), pristine)


def as_jupyterlab_saves(notebook):
    for n, cell in enumerate(notebook.cells):
        cell.metadata |= {"trusted": True, "collapsed": n % 2 == 0, "scrolled": False}
        cell.metadata["jupyter"] = {"outputs_hidden": True}
        cell.metadata["execution"] = {"iopub.execute_input": "2026-10-01T10:00:00Z"}
        if cell.cell_type == "code":
            cell.execution_count = n
            cell.outputs = [{"output_type": "stream", "name": "stdout", "text": "hello"}]
            cell.source += "\n" if n % 3 == 0 else ""
    notebook.metadata.language_info = {"name": "python", "version": "3.12.1", "file_extension": ".py"}
    notebook.metadata.kernelspec = {"display_name": "mine", "name": "venv"}
    notebook.metadata.widgets = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    notebook.cells.insert(3, nbformat.v4.new_code_cell("print(1)"))
    notebook.cells.append(text_cell("my notes"))


@pytest.mark.parametrize("path", LABS, ids=lambda path: path.stem)
def test_an_honest_notebook_gives_no_sentence(path):
    pristine = read(path)
    solved = read(places.solution_paths(HOUSE, path)[1])
    assert intake.tampering(as_book(solved), pristine) == ()
    assert intake.tampering(as_book(pristine), pristine) == ()
    as_jupyterlab_saves(solved)
    assert intake.tampering(as_book(solved), pristine) == ()
    for cell in solved.cells:
        del cell["id"]
    assert intake.tampering(as_book(solved), pristine) == ()


def do(cell_id, **changes):
    def change(notebook):
        cell = cell_of(notebook, cell_id)
        for key, value in changes.items():
            cell[key] = value

    return change


def drop(cell_id):
    return lambda notebook: notebook.cells.remove(cell_of(notebook, cell_id))


def to_the_end(cell_id):
    def change(notebook):
        cell = cell_of(notebook, cell_id)
        notebook.cells.remove(cell)
        notebook.cells.append(cell)

    return change


def double(cell_id, **changes):
    return lambda notebook: notebook.cells.append(copy.deepcopy(cell_of(notebook, cell_id)))


def swap(notebook):
    one, two = cell_of(notebook, "exercise-translate"), cell_of(notebook, "exercise-forward_backward")
    one.metadata, two.metadata, one.id, two.id = two.metadata, one.metadata, two.id, one.id


def define_twice(notebook):
    cell_of(notebook, "exercise-translate").source = "def translate(images, down, right):\n    return images"
    notebook.cells.append(nbformat.v4.new_code_cell("translate = lambda images, down, right: images"))


def no_marks(notebook):
    for cell in notebook.cells:
        cell.metadata, cell.id = {}, nbformat.v4.new_code_cell().id


def other_points(notebook):
    cell = cell_of(notebook, "max-forward-exercise")
    assert "2 points" in cell.source
    cell.source = cell.source.replace("2 points", "99 points")


TAMPERED = {
    "check edited": (do("check-translate", source="print('right')"), "check cells that were edited: translate"),
    "check emptied": (do("check-translate", source=""), "check cells that were edited: translate"),
    "check deleted": (drop("check-translate"), "check cells that are missing: translate"),
    "check made text": (do("check-translate", cell_type="markdown"), "check cells that were made text: translate"),
    "check moved": (to_the_end("check-translate"), "cells that were moved: translate"),
    "check no longer marked": (
        do("check-translate", metadata={}, id="made-up"),
        "check cells that are no longer marked: translate",
    ),
    "check doubled": (double("check-translate"), "cells that are there more than once: translate"),
    "exercise deleted": (drop("exercise-translate"), "exercise cells that are missing or no longer marked: translate"),
    "exercise no longer marked": (
        do("exercise-translate", metadata={}, id="made-up"),
        "exercise cells that are missing or no longer marked: translate",
    ),
    "exercise doubled": (double("exercise-translate"), "cells that are there more than once: translate"),
    "exercise renamed": (
        do("exercise-translate", metadata={"labkit": {"exercise": "bonus"}}),
        "cells marked as something this lab does not have: 1",
    ),
    "exercises swapped": (swap, "cells marked as one exercise that define another: translate, forward_backward"),
    "defined twice": (define_twice, "exercises defined more than once, of which the last counts: translate"),
    "tags edited": (
        do("check-translate", metadata={"labkit": {"check": "translate"}, "tags": ["nbval-skip"], "deletable": False}),
        "cells whose tags or metadata were edited: translate",
    ),
    "metadata gone": (do("check-translate", metadata={}), "cells whose tags or metadata were edited: translate"),
    "points edited": (other_points, "texts whose points were edited: 1"),
    "another lab": (
        lambda nb: nb.metadata.update(labkit={"lab": "lab02"}),
        "the notebook is marked as another lab, not as lab06",
    ),
    "no lab": (lambda nb: nb.metadata.pop("labkit"), "the notebook is no longer marked as lab06"),
    "no marks": (no_marks, "none of its cells is marked as an exercise, a check or an answer any more"),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_tampering_is_told(how):
    change, sentence = TAMPERED[how]
    sentences = tampered(change)
    assert sentence in sentences
    expected = 2 if how in ("check no longer marked", "exercise renamed", "exercises swapped") else 1
    assert len(sentences) <= expected, sentences


def test_there_are_never_many_sentences_and_nothing_of_the_students_is_in_them():
    def everything(notebook):
        for change, _ in TAMPERED.values():
            if change is not no_marks:
                try:
                    change(notebook)
                except (StopIteration, KeyError, AssertionError):  # another change took the cell away
                    continue
        notebook.cells.append(text_cell("x", metadata={"labkit": {"check": "<b>=1+2"}, "tags": ["<b>"]}))

    sentences = tampered(everything)
    assert 3 < len(sentences) <= 8 and "<b>" not in " ".join(sentences)


def test_the_limits_are_those_the_documentation_names():
    assert (MOST_ENTRIES, MOST_BOOKS, MOST_NOTEBOOK, archives.MOST_RATIO) == (10_000, 100, 20 * 10**6, 100)
    assert (archives.MOST_UNPACKED, looking.MOST_ARCHIVES) == (200 * 10**6, 2)
