"""labkit.data: the bundles, the full sets through keras, and what is done with images before training."""
import gzip
import hashlib
import http.client
import os
import re
import shutil
import subprocess
import sys
import urllib.error
from collections import Counter
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from labkit import data
from labkit.data import bundles

PROJECT = Path(__file__).resolve().parent.parent
FOLDER = Path(data.__file__).resolve().parent
LOADERS = {"mnist-mini.npz": data.load_mnist, "fashion-mnist-mini.npz": data.load_fashion_mnist}
INTEGERS = [np.uint8, np.int8, np.uint16, np.int32, np.int64, np.uint64]

each_bundle = pytest.mark.parametrize(("file", "load"), LOADERS.items(), ids=LOADERS)


def numbered(labels, dtype=np.uint8):
    """Images (N, 2, 3) in which every pixel of image i is i, so that each image tells where it came from."""
    y = np.asarray(labels, dtype=dtype)
    x = np.broadcast_to(np.arange(len(y))[:, None, None], (len(y), 2, 3)).copy()
    return x, y


def positions(x):
    """The inverse of `numbered`: which image each one is. Fails where pixels of two images were mixed."""
    assert x.shape[1:] == (2, 3)
    first = x[:, 0, 0]
    assert (x == first[:, None, None]).all()
    return first.tolist()


label_lists = st.lists(st.integers(0, 4), min_size=1, max_size=40)
seeds = st.integers(0, 2**32 - 1)
dtypes = st.sampled_from(INTEGERS)


# ---- the bundles


@each_bundle
def test_bundle_has_the_shapes_types_and_class_balance_of_its_page(file, load):
    (x_train, y_train), (x_test, y_test) = load()
    for x, y, per_class in ((x_train, y_train, 600), (x_test, y_test, 200)):
        assert x.shape == (10 * per_class, 28, 28) and y.shape == (10 * per_class,)
        assert x.dtype == np.uint8 and y.dtype == np.uint8
        assert np.bincount(y).tolist() == [per_class] * 10
        assert x.min() == 0 and x.max() == 255


@pytest.mark.parametrize(
    ("load", "train", "test"),
    [
        (data.load_mnist, [5, 0, 4, 1, 9, 2, 1, 3, 1, 4], [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]),
        (data.load_fashion_mnist, [9, 0, 0, 3, 0, 2, 7, 2, 5, 5], [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]),
    ],
)
def test_first_labels_are_those_of_the_original_files(load, train, test):
    (_, y_train), (_, y_test) = load()
    assert y_train[:10].tolist() == train
    assert y_test[:10].tolist() == test


def test_a_digit_looks_like_its_label():
    (x, y), _ = data.load_mnist()
    means = np.stack([x[y == digit].mean(axis=0) for digit in range(10)])
    assert means[0, 14, 14] < 20 < 150 < means[1, 14, 14]  # a hole in the middle of 0, a stroke in the middle of 1
    assert abs(x.mean() / 255 - 0.1307) < 0.005  # the full training set has 0.1307


@each_bundle
def test_no_image_is_in_both_parts(file, load):
    (x_train, _), (x_test, _) = load()
    train, test = ({image.tobytes() for image in x} for x in (x_train, x_test))
    assert len(train) == 6000 and len(test) == 2000
    assert not train & test


@each_bundle
def test_each_call_gives_fresh_writable_arrays(file, load):
    first = [array for part in load() for array in part]
    for array in first:
        assert array.flags.writeable
        array[...] = 77
    for array in (array for part in load() for array in part):
        assert (array != 77).any()
        assert not any(np.shares_memory(array, old) for old in first)


@each_bundle
def test_missing_bundle_is_told_with_its_name_and_what_to_do(file, load, tmp_path, monkeypatch):
    monkeypatch.setattr(bundles, "FOLDER", tmp_path)
    with pytest.raises(FileNotFoundError) as caught:
        load()
    message = str(caught.value)
    assert str(tmp_path / file) in message and "missing" in message and "Install labkit again" in message


def flip_a_byte(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [flip_a_byte, lambda c: c[:-1], lambda c: c + b"\n", lambda c: b"", lambda c: c.replace(b"\n", b"\r\n")],
    ids=["one bit", "cut", "longer", "empty", "line endings"],
)
@each_bundle
def test_damaged_bundle_is_told_with_its_name_and_both_checksums(file, load, damage, tmp_path, monkeypatch):
    damaged = damage((FOLDER / file).read_bytes())
    (tmp_path / file).write_bytes(damaged)
    monkeypatch.setattr(bundles, "FOLDER", tmp_path)
    with pytest.raises(ValueError) as caught:
        load()
    message = str(caught.value)
    assert str(tmp_path / file) in message and "damaged" in message and "Install labkit again" in message
    assert bundles.SHA256[file] in message and hashlib.sha256(damaged).hexdigest() in message


