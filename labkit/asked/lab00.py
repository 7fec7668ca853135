"""Lab 0, tools you can trust: what is asked."""

import re
from collections.abc import Callable

import numpy as np

from labkit.asked.exercise import Case, Exercise, call, whole

NAN, INF = np.nan, np.inf


def changed(array: np.ndarray, index: tuple[int, ...], value: float) -> np.ndarray:
    """A copy of `array` with another value at one place."""
    copy = array.copy()
    copy[index] = value
    return copy


# relative_error ---------------------------------------------------------------------------------


def relative_error_inputs(rng: np.random.Generator) -> dict[str, Case]:
    def case(catches, actual, expected):
        return Case(catches, {"actual": actual, "expected": expected})

    def draw(*shape):
        return rng.uniform(1, 2, shape) * rng.choice([-1.0, 1.0], shape)

    row, column = int(rng.integers(1, 3)), int(rng.integers(1, 4))
    positive = rng.uniform(1, 2, (3, 4))
    near = positive * rng.uniform(1, 1.001, (3, 4))
    tiny = rng.uniform(1e-9, 2e-9, (2, 3))
    small = rng.uniform(2e-8, 3e-8, (2, 3))
    unlike = draw(2, 3, 4, 2)
    single = draw(5, 3).astype(np.float32)
    signed, row_of_numbers = draw(3, 4), draw(7)
    return {
        "random numbers": case("a mean or a sum for the largest", signed * rng.uniform(0.5, 2, (3, 4)), signed),
        "one entry far above": case("a difference without its absolute value", changed(near, (2, 3), 9.0), positive),
        "one entry far below": case("a difference without its absolute value", changed(near, (0, 2), 0.25), positive),
        "negative numbers": case("sizes without their absolute value", -near, -positive),
        "opposite signs": case("sizes that cancel", changed(positive, (1, 0), -positive[1, 0]), positive),
        "large beside small numbers": case(
            "the largest difference taken apart from its own size", whole(1000.5, 0.5, 3), whole(1000, 0.25, 3)
        ),
        "zeros in both": case("0 divided by 0", changed(near, (0, 1), 0.0), changed(positive, (0, 1), 0.0)),
        "0 beside a number": case(
            "entries left out where expected is 0", changed(near, (1, 1), 0.01), changed(positive, (1, 1), 0.0)
        ),
        "a number beside 0": case(
            "entries left out where actual is 0", changed(near, (2, 0), 0.0), changed(positive, (2, 0), 0.01)
        ),
        "tiny numbers": case("1e-8 left out, or added", tiny, 3 * tiny),
        "small numbers": case("another number for 1e-8, or 1e-8 added", 2 * small, small),
        "very large numbers": case("too large for float32, or for a square", 1e200 * positive, 1e200 * near),
        "NaN in actual": case("NaN lost on the way", changed(near, (row, column), NAN), positive),
        "NaN in expected": case("NaN lost on the way", near, changed(positive, (row, column), NAN)),
        "infinity in actual": case("∞/∞ lost on the way", changed(near, (row, column), INF), positive),
        "infinity in expected": case("∞ looked for in actual only", near, changed(positive, (row, column), INF)),
        "−infinity in actual": case("+∞ looked for only", changed(near, (row, column), -INF), positive),
        "−infinity in expected": case("+∞ looked for only", near, changed(positive, (row, column), -INF)),
        "equal infinities": case("0 for ∞ beside ∞", *[changed(positive, (row, column), INF) for _ in range(2)]),
        "opposite infinities": case(
            "∞/∞ lost on the way", changed(near, (0, 0), -INF), changed(positive, (0, 0), INF)
        ),
        "four axes": case("right for two axes only", unlike + 0.1, unlike),
        "one axis": case("right for two axes only", row_of_numbers * rng.uniform(0.5, 2, 7), row_of_numbers),
        "no axis": case("right for arrays with axes only", np.array(3.0), np.array(-rng.uniform(1, 2))),
        "float32": case("right for float64 only", single * np.float32(1.25), single),
    }


