"""Lab 1, data you can trust: what is asked."""

from collections.abc import Callable

import numpy as np

from labkit.asked.exercise import Case, Exercise, Misuse, call, one_call

ENOUGH = 8  # images that show whether an order is random; fewer show labels, shapes and numbers only
BATCHES_TOO_MANY = 2  # batches taken beyond one an image: enough to see that a generator has no end


def pictures(rng: np.random.Generator, shape: tuple[int, ...], dtype: type = np.uint8) -> np.ndarray:
    """Random images of which no two are alike: whole numbers 0 to 255, or floats of both signs."""
    if np.dtype(dtype).kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    return rng.integers(0, 256, shape).astype(dtype)


def named(rng: np.random.Generator, pattern: str, dtype: type, first: int = 1) -> tuple[np.ndarray, list[int]]:
    """Labels that repeat as the letters of `pattern` do, and the label of each letter from a on.

    The labels are drawn from nine numbers, `first` the smallest, with gaps and in no order.
    """
    names = rng.permutation(np.arange(first, first + 9)).tolist()
    return np.array([names["abcdefghi".index(letter)] for letter in pattern], dtype), names


def whole(*values: float) -> np.ndarray:
    """A column of small numbers as images of one pixel, for cases that are worked out by hand."""
    return np.array(values, dtype=np.float64)[:, None]


# subsample --------------------------------------------------------------------------------------

FAR = (31, 64, 130, 260, 289, 299)  # places that a set of them gives in another order, whatever its table's size


def subsample_inputs(rng: np.random.Generator) -> dict[str, Case]:
    def case(catches, pattern, wanted, per_class, image=(3, 4), dtype=np.uint8, labels=np.uint8, kind=list,
             keywords=(), raises="", order="C", first=1, more=()):  # fmt: skip
        y, names = named(rng, pattern, labels, first)
        x = np.asarray(pictures(rng, (len(y), *image), dtype), order=order)
        classes = kind([*(names["abcdefghi".index(letter)] for letter in wanted), *more])
        return Case(catches, {"x": x, "y": y, "classes": classes, "per_class": per_class}, keywords, raises)

    return {
        "two of four classes": case("the file's order lost, or other labels", "bacabdabcbdacba", "ba", 3),
        "the same shapes again": case("something remembered from the call before", "abcdcbabdacabbc", "ac", 2),
        "three classes, wide images": case(
            "labels numbered anew", "ccabdabbcdadcab", "dcb", 2, (2, 3, 5), np.float32, np.int64, tuple
        ),
        "labels as an array, parameters by name": case(
            "the labels of the first images of the file", "cabbacabcc", "cb", 3, (1, 4, 3), np.float64, np.int32,
            np.array, ("classes", "per_class"),
        ),
        "exactly as many as there are": case("a guard that is too strict", "abbcabacb", "ac", 2, labels=np.int16),
        "one of each": case("one too many or one too few", "bbcaacbdd", "dab", 1, labels=np.int64),
        "one class": case("an axis of length 1 lost", "babab", "a", 1, (1, 2, 4)),
        "labels in order": case("the last ones instead of the first", "aaaabbbbbccc", "bc", 3, (6,), np.float64),
        "another order in memory": case("only arrays in row order", "cbacbabca", "ab", 2, (4, 3), order="F"),
        "labels of two digits": case("the labels 0 to 9 gone through", "bacbbacabc", "ab", 2, first=12),
        "a long file": case("places collected in a set", "".join(
            "ab"[place % 2] if place in FAR else "c" for place in range(300)
        ), "ab", 3, (2, 3), labels=np.int64),
        "one class too small": case(
            "a guard that looks at all classes together", "aabaaabaaa", "ab", 4, raises="ValueError"
        ),
        "a class that is not there": case("a guard that never fires", "abbabab", "ae", 2, raises="ValueError"),
        "a class above all labels": case(
            "counts that end at the largest label", "abbabab", "a", 2, raises="ValueError", more=(12,)
        ),
    }