def test_a_bundle_that_needs_pickle_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "mnist-mini.npz"
    np.savez(path, **{name: np.array([{}], dtype=object) for name in ("x_train", "y_train", "x_test", "y_test")})
    monkeypatch.setattr(bundles, "FOLDER", tmp_path)
    monkeypatch.setitem(bundles.SHA256, path.name, hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(ValueError, match="allow_pickle=False"):
        data.load_mnist()


def test_data_files_and_their_licences_lie_beside_the_module():
    page = (FOLDER / "LICENSES.md").read_text(encoding="utf-8")
    assert sorted(path.name for path in FOLDER.glob("*.npz")) == sorted(bundles.SHA256)
    for file, checksum in bundles.SHA256.items():
        row = re.search(rf"^\| `{re.escape(file)}` \| `([0-9a-f]{{64}})` \|$", page, re.MULTILINE)
        size = re.search(rf"^\| `{re.escape(file)}` \| ([0-9,]+) \|", page, re.MULTILINE)
        assert row and row[1] == checksum
        assert size and int(size[1].replace(",", "")) == (FOLDER / file).stat().st_size
    words = " ".join(page.replace("\n> ", "\n").split())
    for line in (
        "MNIST: copyright Yann LeCun and Corinna Cortes; a derivative work of the original NIST data sets.",
        "https://creativecommons.org/licenses/by-sa/3.0/",
        "under the same licence.",
        "Proceedings of the IEEE 86(11), 1998.",
        "The MIT License (MIT). Copyright (c) 2017 Zalando SE, https://tech.zalando.com",
        "Permission is hereby granted, free of charge,",
        "The above copyright notice and this permission notice shall be included in all copies",
        'THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND,',
        "OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.",
        "arXiv:1708.07747, 2017.",
    ):
        assert line in words


def test_fashion_classes_name_the_labels():
    assert isinstance(data.FASHION_CLASSES, tuple) and len(set(data.FASHION_CLASSES)) == 10
    assert [data.FASHION_CLASSES[label] for label in (0, 1, 6, 9)] == ["T-shirt/top", "Trouser", "Shirt", "Ankle boot"]
    (x, y), _ = data.load_fashion_mnist()
    means = {name: x[y == label].mean(axis=0) for label, name in enumerate(data.FASHION_CLASSES)}
    assert means["Trouser"][20, 14] < means["Trouser"][20, 10]  # two legs, a gap between them
    assert means["Sneaker"][:10].mean() < 10 < means["Ankle boot"][:10].mean()  # only the boot has a shaft


def test_import_and_minis_load_numpy_alone():
    script = (
        "import sys; from labkit import data; data.load_mnist(); data.load_fashion_mnist()\n"
        "print(sorted({'torch', 'keras', 'matplotlib', 'nbformat', 'tensorflow', 'jax'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=PROJECT,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


# ---- the full sets

FASHION_FILES = [
    "train-labels-idx1-ubyte.gz", "train-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz"
]
FULL = {  # loader, its files in keras' folder `datasets`, its bundle
    "mnist": (data.load_mnist, ["mnist.npz"], "mnist-mini.npz"),
    "fashion": (data.load_fashion_mnist, [f"fashion-mnist/{name}" for name in FASHION_FILES], "fashion-mnist-mini.npz"),
}
each_full = pytest.mark.parametrize("name", FULL)


@pytest.fixture
def keras_home(tmp_path, monkeypatch):
    """A scratch home for keras, in which whatever tries to download fails as it does without a network."""
    home = tmp_path / "keras home"
    (home / "datasets" / "fashion-mnist").mkdir(parents=True)
    monkeypatch.setenv("KERAS_HOME", str(home))
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    pytest.importorskip("keras", reason="keras is not installed", exc_type=ModuleNotFoundError)
    # keras reads KERAS_HOME once, when it is imported. Another test may have imported it.
    with mock.patch("keras.src.backend.config.keras_home", return_value=str(home)), download(NO_NETWORK):
        yield home


NO_NETWORK = urllib.error.URLError(OSError(-2, "Name or service not known"))


def download(effect):
    """What keras' download does: raise `effect`, or call it."""
    return mock.patch("keras.src.utils.file_utils.urlretrieve", side_effect=effect)


def copy_full_files(name, home):
    """Copies of the real full files. Skips, saying so, where this machine has none."""
    _, files, _ = FULL[name]
    folders = [PROJECT.parent / "shared" / "data" / "full", Path("~/.keras/datasets").expanduser()]
    for folder in folders:
        if all((folder / file).is_file() for file in files):
            for file in files:
                shutil.copyfile(folder / file, home / "datasets" / file)
            return
    pytest.skip(f"the full files {', '.join(files)} are neither in ../shared/data/full nor in the cache of keras")


def write_small_files(name, home):
    """The images of the bundle, in the files and the layout that keras expects of the full set."""
    loader, files, _ = FULL[name]
    (x_train, y_train), (x_test, y_test) = loader()
    if name == "mnist":
        np.savez(home / "datasets" / files[0], x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
        return
    for file, array in zip(files, (y_train, x_train, y_test, x_test), strict=True):
        header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
        (home / "datasets" / file).write_bytes(gzip.compress(header + array.tobytes(), compresslevel=1, mtime=0))


# keras would delete a mnist.npz that is not the original, though it may hold the same arrays.
any_checksum_will_do = mock.patch("keras.src.utils.file_utils.validate_file", return_value=True)


def assert_told_offline(message, loader, home, files):
    assert "no network" in message and "URL fetch failure on" in message
    assert str(home / "datasets") in message
    assert all(Path(file).name in message for file in files)
    assert "deletes" in message and "checksum" in message
    assert f"{loader.__name__}() without full=True" in message


@each_full
def test_full_without_network_says_what_is_missing_where_and_how_to_go_on(name, keras_home):
    loader, files, _ = FULL[name]
    with pytest.raises(FileNotFoundError) as caught:
        loader(full=True)
    assert_told_offline(str(caught.value), loader, keras_home, files)
    assert type(caught.value.__cause__) is Exception  # keras' own words are kept


def test_a_home_of_keras_that_cannot_be_written_is_told(keras_home, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(keras_home / "no such folder"))
    with pytest.raises(FileNotFoundError, match=r"no such folder.datasets \(that cannot be written.*temporary files\)"):
        data.load_mnist(full=True)


def test_full_mnist_with_another_checksum_is_deleted_by_keras_as_the_message_says(keras_home):
    path = keras_home / "datasets" / "mnist.npz"
    path.write_bytes(b"another file")
    with pytest.raises(FileNotFoundError, match="deletes a file of that name with another checksum"):
        data.load_mnist(full=True)
    assert not path.exists()


@pytest.mark.parametrize(
    "effect",
    [
        ConnectionResetError(104, "reset by peer"),
        TimeoutError("timed out"),
        http.client.IncompleteRead(b"half"),
        urllib.error.HTTPError("", 403, "Forbidden", None, None),
        urllib.error.ContentTooShortError("got 5 of 10 bytes", b""),
    ],
    ids=repr,
)
@each_full
def test_a_broken_download_is_told_like_no_network(name, effect, keras_home):
    loader, files, _ = FULL[name]
    with download(effect), pytest.raises(FileNotFoundError, match=f"{loader.__name__}.. without full=True") as caught:
        loader(full=True)
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize(
    "effect",
    [
        PermissionError(13, "Permission denied"),
        OSError(28, "No space left on device"),
        RuntimeError("URL fetch failure on"),  # the words of keras, but not what keras raises
        KeyError("x"),
        Exception("something else"),
    ],
    ids=repr,
)
@each_full
def test_other_errors_go_through_as_they_are(name, effect, keras_home):
    loader, _, _ = FULL[name]
    with download(effect), pytest.raises(type(effect)) as caught:
        loader(full=True)
    assert caught.value is effect


def test_a_download_with_another_checksum_is_a_damaged_file(keras_home):
    def wrong(url, path, progress):
        Path(path).write_bytes(b"a login page of the network")

    with download(wrong), pytest.raises(ValueError, match="damaged.*mnist.npz.*[Dd]elete the damaged file") as caught:
        data.load_mnist(full=True)
    assert str(keras_home / "datasets") in str(caught.value)


@pytest.mark.parametrize(
    "damage",
    [
        lambda c: c[:-100],
        flip_a_byte,
        lambda c: c[:60] + b"\xff" * 140 + c[200:],
        lambda c: b"",
        lambda c: b"no gzip",
    ],
    ids=["cut", "one bit", "overwritten", "empty", "another file"],
)
def test_a_damaged_full_file_of_fashion_is_told(damage, keras_home):
    write_small_files("fashion", keras_home)
    path = keras_home / "datasets" / "fashion-mnist" / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match="damaged") as caught:
        data.load_fashion_mnist(full=True)
    message = str(caught.value)
    assert str(path.parent) in message and path.name in message and "load_fashion_mnist() without full=True" in message


@each_full
def test_full_gives_what_keras_has_as_writable_arrays(name, keras_home):
    loader, _, _ = FULL[name]
    write_small_files(name, keras_home)
    with any_checksum_will_do:
        parts = loader(full=True)
    for part, mini in zip(parts, loader(), strict=True):
        for array, expected in zip(part, mini, strict=True):
            assert array.dtype == np.uint8 and array.flags.writeable
            assert array.shape == expected.shape and (array == expected).all()


@each_full
def test_the_real_full_sets_load_and_hold_the_bundles(name, keras_home):
    loader, _, bundle = FULL[name]
    copy_full_files(name, keras_home)
    with any_checksum_will_do:
        full = loader(full=True)
    with np.load(FOLDER / bundle, allow_pickle=False) as arrays:
        indices = arrays["train_index"], arrays["test_index"]
    for (x, y), (x_mini, y_mini), index, count in zip(full, loader(), indices, (60_000, 10_000), strict=True):
        assert x.shape == (count, 28, 28) and y.shape == (count,)
        assert x.dtype == np.uint8 and y.dtype == np.uint8
        assert x.flags.writeable and y.flags.writeable
        assert (x[index] == x_mini).all() and (y[index] == y_mini).all()
        per_class = len(index) // 10
        firsts = np.sort(np.concatenate([np.flatnonzero(y == label)[:per_class] for label in range(10)]))
        assert (index == firsts).all()  # the selection rule of LICENSES.md


def test_full_in_a_fresh_process_uses_torch_and_ends_with_the_sentence(tmp_path):
    script = (
        "import urllib.error, urllib.request\n"
        "def no_network(*args, **kwargs): raise urllib.error.URLError('no route')\n"
        "urllib.request.urlretrieve = no_network\n"
        "from labkit.data import load_mnist\n"
        "try:\n    load_mnist(full=True)\n"
        "except FileNotFoundError as error:\n"
        "    import keras; print(keras.backend.backend()); print(error)\n"
    )
    home = tmp_path / "home of keras"
    environment = {key: value for key, value in os.environ.items() if key != "KERAS_BACKEND"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=PROJECT,
        env=environment | {"PYTHONPATH": str(PROJECT), "KERAS_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    backend, message = done.stdout.strip().splitlines()[-2:]
    assert backend == "torch"
    assert_told_offline(message, data.load_mnist, home, ["mnist.npz"])


# ---- subsample


@given(label_lists, dtypes, st.data())
def test_subsample_takes_the_first_of_each_class_in_file_order(labels, dtype, draw):
    x, y = numbered(labels, dtype)
    counts = Counter(labels)
    classes = draw.draw(st.lists(st.sampled_from(sorted(counts)), min_size=1, unique=True))
    per_class = draw.draw(st.integers(1, min(counts[c] for c in classes)))
    seen, expected = Counter(), []
    for i, label in enumerate(labels):
        if label in classes and seen[label] < per_class:
            seen[label] += 1
            expected.append(i)
    x_few, y_few = data.subsample(x, y, classes, per_class)
    assert positions(x_few) == expected
    assert y_few.tolist() == [labels[i] for i in expected]
    assert (x_few.dtype, y_few.dtype) == (x.dtype, y.dtype)


def test_subsample_of_the_bundle():
    (x, y), _ = data.load_mnist()
    x_few, y_few = data.subsample(x, y, [7, 3], 100)
    assert x_few.shape == (200, 28, 28) and Counter(y_few.tolist()) == {3: 100, 7: 100}
    assert y_few.dtype == np.uint8
    assert (x_few[y_few == 7] == x[y == 7][:100]).all()


@pytest.mark.parametrize(
    "classes",
    [(2, 0), range(0, 3, 2), np.array([0, 2]), np.array([0, 2], np.uint8), {0, 2}],
    ids=lambda c: type(c).__name__,
)
def test_subsample_takes_any_collection_of_labels(classes):
    x, y = numbered([0, 1, 2, 0, 2])
    assert positions(data.subsample(x, y, classes, 2)[0]) == [0, 2, 3, 4]


@pytest.mark.parametrize(
    ("classes", "per_class", "words"),
    [
        ([], 1, ["classes", "empty"]),
        ([0, 1, 0], 1, ["classes", "[0]", "more than once"]),
        ([0, 7, -1], 1, ["classes", "[-1, 7]", "no such label", "[0, 1, 2]"]),
        ([256], 1, ["classes", "[256]"]),  # 256 is 0 in uint8
        ([2**80], 1, ["classes", str(2**80)]),
        (0, 1, ["classes", "0 (type int)", "[0, 1]"]),
        (np.array(0), 1, ["classes", "shape ()"]),
        ([0.0], 1, ["classes", "int", "0.0"]),
        ([True], 1, ["classes", "int", "True"]),
        ("01", 1, ["classes", "int", "'0'"]),
        ([[0, 1]], 1, ["classes", "int", "[0, 1]"]),
        ([0], 0, ["per_class", "1 or more", "0"]),
        ([0], -3, ["per_class", "1 or more", "-3"]),
        ([0], 1.0, ["per_class", "int", "1.0 (type float)"]),
        ([0], True, ["per_class", "int", "True (type bool)"]),
        ([0], np.True_, ["per_class", "int", "bool"]),
        ([0], None, ["per_class", "int", "None"]),
        ([0, 1, 2], 3, ["per_class is 3", "class 1 has 2", "class 2 has 1"]),
    ],
)
def test_subsample_says_what_is_wrong(classes, per_class, words):
    x, y = numbered([0, 0, 0, 1, 1, 2])
    with pytest.raises(ValueError) as caught:
        data.subsample(x, y, classes, per_class)
    assert all(word in str(caught.value) for word in words), caught.value


def test_too_few_names_the_short_classes_alone():
    x, y = numbered([0, 0, 0, 1, 1, 2])
    with pytest.raises(ValueError) as caught:
        data.subsample(x, y, [0, 1, 2], 3)
    assert "class 0" not in str(caught.value)


# ---- shuffle_together


@given(label_lists, dtypes, seeds)
def test_shuffle_keeps_every_image_once_and_with_its_label(labels, dtype, seed):
    x, y = numbered(labels, dtype)
    x_new, y_new = data.shuffle_together(x, y, np.random.default_rng(seed))
    order = positions(x_new)
    assert sorted(order) == list(range(len(labels)))
    assert y_new.tolist() == [labels[i] for i in order]
    assert (x_new.dtype, y_new.dtype) == (x.dtype, y.dtype)


def test_shuffle_reaches_every_order_equally_often():
    x, y = numbered([0, 1, 2, 3])
    rng = np.random.default_rng(0)
    seen = Counter(tuple(positions(data.shuffle_together(x, y, rng)[0])) for _ in range(2400))
    assert len(seen) == 24  # 100 of each expected, standard deviation 10
    assert 50 < min(seen.values()) and max(seen.values()) < 150


# ---- split_per_class


@given(label_lists, dtypes, st.floats(0.001, 0.999), seeds)
def test_split_puts_every_image_in_one_part_and_the_right_number_of_each_class(labels, dtype, held_out, seed):
    x, y = numbered(labels, dtype)
    x_train, y_train, x_val, y_val = data.split_per_class(x, y, held_out, np.random.default_rng(seed))
    train, val = positions(x_train), positions(x_val)
    assert sorted(train + val) == list(range(len(labels)))
    assert train == sorted(train) and val == sorted(val)  # both parts keep the order of the input
    assert y_train.tolist() == [labels[i] for i in train] and y_val.tolist() == [labels[i] for i in val]
    assert Counter(y_val.tolist()) == +Counter({c: round(held_out * n) for c, n in Counter(labels).items()})
    assert (x_val.dtype, y_val.dtype, y_train.dtype) == (x.dtype, y.dtype, y.dtype)


@pytest.mark.parametrize(
    ("n", "held_out", "expected"),
    [(5, 0.5, 2), (7, 0.5, 4), (1, 0.5, 0), (3, 0.5, 2), (10, 0.29, 3), (1, 0.9, 1), (600, 0.2, 120),
     (600, np.float32(0.1), 60)],
)
def test_split_rounds_a_half_to_the_even_number(n, held_out, expected):
    x, y = numbered([4] * n)
    x_train, _, x_val, _ = data.split_per_class(x, y, held_out, np.random.default_rng(0))
    assert (len(x_train), len(x_val)) == (n - expected, expected)


def test_split_can_hold_out_every_image_and_no_place_more_often():
    x, y = numbered([0, 1] * 5)
    rng = np.random.default_rng(0)
    seen = Counter(i for _ in range(1000) for i in positions(data.split_per_class(x, y, 0.4, rng)[2]))
    assert set(seen) == set(range(10))  # 400 of each expected, standard deviation 15
    assert 320 < min(seen.values()) and max(seen.values()) < 480


def test_split_chooses_each_class_on_its_own():
    x, y = numbered([0] * 50 + [1] * 50)
    val = positions(data.split_per_class(x, y, 0.5, np.random.default_rng(0))[2])
    assert {i for i in val if i < 50} != {i - 50 for i in val if i >= 50}


@pytest.mark.parametrize(
    "held_out",
    [0, 1, 0.0, 1.0, -0.1, 1.5, float("nan"), float("inf"), "0.2", None, True, np.array([0.2]), [0.2, 0.3], 0.2 + 0j],
    ids=repr,
)
def test_split_says_what_is_wrong_with_held_out(held_out):
    x, y = numbered([0, 0, 1, 1])
    with pytest.raises(ValueError, match="^held_out must be"):
        data.split_per_class(x, y, held_out, np.random.default_rng(0))


# ---- minibatches


@given(label_lists, dtypes, st.integers(1, 50), seeds)
def test_batches_hold_every_image_once_with_its_label_and_only_the_last_is_smaller(labels, dtype, batch_size, seed):
    x, y = numbered(labels, dtype)
    batches = list(data.minibatches(x, y, batch_size, np.random.default_rng(seed)))
    sizes = [len(y_batch) for _, y_batch in batches]
    full, rest = divmod(len(labels), batch_size)
    assert sizes == [batch_size] * full + [rest] * (rest > 0)
    order = [i for x_batch, _ in batches for i in positions(x_batch)]
    assert sorted(order) == list(range(len(labels)))
    assert [label for _, y_batch in batches for label in y_batch.tolist()] == [labels[i] for i in order]
    assert all(xb.dtype == x.dtype and yb.dtype == y.dtype for xb, yb in batches)


def test_batches_mix_all_places_from_the_first_batch_on():
    x, y = numbered([0] * 400)
    epochs = [data.minibatches(x, y, 20, np.random.default_rng(seed)) for seed in range(20)]
    first = np.concatenate([positions(next(epoch)[0]) for epoch in epochs])
    assert np.bincount(first // 100, minlength=4).min() > 60  # 100 of each quarter expected, standard deviation 9


def test_batches_take_a_numpy_integer():
    x, y = numbered([0, 1, 2])
    assert [len(b) for b, _ in data.minibatches(x, y, np.int64(2), np.random.default_rng(0))] == [2, 1]


@pytest.mark.parametrize(
    ("batch_size", "word"),
    [(0, "1 or more"), (-1, "1 or more"), (2.0, "int"), (True, "int"), (np.True_, "int"), (None, "int"), ("8", "int"),
     (np.array(2), "int")],
    ids=repr,
)
def test_batches_say_what_is_wrong_with_batch_size_at_the_call(batch_size, word):
    x, y = numbered([0, 1, 2])
    with pytest.raises(ValueError, match=f"^batch_size must be.*{word}"):
        data.minibatches(x, y, batch_size, np.random.default_rng(0))  # nothing asks for a batch


def test_batches_draw_their_order_at_the_call():
    x, y = numbered([0] * 30)
    rng = np.random.default_rng(3)
    first, second = data.minibatches(x, y, 30, rng), data.minibatches(x, y, 30, rng)
    (x_second, _), (x_first, _) = next(second), next(first)  # asked for in the other order
    rng = np.random.default_rng(3)
    in_turn = [positions(next(data.minibatches(x, y, 30, rng))[0]) for _ in range(2)]
    assert [positions(x_first), positions(x_second)] == in_turn


# ---- what the functions on (x, y) have in common

RNG_USERS = {
    "shuffle_together": lambda x, y, rng: data.shuffle_together(x, y, rng),
    "split_per_class": lambda x, y, rng: data.split_per_class(x, y, 0.4, rng),
    "minibatches": lambda x, y, rng: [a for batch in data.minibatches(x, y, 3, rng) for a in batch],
}
LABELLED = RNG_USERS | {"subsample": lambda x, y, rng: data.subsample(x, y, [0], 1)}
each_rng_user = pytest.mark.parametrize("call", RNG_USERS.values(), ids=RNG_USERS)
each_labelled = pytest.mark.parametrize("call", LABELLED.values(), ids=LABELLED)


def as_lists(arrays):
    return [array.tolist() for array in arrays]


@each_rng_user
def test_same_seed_same_result_and_nothing_else_counts(call):
    x, y = numbered([0, 1, 2, 3] * 25)
    results = []
    for world in (1, 2):
        np.random.seed(world)
        results.append(as_lists(call(x, y, np.random.default_rng(5))))
    assert results[0] == results[1]
    assert results[0] != as_lists(call(x, y, np.random.default_rng(6)))


@each_rng_user
def test_two_calls_with_one_rng_differ(call):
    x, y = numbered([0, 1, 2, 3] * 25)
    rng = np.random.default_rng(5)
    assert as_lists(call(x, y, rng)) != as_lists(call(x, y, rng))


@each_labelled
def test_global_random_state_is_untouched(call):
    x, y = numbered([0, 1, 2, 3] * 5)
    np.random.seed(11)
    before = np.random.get_state()
    call(x, y, np.random.default_rng(5))
    after = np.random.get_state()
    assert (before[1] == after[1]).all() and before[2:] == after[2:]


@each_labelled
def test_inputs_are_never_modified_and_never_shared(call):
    x, y = numbered([0, 1, 2, 3] * 5)
    x_before, y_before = x.copy(), y.copy()
    x.flags.writeable = y.flags.writeable = False
    for array in call(x, y, np.random.default_rng(5)):
        assert not np.shares_memory(array, x) and not np.shares_memory(array, y)
        array[...] = 99
    assert (x == x_before).all() and (y == y_before).all()


@each_labelled
def test_strides_of_the_input_do_not_matter(call):
    x, y = numbered([0, 1, 2, 3] * 5)
    wide = np.zeros((40, 3, 2), x.dtype)[::2].transpose(0, 2, 1)
    wide[...] = x
    long = np.repeat(y, 2)[::2]
    assert not wide.flags.c_contiguous and not long.flags.c_contiguous
    results = [as_lists(call(*pair, np.random.default_rng(5))) for pair in ((x, y), (wide, long))]
    assert results[0] == results[1]


@each_labelled
def test_images_of_any_shape_and_dtype(call):
    y = np.zeros(7, np.int64)
    for shape in [(7,), (7, 1), (7, 3, 4, 5)]:
        for dtype in (np.uint8, np.float32, np.float64):
            for array in call(np.ones(shape, dtype), y, np.random.default_rng(5)):
                assert array.dtype in (dtype, np.int64) and array.shape[1:] in (shape[1:], ())


GOOD_X, GOOD_Y = numbered([0, 0, 1, 1])


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (GOOD_X[:3], GOOD_Y, ["x and y", "same length", "x holds 3", "y holds 4"]),
        (GOOD_X[:1], GOOD_Y, ["x and y", "same length", "x holds 1"]),  # a length of 1 is not broadcast
        (GOOD_X, GOOD_Y[:1], ["x and y", "same length", "y holds 1"]),
        (GOOD_X, GOOD_Y[:0], ["x and y", "same length", "y holds 0"]),
        (GOOD_X, GOOD_Y[:, None], ["y must have shape (N,)", "(4, 1)", "y.reshape(-1)"]),
        (GOOD_X, np.eye(4, dtype=int), ["y must have shape (N,)", "(4, 4)", "argmax"]),
        (GOOD_X, np.array(1), ["y must have shape (N,)", "shape ()"]),
        (GOOD_X, GOOD_Y.astype(float), ["y must hold integers", "float64", "astype"]),
        (GOOD_X, GOOD_Y.astype(bool), ["y must hold integers", "bool"]),
        (GOOD_X, GOOD_Y.astype(object), ["y must hold integers", "object"]),
        (GOOD_X, GOOD_Y.tolist(), ["y must be a NumPy array", "list", "np.asarray(y)"]),
        (GOOD_X.tolist(), GOOD_Y, ["x must be a NumPy array", "list", "np.asarray(x)"]),
        (None, GOOD_Y, ["x must be a NumPy array", "None"]),
        (np.array(3.0), GOOD_Y, ["x must have its N items", "shape ()"]),
        (GOOD_X[:0], GOOD_Y[:0], ["x is empty", "(0, 2, 3)"]),
        (GOOD_X[:, :0], GOOD_Y, ["x is empty", "(4, 0, 3)"]),
    ],
)
@each_labelled
def test_what_does_not_fit_together_is_told(call, x, y, words):
    with pytest.raises(ValueError) as caught:
        call(x, y, np.random.default_rng(5))
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize(
    "rng",
    [None, 0, np.random, np.random.RandomState(0), np.random.default_rng, np.random.PCG64(0)],
    ids=["None", "int", "module", "RandomState", "function", "bit generator"],
)
@each_rng_user
def test_what_is_no_generator_is_told(call, rng):
    with pytest.raises(ValueError, match=r"^rng must be a NumPy Generator.*np\.random\.default_rng\(0\)"):
        call(GOOD_X, GOOD_Y, rng)


# ---- standardising

pixels = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=4, max_side=5))


@given(pixels)
def test_fit_gives_mean_and_biased_std_over_all_pixels(x):
    mean, std = data.fit_standardizer(x)
    assert type(mean) is float and type(std) is float
    values = [int(v) for v in x.ravel()]  # exact sums, so that nothing is lost before the last division
    n, total, squares = len(values), sum(values), sum(v * v for v in values)
    assert mean == pytest.approx(total / n, rel=1e-12)
    assert std == pytest.approx((n * squares - total**2) ** 0.5 / n, rel=1e-9)


def test_fit_computes_in_float64_whatever_comes():
    x = np.full((1000, 100), 1000.0, np.float32)
    x[::2] += np.float32(0.25)
    mean, std = data.fit_standardizer(x)
    assert mean == pytest.approx(1000.125, rel=1e-12) and std == pytest.approx(0.125, rel=1e-12)


@given(pixels, st.sampled_from([np.uint8, np.int32, np.float32, np.float64]))
def test_standardize_is_x_minus_mean_over_std_in_the_right_dtype(x, dtype):
    x = x.astype(dtype)
    before = x.copy()
    x.flags.writeable = False
    z = data.standardize(x, 100.5, 7.25)
    assert z.dtype == (dtype if np.issubdtype(dtype, np.floating) else np.float64)
    assert z.shape == x.shape and not np.shares_memory(z, x) and (x == before).all()
    expected = (x.astype(np.float64) - 100.5) / 7.25
    np.testing.assert_allclose(z, expected, rtol=1e-6 if dtype is np.float32 else 1e-12)


def test_standardized_training_images_have_mean_0_and_std_1_and_test_images_follow_them():
    (x_train, _), (x_test, _) = data.load_mnist()
    mean, std = data.fit_standardizer(x_train)
    z_train, z_test = data.standardize(x_train, mean, std), data.standardize(x_test, mean, std)
    assert z_train.mean() == pytest.approx(0, abs=1e-12) and z_train.std() == pytest.approx(1, abs=1e-12)
    assert abs(z_test.mean()) > 1e-4  # its own mean was not used
    assert z_train[0, 0, 0] == z_test[0, 0, 0] == -mean / std  # background is background in both


@pytest.mark.parametrize("kind", [float, np.float64, np.float32, np.array], ids=lambda k: k.__name__)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_float_dtype_stays_whatever_kind_of_number_mean_and_std_are(kind, dtype):
    x = np.array([[0.0, 1.0], [2.0, 3.0]], dtype)
    z = data.standardize(x, kind(1.5), kind(0.5))
    assert z.dtype == dtype and z.tolist() == [[-3.0, -1.0], [1.0, 3.0]]


@pytest.mark.parametrize(
    ("mean", "std", "words"),
    [
        (0.0, 0, ["std must be positive", "0.0 came", "equal"]),
        (0.0, -0.0, ["std must be positive"]),
        (0.0, -2.0, ["std must be positive", "-2.0 came"]),
        (0.0, float("nan"), ["std must be finite", "nan"]),
        (0.0, float("inf"), ["std must be finite", "inf"]),
        (0.0, np.ones(2), ["std must be one number", "shape (2,)"]),  # would broadcast
        (0.0, np.ones(1), ["std must be one number", "shape (1,)"]),
        (0.0, None, ["std must be one number", "None"]),
        (0.0, "1", ["std must be one number", "'1' (type str)"]),
        (0.0, True, ["std must be one number", "bool"]),
        (float("nan"), 1.0, ["mean must be finite", "nan"]),
        (-np.inf, 1.0, ["mean must be finite", "inf"]),
        (np.zeros((2, 2)), 1.0, ["mean must be one number", "shape (2, 2)"]),
        (1j, 1.0, ["mean must be one number", "complex"]),
    ],
)
def test_standardize_says_what_is_wrong_with_mean_and_std(mean, std, words):
    with pytest.raises(ValueError) as caught:
        data.standardize(np.ones((2, 2)), mean, std)
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.ones((0, 28, 28)), ["x is empty", "(0, 28, 28)"]),
        ([[1, 2]], ["x must be a NumPy array", "list"]),
        (np.float64(3), ["x must be a NumPy array", "float64"]),
        (np.array(3.0), ["x must have its N items", "shape ()"]),
        (np.ones((2, 2), bool), ["x must hold integers or floats", "bool"]),
        (np.ones((2, 2), complex), ["x must hold integers or floats", "complex128"]),
        (np.array(["a", "b"]), ["x must hold integers or floats", "<U1"]),
    ],
)
@pytest.mark.parametrize(
    "call", [data.fit_standardizer, lambda x: data.standardize(x, 0.0, 1.0)], ids=["fit", "standardize"]
)
def test_standardizing_says_what_is_wrong_with_x(call, x, words):
    with pytest.raises(ValueError) as caught:
        call(x)
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_fit_refuses_what_is_not_finite_and_says_where(bad):
    with pytest.raises(ValueError, match=rf"^x must be finite, but x\[1, 0\] is {bad}"):
        data.fit_standardizer(np.array([[1.0, 5.0], [bad, 2.0]]))


def test_equal_pixels_cannot_be_standardized():
    x = np.full((3, 4), 7, np.uint8)
    with pytest.raises(ValueError, match="^std must be positive, but 0.0 came"):
        data.standardize(x, *data.fit_standardizer(x))


def test_public_names_are_those_of_the_course():
    assert set(data.__all__) == {
        "FASHION_CLASSES", "fit_standardizer", "load_fashion_mnist", "load_mnist", "minibatches", "shuffle_together",
        "split_per_class", "standardize", "subsample",
    }
    assert all(hasattr(data, name) for name in data.__all__)