def relative_error_small() -> dict[str, Case]:
    def case(actual, expected):
        return Case("", {"actual": np.array(actual, np.float64), "expected": np.array(expected, np.float64)})

    return {
        "above": case([3], [1]),
        "below": case([1], [3]),
        "negative": case([-1], [-3]),
        "opposite": case([1, 1], [1, -1]),
        "two": case([1, 3], [1, 1]),
        "large and small": case([9, 1], [8, 3]),
        "zeros": case([0, 1], [0, 3]),
        "expected zero": case([1, 1], [0, 1]),
        "actual zero": case([0, 1], [1, 1]),
        "tiny": case([1e-9], [3e-9]),
        "small": case([1e-8], [3e-8]),
        "large": case([1e200], [3e200]),
        "not a number": case([1, NAN, 1], [1, 1, 3]),
        "expected not a number": case([1, 1, 1], [1, NAN, 3]),
        "infinite": case([1, INF, 1], [1, 1, 3]),
        "expected infinite": case([1, 1, 1], [1, INF, 3]),
        "minus infinity": case([1, -INF, 1], [1, 1, 3]),
        "expected minus infinity": case([1, 1, 1], [1, -INF, 3]),
        "equal infinities": case([INF], [INF]),
        "two axes": case([[1, 1], [1, 3]], [[1, 1], [1, 1]]),
        "three axes": case([[[1, 3]]], [[[1, 1]]]),
        "no axis": case(3, 1),
    }


# assert_close -----------------------------------------------------------------------------------

WRAPPED = re.compile(r"np\.\w+\((\d+)\)")  # np.int64(2), as NumPy writes its own integers
TUPLE = re.compile(r"\(\s*(?:\d+(?:\s*,\s*\d+)+\s*,?|\d+\s*,)?\s*\)")  # (), (2,), (1, 2), not (2)


def tuples_in(text: str) -> list[tuple[int, ...]]:
    """The tuples of whole numbers that stand in a text, in their order, each once."""
    found = TUPLE.findall(WRAPPED.sub(r"\1", text))
    return list(dict.fromkeys(tuple(map(int, re.findall(r"\d+", one))) for one in found))


def text_of(error: BaseException) -> str:
    """The text of an exception; empty where it has none that can be read."""
    try:
        return str(error)
    except Exception:  # it is the learner's own, and so may be its __str__
        return ""


def places_of_largest(actual, expected, rtol=1e-7, atol=1e-9) -> list[tuple[int, ...]]:
    """Where |actual - expected| is largest: of the entries that do not agree, and then of all entries.

    The first is asked for, the second is as good. None where shapes differ, where all entries agree, or where a
    difference is NaN and so none is the largest.
    """
    if actual.shape != expected.shape:
        return []
    with np.errstate(invalid="ignore"):
        apart = np.abs(actual - expected)
    apart = np.asarray(apart)
    if np.isnan(apart).any():
        return []
    apart_where_wrong = np.where(
        np.where(np.isfinite(expected), apart <= atol + rtol * np.abs(expected), actual == expected), -1.0, apart
    )
    if not (apart_where_wrong >= 0).any():
        return []
    flat = [np.argmax(one) for one in (apart_where_wrong, apart)]
    return [tuple(int(i) for i in np.unravel_index(one, apart.shape)) for one in flat]


def raised(answer: Callable, case: Case, returns: dict[str, str]) -> dict[str, object]:
    """Call a check; what it raised as numbers.

    AssertionErrors: 0 or 1. Then, from the error's text, where it matters: `shapes`, how many of the two unlike
    shapes it holds, and `index`, the place it names. It may name two, as torch does (the largest absolute and the
    largest relative difference); one of them must be one of those that are right. A longer list says nothing.
    """
    actual, expected = case.args["actual"], case.args["expected"]
    largest = places_of_largest(**case.args)
    try:
        call(answer, case)
    except AssertionError as error:
        told = tuples_in(text_of(error))
    else:
        return {"AssertionErrors": 0}
    if actual.shape != expected.shape:
        return {"AssertionErrors": 1, "shapes": len({actual.shape, expected.shape} & set(told))}
    places = [one for one in told if len(one) == actual.ndim and all(i < n for i, n in zip(one, actual.shape))]
    if not largest or not places:
        return {"AssertionErrors": 1}
    named = largest[0] if set(largest) & set(places[:2]) and len(places) <= 2 else places[0]
    return {"AssertionErrors": 1, "index": np.array(named, dtype=np.int64)}