def subsample_small() -> dict[str, Case]:
    def case(labels, classes, per_class, raises="", x=None, dtype=np.int64):
        x = whole(*range(10, 10 + len(labels))) if x is None else x
        return Case("", {"x": x, "y": np.array(labels, dtype), "classes": classes, "per_class": per_class}, (), raises)

    return {
        "file order": case([7, 3, 7, 3, 3], [3, 7], 1),
        "two of each": case([7, 7, 3, 7, 3, 5, 3], [3, 7], 2),
        "all": case([4, 2, 4, 2], [2, 4], 2),
        "one": case([4, 2, 2], [2], 1),
        "as an array": case([4, 2, 4, 2], np.array([4]), 1),
        "flat": case([6, 5, 6], [6], 1, x=np.array([[[1.0, 2]], [[3, 4]], [[5, 6]]])),
        "bytes": case([4, 2, 2], (4, 2), 1, x=whole(1, 2, 3).astype(np.uint8), dtype=np.uint8),
        "two digits": case([12, 10, 12], [12], 1),
        "far apart": case([5, 3, 5, 5, 5, 5, 5, 5, 3], [3], 2),
        "too few": case([2, 4, 4, 4], [4, 2], 2, "ValueError"),
        "none": case([2, 4], [4, 12], 1, "ValueError"),
    }


# What every exercise with a Generator needs: many calls of it ------------------------------------------


def calls_of(case: Case) -> int:
    """How often an answer is called, two times with each Generator; one more call repeats the first."""
    return 64 if len(case.args["x"]) >= ENOUGH else 4