def assert_close_inputs(rng: np.random.Generator) -> dict[str, Case]:
    def case(catches, actual, expected, keywords=(), **tolerances):
        return Case(catches, {"actual": actual, "expected": expected, **tolerances}, keywords)

    def signs(*shape):
        return rng.choice([-1.0, 1.0], shape)

    def away(array, *offsets):
        """A copy with entries drawn at random moved by the offsets."""
        moved = array.copy()
        moved.flat[rng.choice(array.size, len(offsets), replace=False)] += offsets
        return moved

    numbers = rng.uniform(1, 2, (3, 4)) * signs(3, 4)
    near_zero = rng.uniform(-1e-3, 1e-3, (2, 5))
    probabilities = rng.uniform(0.01, 0.2, (50, 10))
    row = rng.uniform(1, 2, 3)
    with_infinity = changed(changed(numbers, (0, 1), INF), (2, 2), -INF)
    large = changed(rng.uniform(1, 2, 6), (2,), 1e6)
    cube = rng.uniform(1, 2, (2, 3, 4))
    single = rng.uniform(1, 2, (2, 3)).astype(np.float32)
    late = changed(np.ones(1000), (int(rng.integers(900, 1000)),), 1.5)
    return {
        "a row beside three equal rows": case("shapes that broadcast", np.stack([row] * 3), row),
        "a column beside a row": case("shapes that broadcast", np.full((4, 1), 2.0), np.full(4, 2.0)),
        "one number beside an array": case("shapes that broadcast", np.array(2.0), np.full(3, 2.0)),
        "nothing beside a row": case("an empty comparison", np.zeros((0, 3)), np.ones((1, 3))),
        "shapes that do not broadcast": case(
            "an error of another kind", rng.standard_normal((2, 3)), rng.standard_normal((3, 2))
        ),
        "within rtol": case("an exact comparison, or too small a tolerance", numbers + 8e-8 * numbers, numbers),
        "within atol": case("atol left out", near_zero + 8e-10 * signs(2, 5), near_zero),
        "just beyond rtol": case("a tolerance of its own, such as NumPy's 1e-5", numbers * (1 + 3e-6), numbers),
        "just beyond atol": case(
            "a tolerance of its own, such as NumPy's 1e-8", near_zero + rng.uniform(3e-9, 5e-9, (2, 5)), near_zero
        ),
        "one entry far above": case("an error in the wrong direction passes", away(numbers, 1000.0), numbers),
        "one entry far below": case("an error in the wrong direction passes", away(numbers, -1000.0), numbers),
        "zeros": case("everything that is too small passes", np.zeros_like(probabilities), probabilities),
        "noise": case("one good entry is enough", rng.standard_normal((50, 10)), probabilities),
        "one wrong entry among a thousand": case(
            "a mean hides a single wrong entry", late, np.ones(1000), rtol=0.0, atol=0.125
        ),
        "errors that cancel": case("sums are compared", away(numbers, 0.5, -0.25, -0.25), numbers),
        "a small entry beside a large one": case(
            "one tolerance, made from the largest entry", changed(large, (4,), large[4] + 0.01), large
        ),
        "a large difference that is allowed, beside a small one that is not": case(
            "only the largest difference is judged",
            np.array([1e6 + 0.05, 2.001, 8e-10, 3.0]),
            np.array([1e6, 2.0, 1e-12, 3.0]),
        ),
        "rtol, actual the smaller": case(
            "rtol times the size of actual", numbers * 0.76, numbers, ("rtol", "atol"), rtol=0.25, atol=0.0
        ),
        "rtol, actual the larger": case(
            "rtol times the size of actual", numbers * 1.3, numbers, rtol=0.25, atol=0.0
        ),
        "atol alone": case("atol left out", numbers + 0.4 * signs(3, 4), numbers, ("rtol", "atol"), rtol=0.0, atol=0.5),
        "both together": case("the larger of the two tolerances", numbers * 1.3, numbers, rtol=0.25, atol=0.125),
        "exactly at the tolerance": case(
            "< for <=", whole(1.5, -1.5, 4), whole(1, -1, 3), ("atol",), rtol=0.25, atol=0.25
        ),
        "no tolerance at all": case("0 taken for not given", away(numbers, 1e-12), numbers, rtol=0.0, atol=0.0),
        "NaN in actual": case("NaN passes", changed(numbers, (1, 2), NAN), changed(numbers, (1, 2), 0.0)),
        "NaN in expected": case("NaN passes", numbers, changed(numbers, (2, 0), NAN)),
        "NaN in both": case("NaN passes beside NaN", changed(numbers, (1, 1), NAN), changed(numbers, (1, 1), NAN)),
        "equal infinities": case("∞ − ∞ is not 0", with_infinity, with_infinity.copy()),
        "equal infinities beside small differences": case(
            "an exact comparison as soon as something is infinite", with_infinity * (1 + 5e-8), with_infinity.copy()
        ),
        "equal infinities and one wrong entry": case(
            "all passes where something is infinite", changed(with_infinity, (1, 0), 9.0), with_infinity
        ),
        "finite beside infinity": case(
            "rtol·∞ allows everything", changed(numbers, (1, 3), 5.0), changed(numbers, (1, 3), INF)
        ),
        "infinity beside its opposite": case(
            "rtol·∞ allows everything", changed(numbers, (2, 1), INF), changed(numbers, (2, 1), -INF)
        ),
        "infinity beside a finite number": case("infinity passes", changed(numbers, (0, 2), INF), numbers),
        "many wrong entries": case(
            "the first wrong entry for the largest difference",
            cube + changed(rng.uniform(0.1, 0.5, cube.shape), (1, 1, 2), -0.75),
            cube,
        ),
        "the largest difference is not the largest in proportion": case(
            "the index of another entry", whole(100, 11, 150, 100), whole(100, 1, 130, 100), rtol=0.125, atol=0.0
        ),
        "two numbers without axes, alike": case("right for arrays with axes only", np.array(3.0), np.array(3.0)),
        "two numbers without axes": case("right for arrays with axes only", np.array(3.0), np.array(2.0)),
        "float32, alike": case("right for float64 only", single * np.float32(1.25), single, rtol=0.5, atol=0.0),
        "float32": case("right for float64 only", away(single, np.float32(0.5)), single, ("rtol",), rtol=1e-3),
    }


def assert_close_small() -> dict[str, Case]:
    def case(actual, expected, **tolerances):
        arrays = {"actual": np.array(actual, np.float64), "expected": np.array(expected, np.float64)}
        return Case("", {**arrays, **tolerances})

    return {
        "equal": case([1, 2], [1, 2]),
        "negative": case([-4], [-4]),
        "below": case([-3], [1]),
        "above": case([2], [1]),
        "one of two": case([1, 5], [1, 2]),
        "cancelling": case([0, 4, 2], [1, 1, 4]),
        "three": case([2, 3, 9], [1, 1, 5]),
        "below in the second": case([2, 2, 1], [1, 2, 5]),
        "index": case([[1, 2], [3, 9]], [[1, 2], [3, 4]]),
        "index of three": case([2, 2, 9], [1, 2, 5]),
        "proportion": case([3, 13], [0, 8], rtol=0.5, atol=0.0),
        "within atol": case([1], [2], rtol=0.0, atol=2.0),
        "at the tolerance": case([3], [2], rtol=0.0, atol=1.0),
        "within rtol": case([3], [4], rtol=0.25, atol=0.0),
        "negative within rtol": case([-3], [-4], rtol=0.25, atol=0.0),
        "beyond rtol": case([4], [3], rtol=0.25, atol=0.0),
        "both": case([7], [4], rtol=0.5, atol=2.0),
        "mean": case([1, 1, 1, 4], [1, 1, 1, 1], rtol=0.0, atol=1.0),
        "beside a large one": case([3, 8], [0, 8], rtol=0.5, atol=0.0),
        "a large one allowed": case([12, 3], [8, 1], rtol=0.5, atol=0.0),
        "a large part allowed": case([2, 11], [1, 8], rtol=0.25, atol=0.75),
        "no tolerance": case([1e-10], [0], rtol=0.0, atol=0.0),
        "default rtol": case([100001], [100000]),
        "within default rtol": case([20000001], [20000000]),
        "default atol": case([4e-9], [0]),
        "within default atol": case([8e-10], [0]),
        "broadcast": case([1, 1], [1]),
        "rows": case([[1, 2], [1, 2]], [1, 2]),
        "one number": case(1, [1, 1]),
        "no broadcast": case([1, 2], [1, 2, 3]),
        "transposed": case([[1, 2]], [[1], [2]]),
        "nothing": case(np.zeros((0, 2)), [[1, 2]]),
        "not a number": case([NAN], [1]),
        "not a number beside 0": case([NAN], [0]),
        "expected not a number": case([1], [NAN]),
        "both not a number": case([NAN], [NAN]),
        "infinite": case([INF], [INF]),
        "infinite beside a small difference": case([INF, 20000001], [INF, 20000000]),
        "expected infinite": case([1], [INF]),
        "opposite infinities": case([-INF], [INF]),
        "actual infinite": case([INF], [1]),
        "no axis": case(3, 2),
    }