def many_calls(one: Callable[[Callable, Case, dict], dict]) -> Callable[[Callable, Case, dict], dict]:
    """A drive that calls the answer `calls_of` times and once more, and keeps what `one` call gives by its number.

    Calls 2k and 2k + 1 share a Generator, so the second goes on where the first has left it. The last call
    has a Generator like that of call 0. `x changed` and `y changed` tell whether an input was written to.
    """

    def drive(answer: Callable, case: Case, returns: dict[str, str]) -> dict[str, object]:
        before = {name: value.copy() for name, value in case.args.items() if isinstance(value, np.ndarray)}
        found, calls, rng = {}, calls_of(case), None
        for number in range(calls + 1):
            if number % 2 == 0:
                rng = np.random.default_rng(case.args["rng"] + number % calls // 2)
            results = one(answer, Case("", {**case.args, "rng": rng}, case.keywords), returns)
            for name, value in results.items():
                # A view of an input would change with it later on.
                found[f"{name} {number}"] = np.array(value) if isinstance(value, np.ndarray) else value
        for name, value in before.items():
            found[f"{name} changed"] = np.array(not np.array_equal(value, case.args[name]))
        return found

    return drive


def some_arrays(answer: Callable, case: Case, returns: dict[str, str]) -> dict[str, object]:
    """One call. Raises Misuse where nothing but None came in the tuple, as from `rng.shuffle`."""
    results = one_call(answer, case, returns)
    if all(value is None for value in results.values()):
        raise Misuse("type", f"it returned ({', '.join(['None'] * len(results))}); expected arrays")
    return results


# shuffle_together -------------------------------------------------------------------------------


def shuffle_inputs(rng: np.random.Generator) -> dict[str, Case]:
    def case(catches, pattern, image, dtype=np.uint8, labels=np.uint8, keywords=(), order="C"):
        y, _ = named(rng, pattern, labels)
        x = np.asarray(pictures(rng, (len(y), *image), dtype), order=order)
        return Case(catches, {"x": x, "y": y, "rng": int(rng.integers(2**31))}, keywords)

    return {
        "raw images": case("images and labels in two orders", "abcabcabcabc", (3, 4)),
        "channels": case("pixels or channels mixed", "abcbadc", (2, 3, 2), np.float32, np.int64),
        "the same shapes again": case("an order remembered from the call before", "bcabbad", (2, 3, 2), np.float32,
                                      np.int64),  # fmt: skip
        "labels in order": case("shuffled inside the classes alone", "a" * 8 + "b" * 9 + "c" * 7, (1, 2, 4),
                                np.float64, np.int32, ("rng",)),  # fmt: skip
        "another order in memory": case("only arrays in row order", "abbaba", (4, 3), np.uint8, np.int16, (), "F"),
    }


def few(labels: list[int], dtype: type = np.float64, label_dtype: type = np.int64, axes: int = 2) -> dict:
    """Images of one pixel, 10, 11 and so on, with these labels."""
    x = whole(*range(10, 10 + len(labels))).astype(dtype)
    return {"x": x.reshape(len(x), *[1] * (axes - 1)), "y": np.array(labels, label_dtype)}


def shuffle_small() -> dict[str, Case]:
    return {
        "four": Case("", {**few([0, 1, 1, 0]), "rng": 0}),
        "eight": Case("", {**few([0, 1, 1, 0, 1, 0, 0, 1]), "rng": 0}),
        "bytes": Case("", {**few([3, 5, 3], np.uint8, np.uint8), "rng": 1}),
    }


# fit_standardizer -------------------------------------------------------------------------------


def fit_inputs(rng: np.random.Generator) -> dict[str, Case]:
    def case(catches, x, keywords=()):
        return Case(catches, {"x": x}, keywords)

    some = int(rng.integers(20, 200))
    return {
        "raw images": case("squares of bytes that do not fit in a byte", pictures(rng, (3, 4, 5))),
        "the same shapes again": case("something remembered from the call before", pictures(rng, (3, 4, 5))),
        "floats of both signs": case(
            "a number for each pixel, image or channel", 1.7 * pictures(rng, (2, 3, 4, 5), np.float64) - 0.6
        ),
        "dark images": case("the background left out", pictures(rng, (4, 3, 3)) * (rng.random((4, 3, 3)) < 0.4)),
        "images of unlike brightness": case(
            "a mean of standard deviations", pictures(rng, (3, 2, 4), np.float64) + np.array([0, 3, 9])[:, None, None]
        ),
        "float32": case("made into bytes or whole numbers", pictures(rng, (3, 2, 4, 3), np.float32) + 2),
        "whole numbers that are no bytes": case("divided by 255 on the way", rng.integers(-900, 900, (2, 5, 3))),
        "one image": case("divided by one less", pictures(rng, (1, 2, 2))),
        "all pixels alike": case("a small number added", np.full((2, 2, 3), some, np.uint8)),
        "another order in memory": case("only arrays in row order", np.asfortranarray(pictures(rng, (3, 4, 2)))),
    }


def fit_small() -> dict[str, Case]:
    return {
        "two pixels": Case("", {"x": np.array([[[1.0, 3]]])}),
        "two images": Case("", {"x": np.array([[[2.0, 4]], [[0, 2]]])}),
        "bytes": Case("", {"x": np.array([[[10, 90]]], np.uint8)}),
        "dark": Case("", {"x": np.array([[[0, 4]], [[0, 4]]], np.uint8)}),
        "unlike": Case("", {"x": np.array([[[0.0, 2]], [[10, 12]]])}),
        "channels": Case("", {"x": np.array([[[[1.0, 3]], [[5, 7]]]])}),
        "alike": Case("", {"x": np.array([[[7, 7]]], np.uint8)}),
    }


# standardize ------------------------------------------------------------------------------------


def standardize_inputs(rng: np.random.Generator) -> dict[str, Case]:
    def case(catches, x, mean, std, keywords=(), raises=""):
        return Case(catches, {"x": x, "mean": float(mean), "std": float(std)}, keywords, raises)

    mean, std = rng.uniform(20, 60), rng.uniform(50, 90)
    return {
        "raw images": case("bytes that wrap round, or float32", pictures(rng, (3, 4, 5)), mean, std),
        "the same shapes again": case("something remembered from the call before", pictures(rng, (3, 4, 5)), 3, 1.5),
        "floats": case("statistics of its own", pictures(rng, (2, 3, 4, 5), np.float64), 0.4, 2.5, ("mean", "std")),
        "float32": case("float64 for float32", pictures(rng, (2, 1, 3, 4), np.float32), -0.7, 1.3),
        "whole numbers that are no bytes": case("divided by 255", rng.integers(-900, 900, (2, 5, 3)), mean, std),
        "blank images": case("a guard that looks at x", np.full((2, 2, 3), float(rng.integers(2, 9))), 0.5, 0.25),
        "a small std": case("a small number added to std", pictures(rng, (2, 3, 2), np.float64), -0.2, 0.004),
        "a tiny std": case("a guard that refuses more than 0", pictures(rng, (2, 3, 2), np.float64), 0.3, 2e-16),
        "no pixel above 1": case(
            "taken for scaled already", rng.random((2, 3, 4)), rng.uniform(0.2, 0.4), rng.uniform(0.2, 0.4)
        ),
        "another order in memory": case(
            "only arrays in row order", np.asfortranarray(pictures(rng, (2, 3, 4), np.float32)), 0.2, 0.6
        ),
        "std 0": case("a guard that never fires", pictures(rng, (2, 3, 4), np.float64), 0.5, 0, (), "ValueError"),
        "std 0 and raw images": case(
            "zeros instead of an error", np.full((2, 2, 3), 9, np.uint8), 9, 0, ("std",), "ValueError"
        ),
    }


def standardize_small() -> dict[str, Case]:
    def case(x, mean, std, raises="", dtype=np.float64):
        return Case("", {"x": np.array(x, dtype), "mean": float(mean), "std": float(std)}, (), raises)

    return {
        "two pixels": case([[[1, 5]]], 2, 4),
        "bytes": case([[[1, 5]]], 3, 4, dtype=np.uint8),
        "own scale": case([[[0, 2]], [[4, 6]]], 2, 4),
        "blank": case([[[5, 5]]], 3, 2),
        "no pixel above 1": case([[[0, 1]]], 0.5, 2),
        "small": case([[[1, 2]]], 1, 0.004),
        "tiny": case([[[1, 2]]], 1, 2e-16),
        "float32": case([[[1, 5]]], 2, 4, dtype=np.float32),
        "std 0": case([[[1, 5]]], 2, 0, "ValueError"),
        "std 0 and bytes": case([[[2, 2]]], 2, 0, "ValueError", np.uint8),
    }


# split_per_class --------------------------------------------------------------------------------


def split_inputs(rng: np.random.Generator) -> dict[str, Case]:
    def case(catches, pattern, held_out, image=(3, 4), dtype=np.uint8, labels=np.uint8, keywords=(), order="C",
             first=1):
        y, _ = named(rng, pattern, labels, first)
        x = np.asarray(pictures(rng, (len(y), *image), dtype), order=order)
        args = {"x": x, "y": y, "held_out": held_out, "rng": int(rng.integers(2**31))}
        return Case(catches, args, keywords)

    mixed = "abcbabcabbacbabcbacbbaacab"  # nine of a, eleven of b, six of c
    return {
        "raw images": case("held out of the whole, or rounded up or down", mixed, 0.4),
        "channels": case("images without their labels", "abaabab", 0.3, (2, 3, 2), np.float32, np.int64),
        "the same shapes again": case("a choice remembered from the call before", "babbaba", 0.3, (2, 3, 2), np.float32,
                                      np.int64),
        "labels in order": case(
            "the last ones of each class", "aaaaaaabbbbbbbbbcccc", 0.3, (1, 2, 4), np.float64, np.int32,
            ("held_out", "rng"),
        ),
        "more held out than kept": case("the two parts exchanged", "abbabaaabbab", 0.7, labels=np.int16),
        "classes of one and two, too small to be split": case(
            "at least one of each class held out, or all of it", "aabaaaabaacaaa", 0.2
        ),
        "labels of two digits": case("the labels 0 to 9 gone through", "abaabab", 0.3, first=12),
        "a half": case("a half rounded up", "aabaabaabaabaab", 0.25),
        "a class of one, held out": case("at least one of each class kept", "aaaabaa", 0.8),
        "odd classes, a half over": case("rounded what is kept", "aaab" * 5 + "cccc", 0.3),
        "another order in memory": case(
            "only arrays in row order", "ababaa", 0.3, (4, 3), np.float64, np.uint8, (), "F"
        ),
    }  # fmt: skip


def split_small() -> dict[str, Case]:
    def case(labels, held_out, **dtypes):
        return Case("", {**few(labels, **dtypes), "held_out": held_out, "rng": 0})

    return {
        "unlike classes": case([2, 5, 2, 5, 2, 2], 0.3),
        "two classes": case([0, 1, 1, 0, 1, 0, 0, 1], 0.4),
        "bytes": case([3, 5, 3, 3], 0.7, dtype=np.uint8, label_dtype=np.uint8),
        "a class of two": case([1, 1, 4, 1, 4, 1], 0.2),
        "a class of one": case([1, 1, 4, 1], 0.3),
        "a half": case([3, 3], 0.25),
        "two digits": case([12, 12, 12], 0.3),
        "a class of one, held out": case([1, 1, 4, 1], 0.6),
        "a half of three": case([3, 3, 3], 0.5),
    }


# minibatches ------------------------------------------------------------------------------------


def minibatches_inputs(rng: np.random.Generator) -> dict[str, Case]:
    def case(catches, count, batch_size, image=(3, 4), dtype=np.uint8, labels=np.uint8, keywords=(), order="C"):
        y, _ = named(rng, ("aabbc" * count)[:count], labels)
        x = np.asarray(pictures(rng, (count, *image), dtype), order=order)
        args = {"x": x, "y": y, "batch_size": batch_size, "rng": int(rng.integers(2**31))}
        return Case(catches, args, keywords)

    return {
        "a last batch that is smaller": case("the remainder dropped or filled up", 14, 4),
        "batches that come out even": case("an empty batch, or the last one lost", 12, 4, (2, 3, 2), np.float32,
                                           np.int64),  # fmt: skip
        "a last batch of one": case("an axis of length 1 lost", 7, 3, (1, 2, 4), np.float64, np.int32,
                                    ("batch_size", "rng")),  # fmt: skip
        "the same shapes again": case("an order remembered from the call before", 7, 3, (1, 2, 4), np.float64,
                                      np.int32),  # fmt: skip
        "many batches": case("whole batches shuffled, not images", 24, 3, labels=np.int16),
        "one image a batch": case("batches taken for images", 6, 1),
        "one batch for all": case("not shuffled, as there is one batch", 9, 9),
        "more than there are": case("no batch at all", 5, 6, (2, 5), np.float32),
        "another order in memory": case("only arrays in row order", 6, 4, (4, 3), np.uint8, np.uint8, (), "F"),
    }


def minibatches_small() -> dict[str, Case]:
    def case(count, batch_size, **more):
        return Case("", {**few([0, 1, 1, 0, 1, 0, 0, 1][:count], **more), "batch_size": batch_size, "rng": 0})

    return {
        "a rest": case(7, 3),
        "no rest": case(4, 2),
        "one image a batch": case(3, 1),
        "one batch": case(3, 4),
        "bytes": case(3, 2, dtype=np.uint8, label_dtype=np.uint8),
        "axes of length 1": case(3, 2, axes=4),
        "eight by two": case(8, 2),
        "eight by three": case(8, 3),
        "eight at once": case(8, 8),
    }


def one_epoch(answer: Callable, case: Case, returns: dict[str, str]) -> dict[str, object]:
    """Go through what one call gives: `sizes` (batches, 2) of x and y, and all x and all y, one after the other.

    An iterable without an end is left after one batch an image and BATCHES_TOO_MANY more.
    Raises Misuse where it is no iterable of pairs of arrays.
    """
    result, x, y = call(answer, case), case.args["x"], case.args["y"]
    wanted = "expected an iterable of pairs (x, y), one for each batch"
    if result is None:
        raise Misuse("none", f"it returned None; {wanted}. Is the return or the yield missing?")
    if isinstance(result, (tuple, list)) and len(result) == 2 and all(isinstance(one, np.ndarray) for one in result):
        raise Misuse("count", f"it returned one pair of arrays; {wanted}")
    try:
        batches = iter(result)
    except TypeError:
        raise Misuse("type", f"it returned {article(type(result).__name__)}; {wanted}") from None
    xs, ys = [], []
    for batch in batches:
        for kept, one in zip((xs, ys), pair(batch)):
            kept.append(one)  # no copy: a batch must stay as it is when the next one comes
        if len(xs) == len(x) + BATCHES_TOO_MANY:
            break
    sizes = np.array([(len(a), len(b)) for a, b in zip(xs, ys)], np.int64).reshape(-1, 2)
    return {"sizes": sizes, "x": joined("x", xs, x), "y": joined("y", ys, y)}


def article(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def joined(name: str, arrays: list[np.ndarray], whole: np.ndarray) -> np.ndarray:
    """Arrays one after the other, empty ones left out. Raises Misuse where they differ in more than their length."""
    arrays = [one for one in arrays if len(one)] or arrays[:1] or [whole[:0]]
    shapes = sorted({one.shape[1:] for one in arrays})
    if len(shapes) > 1:
        raise Misuse("type", f"{name} has different shapes in different batches: {shapes[0]} and {shapes[1]} an image")
    return np.concatenate(arrays)


def pair(batch: object) -> tuple[np.ndarray, np.ndarray]:
    """The two arrays of a batch. Raises Misuse where it is something else."""
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        kind = f"{type(batch).__name__} of {len(batch)}" if isinstance(batch, (tuple, list)) else type(batch).__name__
        raise Misuse("type", f"a batch is {article(kind)}; expected a pair (x, y)")
    for name, one in zip("xy", batch):
        if not isinstance(one, np.ndarray) or one.ndim == 0:
            kind = "0-d array" if isinstance(one, np.ndarray) else type(one).__name__
            raise Misuse("type", f"{name} of a batch is {article(kind)}; expected a NumPy array")
    return batch[0], batch[1]


EXERCISES = (
    Exercise(
        name="subsample",
        lab="lab01",
        points=2,
        kind="array",
        asks="The first images of some classes, in the order of the file.",
        hints=(
            "Which places in y hold the first per_class images of one class? And in which order should the places of "
            "all classes together stand?",
            "np.flatnonzero(y == label) gives the places of one class, in the order of the file. Keep the first "
            "per_class of them, collect the places of all classes, and sort the places.",
            "For each label: found = np.flatnonzero(y == label); raise a ValueError if len(found) < per_class; "
            "collect found[:per_class]. Then places = np.sort(np.concatenate(...)), and x[places] and y[places].",
        ),
        inputs=subsample_inputs,
        small=subsample_small,
        returns={"x": "array", "y": "array"},
    ),
    Exercise(
        name="shuffle_together",
        lab="lab01",
        points=1,
        kind="property",
        asks="Images and labels in one random order.",
        hints=(
            "Two shuffles give two orders. How many orders do you need?",
            "Draw one order, the numbers 0 to N − 1 in random order, and take both arrays in that order.",
            "order = rng.permutation(len(x)) is drawn once. x[order] are the images in that order. "
            "Do the same with y, and return both.",
        ),
        inputs=shuffle_inputs,
        small=shuffle_small,
        returns={"x": "array", "y": "array"},
        drive=many_calls(some_arrays),
    ),
    Exercise(
        name="fit_standardizer",
        lab="lab01",
        points=1,
        kind="array",
        asks="Mean and standard deviation over all pixels.",
        hints=(
            "How many numbers come back, however many images and pixels there are?",
            "One mean over everything: no axis. The standard deviation is the root of the mean squared distance from "
            "it, and the mean divides by the number of pixels.",
            "x.mean() and x.std() without an axis are the two numbers. If you write the formula out, subtract the mean "
            "first and square then: the square of a byte does not fit in a byte.",
        ),
        inputs=fit_inputs,
        small=fit_small,
        returns={"mean": "scalar", "std": "scalar"},
    ),
    Exercise(
        name="standardize",
        lab="lab01",
        points=1,
        kind="array",
        asks="Subtract a mean, divide by a standard deviation.",
        hints=(
            "Which mean and which std should be used: those of this x, or those that are passed in?",
            "Subtract first, then divide; mind the brackets. NumPy turns whole numbers into float64 as soon as they "
            "meet a float, and it leaves float32 as it is. Do not write into x.",
            "If std == 0, raise a ValueError. Otherwise return (x - mean) / std.",
        ),
        inputs=standardize_inputs,
        small=standardize_small,
        returns={"out": "array"},
    ),
    Exercise(
        name="split_per_class",
        lab="lab01",
        points=3,
        kind="property",
        asks="A random part of each class, held out.",
        hints=(
            "How would you choose some images of one class at random? And how do you know which ones are left?",
            "Keep a note for each image, held out or not: an array of N booleans, all False at first. For each class "
            "find its places, put them in random order, and note the first round(held_out * n) of them.",
            "For each label in np.unique(y): places = rng.permutation(np.flatnonzero(y == label)), and set "
            "held[places[: round(held_out * len(places))]] = True. Then x[~held], y[~held], x[held], y[held].",
        ),
        inputs=split_inputs,
        small=split_small,
        returns={"x_train": "array", "y_train": "array", "x_val": "array", "y_val": "array"},
        drive=many_calls(some_arrays),
    ),
    Exercise(
        name="minibatches",
        lab="lab01",
        points=2,
        kind="property",
        asks="All images once, in random order, in batches.",
        hints=(
            "Write the numbers 0 to 9 in a random order. Where do you cut for batches of 4? What is left at the end?",
            "Draw one order for all N images, then cut the order into pieces. The pieces start at 0, batch_size, "
            "2 * batch_size and so on, as long as the start is below N. A slice that sticks out at the end is shorter.",
            "order = rng.permutation(len(x)). For each start in range(0, len(x), batch_size): "
            "chosen = order[start : start + batch_size], and append (x[chosen], y[chosen]) to a list, or yield it.",
        ),
        inputs=minibatches_inputs,
        small=minibatches_small,
        returns={"x": "array", "y": "array"},
        drive=many_calls(one_epoch),
    ),
)