# one_hot ----------------------------------------------------------------------------------------


def one_hot_inputs(rng: np.random.Generator) -> dict[str, Case]:
    def case(catches, labels, num_classes, dtype=np.int64, keywords=(), raises=""):
        args = {"labels": np.array(labels, dtype=dtype), "num_classes": num_classes}
        return Case(catches, args, keywords, raises)

    def drawn(high, *more):
        return rng.permutation([*rng.integers(0, high, 6), *more])

    error = {"raises": "ValueError"}
    return {
        "every class": case("rows and columns exchanged", rng.permutation(7), 7),
        "several of a class": case("whole columns set", drawn(3, 0, 1, 2), 3, keywords=("num_classes",)),
        "the highest classes missing": case("classes counted from the labels", drawn(4, 0, 3), 9),
        "classes missing in between": case("labels renumbered", [4, 0, 4, 2, 0], 5),
        "more than ten classes": case("the number ten, whatever num_classes says", drawn(13, 12, 0), 13),
        "one label": case("right for many labels only", [2], 4),
        "labels in order, as many as classes": case("the place in the list for the label", [1, 1, 3, 0], 4),
        "uint8": case("right for int64 only", drawn(10, 9, 0), 10, np.uint8),
        "uint8, 256 classes": case("255 + 1 is 0 in uint8", [255, 0, 128, 200], 256, np.uint8),
        "int32, many classes": case("labels made smaller than they are", [299, 0, 43, 255], 300, np.int32),
        "−1": case("−1 taken for the last class", drawn(5, -1), 5, **error),
        "−1 in int8": case("−1 taken for 255", drawn(5, -1), 256, np.int8, **error),
        "as large as num_classes": case("a guard one too late", drawn(5, 5), 5, keywords=("num_classes",), **error),
        "far too large": case("a guard that never fires", drawn(6, 17), 6, **error),
        "255 in uint8": case("255 + 1 is 0 in uint8", drawn(10, 255), 10, np.uint8, **error),
        "256": case("labels made smaller than they are", drawn(10, 256), 10, **error),
    }


def one_hot_small() -> dict[str, Case]:
    def case(labels, num_classes, dtype=np.int64, raises=""):
        return Case("", {"labels": np.array(labels, dtype=dtype), "num_classes": num_classes}, raises=raises)

    return {
        "two": case([1, 0], 2),
        "one": case([1], 3),
        "lowest": case([0, 1], 3),
        "equal": case([2, 2], 3),
        "missing": case([0, 0], 2),
        "gap": case([0, 2], 3),
        "three": case([0, 2, 0], 3),
        "uint8": case([1, 0], 2, np.uint8),
        "many classes": case([255, 0], 256, np.uint8),
        "more classes": case([256], 300),
        "−1": case([-1], 2, raises="ValueError"),
        "−1 in int8": case([-1], 256, np.int8, raises="ValueError"),
        "as large": case([2], 2, raises="ValueError"),
        "too large": case([3], 2, raises="ValueError"),
        "255": case([255], 2, np.uint8, raises="ValueError"),
        "256": case([256], 2, raises="ValueError"),
    }


# to_nchw ----------------------------------------------------------------------------------------


def to_nchw_inputs(rng: np.random.Generator) -> dict[str, Case]:
    def case(catches, shape, layout, dtype=np.float64, keywords=(), raises="", order="C"):
        x = rng.integers(0, 256, shape) if np.issubdtype(dtype, np.integer) else rng.standard_normal(shape)
        return Case(catches, {"x": np.array(x, dtype, order=order), "layout": layout}, keywords, raises)

    error = {"raises": "ValueError"}
    return {
        "NHW": case("the channel axis at another place", (3, 4, 5), "NHW"),
        "NHW, square": case("height and width exchanged", (4, 4, 4), "NHW", keywords=("layout",)),
        "NHW, uint8": case("another dtype", (2, 3, 4), "NHW", np.uint8),
        "NHWC": case("reshape for transpose", (2, 4, 5, 3), "NHWC"),
        "NHWC, square": case("axes exchanged, or reshape", (3, 3, 3, 3), "NHWC"),
        "NHWC, uint8": case("another dtype, or reshape", (2, 5, 4, 3), "NHWC", np.uint8, ("layout",)),
        "NHWC, float32, columns first in memory": case(
            "right for one order in memory only", (3, 2, 4, 3), "NHWC", np.float32, order="F"
        ),
        "NHWC, one image, one channel": case("axes of length 1 lost", (1, 3, 4, 1), "NHWC"),
        "HWCN": case("reshape for transpose", (4, 5, 3, 2), "HWCN"),
        "HWCN, square": case("axes exchanged, or reshape", (3, 3, 3, 3), "HWCN", keywords=("layout",)),
        "HWCN, uint8, one channel": case("images mixed with each other", (4, 3, 1, 5), "HWCN", np.uint8),
        "HWCN, float32, columns first in memory": case(
            "right for one order in memory only", (3, 4, 2, 3), "HWCN", np.float32, order="F"
        ),
        "NCHW": case("a layout that is not on the list", (2, 3, 4, 5), "NCHW", **error),
        "CHWN": case("a layout that is not on the list", (3, 4, 5, 2), "CHWN", **error),
        "NWHC": case("a layout that is not on the list", (2, 5, 4, 3), "NWHC", keywords=("layout",), **error),
        "HW": case("a layout that is not on the list", (4, 5), "HW", **error),
        "HWN, three axes": case("three axes taken for NHW", (4, 5, 2), "HWN", **error),
        "NCHW, three axes": case("three axes taken for NHW", (2, 4, 5), "NCHW", **error),
        "HWC, four axes": case('in "NHWC", which any part of the text is', (2, 4, 5, 3), "HWC", **error),
        "no letters, four axes": case('in "NHWC", which the empty text is', (2, 4, 5, 3), "", **error),
        "nhwc": case("small letters made capital ones", (2, 4, 5, 3), "nhwc", **error),
        "nhw": case("small letters made capital ones", (2, 4, 5), "nhw", **error),
        "hwcn": case("small letters made capital ones", (4, 5, 3, 2), "hwcn", **error),
    }


def to_nchw_small() -> dict[str, Case]:
    def case(x, layout, dtype=np.float64, raises=""):
        return Case("", {"x": np.array(x, dtype), "layout": layout}, raises=raises)

    return {
        "NHW": case([[[1, 2]]], "NHW"),
        "NHW, two": case([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], "NHW"),
        "NHWC": case([[[[1, 2], [3, 4]]]], "NHWC"),
        "NHWC, square": case([[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]], "NHWC"),
        "NHWC, two": case([[[[1, 2]]], [[[3, 4]]]], "NHWC"),
        "NHWC, one channel": case([[[[1], [2]]]], "NHWC"),
        "HWCN": case([[[[1, 2]], [[3, 4]]]], "HWCN"),
        "HWCN, square": case([[[[1, 2]], [[3, 4]]], [[[5, 6]], [[7, 8]]]], "HWCN"),
        "HWCN, two channels": case([[[[1, 2], [3, 4]]]], "HWCN"),
        "uint8": case([[[1, 2]]], "NHW", np.uint8),
        "NHWC in uint8": case([[[[1, 2], [3, 4]]]], "NHWC", np.uint8),
        "HWCN in uint8": case([[[[1, 2]], [[3, 4]]]], "HWCN", np.uint8),
        "NCHW": case([[[[1, 2]]]], "NCHW", raises="ValueError"),
        "CHWN": case([[[[1, 2]]]], "CHWN", raises="ValueError"),
        "NWHC": case([[[[1, 2]]]], "NWHC", raises="ValueError"),
        "HW": case([[1, 2]], "HW", raises="ValueError"),
        "HWN": case([[[1, 2]]], "HWN", raises="ValueError"),
        "NCHW, three axes": case([[[1, 2]]], "NCHW", raises="ValueError"),
        "HWC, four axes": case([[[[1, 2]]]], "HWC", raises="ValueError"),
        "no letters": case([[[[1, 2]]]], "", raises="ValueError"),
        "nhwc": case([[[[1, 2]]]], "nhwc", raises="ValueError"),
        "nhw": case([[[1, 2]]], "nhw", raises="ValueError"),
        "hwcn": case([[[[1, 2]]]], "hwcn", raises="ValueError"),
    }


EXERCISES = (
    Exercise(
        name="relative_error",
        lab="lab00",
        points=1,
        kind="array",
        asks="The largest difference of two arrays, in proportion to the size of the entries.",
        hints=(
            "For one pair of numbers: what is its difference, and what is its size? Which of all pairs counts?",
            "All of it works on whole arrays: np.abs, and np.maximum(1e-8, sizes), which compares entry by entry. "
            "At the end one number is left. Which function finds the largest entry and does not lose a NaN?",
            "Divide np.abs(actual - expected) by np.maximum(1e-8, np.abs(actual) + np.abs(expected)), entry by entry. "
            "Return np.max of the quotients.",
        ),
        inputs=relative_error_inputs,
        small=relative_error_small,
        returns={"error": "scalar"},
    ),
    Exercise(
        name="assert_close",
        lab="lab00",
        points=2,
        kind="raises",
        asks="Raise an AssertionError unless two arrays agree within a tolerance.",
        hints=(
            "Which questions does it ask, and in which order? What would a subtraction do with unlike shapes? "
            "And what is the answer to `NaN > tolerance`?",
            "First compare the shapes. Then make an array of True and False that says where the entries ARE close, "
            "and raise unless all of it is True. A comparison with NaN is always False: so ask <=, not >. Where "
            "expected is infinite, only actual == expected decides. np.argmax gives the place of the largest entry, "
            "counted through all rows; np.unravel_index(place, shape) turns it into a tuple. Leave out the entries "
            "that agree before np.argmax: ∞ − ∞ is NaN, and np.argmax takes NaN for the largest.",
            "apart = np.abs(actual - expected); close = np.where(np.isfinite(expected), "
            "apart <= atol + rtol * np.abs(expected), actual == expected). If not np.all(close): find the largest of "
            "the entries that do not agree, np.argmax(np.where(close, -1, apart)), make a tuple of it with "
            "np.unravel_index(…, apart.shape), and raise AssertionError with the tuple in its text. "
            "Before all that, if the shapes differ: raise AssertionError with actual.shape and expected.shape in it.",
        ),
        inputs=assert_close_inputs,
        small=assert_close_small,
        returns={"AssertionErrors": "integer", "shapes": "integer", "index": "array"},
        drive=raised,
    ),
    Exercise(
        name="one_hot",
        lab="lab00",
        points=1,
        kind="array",
        asks="A row for each label, with a 1 at the label and 0 elsewhere.",
        hints=(
            "Write the result for the labels 2 and 0 of 3 classes by hand. What does NumPy do with the index −1?",
            "Start from np.zeros((len(labels), num_classes)). Row n gets a 1 in column labels[n]. "
            "Before that, look for labels below 0 and for labels of num_classes or more.",
            "if np.any(labels < 0) or np.any(labels >= num_classes): raise ValueError. "
            "Then, in a loop over n: out[n, labels[n]] = 1.",
        ),
        inputs=one_hot_inputs,
        small=one_hot_small,
        returns={"out": "array"},
    ),
    Exercise(
        name="to_nchw",
        lab="lab00",
        points=1,
        kind="array",
        asks="Bring images from another layout to (N, C, H, W).",
        hints=(
            'For "NHWC": at which place does the channel axis stand, and at which should it stand? '
            "Does any pixel get another image, row or column?",
            'x.transpose(…) takes the old places of the axes in their new order. For "NHWC", N is at 0, C at 3, '
            'H at 1, W at 2. "NHW" has no channel axis yet: x[:, None] puts one of length 1 behind the first axis.',
            '"NHW": x[:, None]. "NHWC": x.transpose(0, 3, 1, 2). "HWCN": count the places in the same way, N is at 3. '
            "At the end, for every other layout, raise ValueError.",
        ),
        inputs=to_nchw_inputs,
        small=to_nchw_small,
        returns={"out": "array"},
    ),
)
