"""Lab 7, im2col and speed: what is asked."""

import contextlib
import io
from collections.abc import Callable
from time import perf_counter

import numpy as np

from labkit.asked.exercise import Case, Exercise, Misuse, one_call


EARLIER = "a result that a later call overwrites"


def with_a_later_call(answer: Callable, case: Case, returns: dict[str, str]) -> dict[str, object]:
    """The usual drive. In the cases that catch `EARLIER` a call with −x or −cols follows: the first result must stay."""
    results = one_call(answer, case, returns)
    if case.catches == EARLIER:
        args = {name: -value if isinstance(value, np.ndarray) else value for name, value in case.args.items()}
        with contextlib.redirect_stdout(io.StringIO()):
            one_call(answer, Case("", args, case.keywords), returns)
    return results


# im2col -----------------------------------------------------------------------------------------


def im2col_inputs(rng: np.random.Generator) -> dict[str, Case]:
    def case(catches, x, kh, kw, keywords=(), raises="", dtype=np.float64, order="C", **more):
        images = np.array(rng.standard_normal(x), dtype, order=order)
        return Case(catches, {"x": images, "kh": kh, "kw": kw, **more}, keywords, raises)

    return {
        "defaults": case("reshape for transpose; rows or columns in another order", (2, 3, 5, 6), 3, 2),
        "defaults, other numbers": case(EARLIER, (2, 3, 5, 6), 3, 2),
        "square everywhere": case("sizes that happen to fit, numbers that do not", (2, 2, 4, 4), 2, 2),
        "wide images, tall windows": case("height used for width", (2, 2, 4, 8), 3, 2, ("kh", "kw")),
        "tall images, wide windows": case("height used for width", (3, 2, 7, 4), 2, 3),
        "as many channels as places": case("two axes of the same length mixed up", (2, 4, 3, 3), 2, 2),
        "stride": case("stride left out, or in one direction only", (2, 2, 7, 9), 3, 3, stride=2),
        "stride that leaves rows over": case("rounded up", (2, 2, 8, 9), 3, 2, ("stride",), stride=3),
        "stride that leaves columns over": case("rows over taken for columns over", (2, 2, 6, 8), 3, 3, stride=3),
        "padding": case("padding left out, or on one side only", (2, 2, 3, 5), 3, 3, ("padding",), padding=1),
        "padding 2 with an even window": case("odd windows only", (2, 3, 4, 5), 2, 4, stride=1, padding=2),
        "stride and padding": case(
            "one of them at the wrong place; rows and columns over counted without it", (3, 2, 8, 12), 3, 4, stride=4,
            padding=1,
        ),
        "one image, one channel": case(
            "an axis of length 1 lost; a guard with height and width exchanged", (1, 1, 3, 5), 2, 4
        ),
        "window as large as the images": case("a guard that is too strict", (2, 2, 3, 4), 3, 4),
        "window larger than the images, not than the padded images": case(
            "a guard that forgets the padding, or counts it once", (2, 2, 3, 4), 5, 6, ("padding",), padding=1
        ),
        "images in another memory order": case("strides of an array stored row by row", (2, 3, 4, 5), 2, 3, order="F"),
        "float32": case(
            "float64 for float32", (2, 2, 5, 6), 3, 2, ("stride", "padding"), dtype=np.float32, stride=2, padding=1
        ),
        "window too tall": case("a guard that never fires", (2, 2, 3, 6), 4, 3, raises="ValueError"),
        "window too wide": case(
            "a guard that looks at the height only", (2, 2, 6, 3), 3, 6, ("padding",), raises="ValueError", padding=1
        ),
    }


def im2col_small() -> dict[str, Case]:
    def case(x, kh, kw, raises="", dtype=np.float64, order="C", catches="", **more):
        return Case(catches, {"x": np.array(x, dtype, order=order), "kh": kh, "kw": kw, **more}, raises=raises)

    square = [[1, 2, 0], [0, 1, 3], [2, 0, 1]]
    return {
        "square": case([[square]], 2, 2),
        "wide": case([[[[1, 2, 0, 3], [4, 1, 2, 0]]]], 1, 2),
        "tall": case([[[[1, 2], [0, 3], [4, 1], [2, 0]]]], 1, 2),
        "tall window": case([[square]], 2, 1),
        "two channels": case([[[[1, 2, 3]], [[4, 5, 6]]]], 1, 2),
        "two images": case([[[[1, 2, 3]]], [[[4, 5, 6]]]], 1, 2),
        "stride": case([[[[1, 2, 4], [0, 3, 5], [2, 1, 6]]]], 1, 1, stride=2),
        "stride that does not divide": case([[[[1, 2, 4, 3]]]], 1, 1, stride=2),
        "row over": case([[[[1], [2], [4], [3]]]], 1, 1, stride=2),
        "two columns over": case([[[[1, 2, 4]]]], 1, 1, stride=3),
        "row and column over, padded": case([[[[1, 2]]]], 2, 1, stride=2, padding=1),
        "stride and window": case([[[[1, 2, 4, 3, 5], [6, 7, 8, 9, 0], [2, 4, 6, 8, 1]]]], 2, 2, stride=2),
        "padding": case([[[[1, 2]]]], 1, 1, stride=1, padding=1),
        "padding 2": case([[[[1]]]], 2, 2, stride=3, padding=2),
        "exact": case([[[[1, 2]]]], 1, 2),
        "exact when padded": case([[[[2]]]], 3, 3, stride=1, padding=1),
        "in another memory order": case([[[[1, 2, 3], [4, 5, 6]]]], 1, 2, order="F"),
        "float32": case([[square]], 2, 2, dtype=np.float32),
        "two calls": case([[[[1, 2, 3]]]], 1, 2, catches=EARLIER),
        "too tall": case([[[[1, 2]]]], 2, 1, "ValueError"),
        "too wide": case([[[[1], [2]]]], 1, 2, "ValueError"),
    }


# col2im -----------------------------------------------------------------------------------------


def places(x_shape, kh, kw, stride=1, padding=0) -> int:
    """How many places a window has on images of that shape."""
    down, across = ((size + 2 * padding - k) // stride + 1 for size, k in zip(x_shape[2:], (kh, kw)))
    return down * across


def col2im_inputs(rng: np.random.Generator) -> dict[str, Case]:
    def case(catches, x_shape, kh, kw, keywords=(), dtype=np.float64, order="C", **more):
        shape = (x_shape[0], x_shape[1] * kh * kw, places(x_shape, kh, kw, **more))
        cols = np.array(rng.standard_normal(shape), dtype, order=order)
        return Case(catches, {"cols": cols, "x_shape": x_shape, "kh": kh, "kw": kw, **more}, keywords)

    return {
        "defaults": case("= for +=; rows or columns in another order", (2, 3, 5, 6), 3, 2),
        "defaults, other numbers": case(EARLIER, (2, 3, 5, 6), 3, 2),
        "square everywhere": case("sizes that happen to fit, numbers that do not", (2, 2, 4, 4), 2, 2),
        "wide images, tall windows": case("height used for width", (2, 2, 4, 8), 3, 2, ("kh", "kw")),
        "tall images, wide windows": case("height used for width", (3, 2, 7, 4), 2, 3),
        "as many channels as places": case("two axes of the same length mixed up", (2, 4, 3, 3), 2, 2),
        "stride": case("stride left out", (2, 2, 7, 9), 3, 3, stride=2),
        "stride that leaves rows over": case("rows that no window touched are lost", (2, 2, 8, 9), 3, 2, ("stride",),
                                             stride=3),
        "stride that leaves columns over": case("rows over taken for columns over", (2, 2, 6, 8), 3, 3, stride=3),
        "windows that do not meet": case("stride taken for the window's size", (2, 2, 6, 8), 2, 2, stride=3),
        "padding": case("the padding not cut off", (2, 2, 3, 5), 3, 3, ("padding",), padding=1),
        "padding 2 with an even window": case("odd windows only", (2, 3, 4, 5), 2, 4, stride=1, padding=2),
        "stride and padding": case(
            "one of them at the wrong place; rows and columns over counted without it", (3, 2, 8, 12), 3, 4, stride=4,
            padding=1,
        ),
        "one image, one channel": case("an axis of length 1 lost", (1, 1, 4, 5), 2, 3),
        "one place": case("an axis of length 1 lost", (2, 2, 3, 4), 3, 4),
        "patches in another memory order": case("an input that is written to", (2, 3, 4, 5), 2, 3, order="F"),
        "float32": case(
            "float64 for float32", (2, 2, 5, 6), 3, 2, ("stride", "padding"), dtype=np.float32, stride=2, padding=1
        ),
    }  # fmt: skip


def col2im_small() -> dict[str, Case]:
    def case(x_shape, kh, kw, dtype=np.float64, catches="", **more):
        shape = (x_shape[0], x_shape[1] * kh * kw, places(x_shape, kh, kw, **more))
        cols = np.arange(1, 1 + np.prod(shape)).astype(dtype).reshape(shape)
        return Case(catches, {"cols": cols, "x_shape": x_shape, "kh": kh, "kw": kw, **more})

    return {
        "row": case((1, 1, 1, 3), 1, 2),
        "square": case((1, 1, 3, 3), 2, 2),
        "wide": case((1, 1, 2, 4), 1, 2),
        "tall": case((1, 1, 4, 2), 1, 2),
        "tall window": case((1, 1, 3, 3), 2, 1),
        "two channels": case((1, 2, 1, 3), 1, 2),
        "two images": case((2, 1, 1, 3), 1, 2),
        "stride": case((1, 1, 3, 3), 1, 1, stride=2),
        "stride that does not divide": case((1, 1, 1, 4), 1, 1, stride=2),
        "row over": case((1, 1, 4, 1), 1, 1, stride=2),
        "row and column over, padded": case((1, 1, 1, 2), 2, 1, stride=2, padding=1),
        "stride and window": case((1, 1, 3, 5), 2, 2, stride=2),
        "padding": case((1, 1, 1, 2), 1, 1, stride=1, padding=1),
        "padding 2": case((1, 1, 1, 1), 2, 2, stride=3, padding=2),
        "float32": case((1, 1, 2, 3), 1, 2, dtype=np.float32),
        "two calls": case((1, 1, 1, 3), 1, 2, catches=EARLIER),
    }


# The race: an answer beside a plain loop, both timed in this process -----------------------------------

AT_LEAST = 15  # times as fast as the plain loop. Measured, busy or not: loops over places up to 9, all others 30 to 200
ROUNDS, PATIENCE = 8, 0.1  # rounds at least; seconds after which a slow answer gets no further round
FEW, LONG = 3, 0.3  # rounds that are enough once the race has taken so many seconds: by then no slow answer catches up
RACE_X, RACE_W = (1, 1, 5, 912), (1, 1, 3, 1)  # one image, one filter, 3 × 912 places: loops over rows are fine
SAMPLE = 30  # places on which the plain loop is timed: a short run is seldom interrupted


def plain_forward(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """The convolution of lab 2 as a loop over all outputs; stride 1, no padding, no bias."""
    high, wide = (size - k + 1 for size, k in zip(x.shape[2:], w.shape[2:]))
    out = np.zeros((len(x), len(w), high, wide))
    for n in range(len(x)):
        for f in range(len(w)):
            for i in range(high):
                for j in range(wide):
                    out[n, f, i, j] = np.sum(x[n, :, i : i + w.shape[2], j : j + w.shape[3]] * w[f])
    return out


def plain_backward(dout: np.ndarray, x: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gradients of lab 5 as a loop over all outputs; stride 1, no padding."""
    dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros(len(w))
    for n, f, i, j in np.ndindex(*dout.shape):
        rows, columns = slice(i, i + w.shape[2]), slice(j, j + w.shape[3])
        dx[n, :, rows, columns] += dout[n, f, i, j] * w[f]
        dw[f] += dout[n, f, i, j] * x[n, :, rows, columns]
        db[f] += dout[n, f, i, j]
    return dx, dw, db


def forward_race(rng: np.random.Generator, x_shape, w_shape):
    """The arguments of a call, and a function that runs the plain loop on the first places alone.

    It gives the loop's seconds, scaled to all places, and whether `results` are right as far as it can see.
    """
    x, w = rng.standard_normal(x_shape), rng.standard_normal(w_shape)
    out_shape = (x_shape[0], w_shape[0], x_shape[2] - w_shape[2] + 1, x_shape[3] - w_shape[3] + 1)
    first = x[:, :, : w_shape[2], : SAMPLE + w_shape[3] - 1]

    def plain(results):
        began = perf_counter()
        part = plain_forward(first, w)
        seconds = perf_counter() - began
        (out,) = results.values()
        right = out.shape == out_shape and np.allclose(out[:, :, :1, :SAMPLE], part)
        return seconds * out_shape[2] * out_shape[3] / SAMPLE, right

    return {"x": x, "w": w}, plain


def backward_race(rng: np.random.Generator, x_shape, w_shape):
    """As `forward_race`. All of dw is tested by Σ dx·x = Σ dw·w: both are Σ dout·out, as out is linear in x and in w."""
    x, w = rng.standard_normal(x_shape), rng.standard_normal(w_shape)
    dout = rng.standard_normal((x_shape[0], w_shape[0], x_shape[2] - w_shape[2] + 1, x_shape[3] - w_shape[3] + 1))
    first = dout[:, :, :1, :SAMPLE], x[:, :, : w_shape[2], : SAMPLE + w_shape[3] - 1], w

    def plain(results):
        began = perf_counter()
        part = plain_backward(*first)[0][:, :, :1, :SAMPLE]
        seconds = perf_counter() - began
        dx, dw, _ = results.values()
        right = dx.shape == x.shape and dw.shape == w.shape and np.allclose(dx[:, :, :1, :SAMPLE], part)
        right = right and np.isclose(np.sum(dx * x), np.sum(dw * w))
        return seconds * dout.shape[2] * dout.shape[3] / SAMPLE, right

    return {"dout": dout, "x": x, "w": w}, plain


def raced(race: Callable) -> Callable:
    """A drive that times the answer in the case that has an `x_shape`, and is the usual one in all others.

    A wrong answer's results are returned as they are: its values tell more than its time. A right one that is slow
    raises Misuse. Each round has numbers of its own, so that nothing remembered helps. Both times are the least of
    their rounds. An interruption then makes hardly a right answer slow, and hardly the loop.
    """

    def drive(answer: Callable, case: Case, returns: dict[str, str]) -> dict[str, object]:
        if "x_shape" not in case.args:
            return one_call(answer, case, returns)
        rng = np.random.default_rng(case.args["seed"])
        first, loop, mine, rounds, began = None, np.inf, np.inf, 0, perf_counter()
        while True:
            args, plain = race(rng, case.args["x_shape"], case.args["w_shape"])
            given = Case("", {name: value.copy() for name, value in args.items()})
            start = perf_counter()
            results = one_call(answer, given, returns)
            mine = min(mine, perf_counter() - start)
            first = first or results
            if not all(isinstance(one, np.ndarray) and one.dtype == np.float64 for one in results.values()):
                return results
            results = {name: np.array(one, subok=False) for name, one in results.items()}
            seconds, right = plain(results)
            if not right and rounds:
                raise Misuse("type", "called again with other numbers, it gave a wrong result: remember nothing")
            if not right:
                return results
            loop, rounds = min(loop, seconds, plain(results)[0]), rounds + 1
            won, spent = loop / mine >= AT_LEAST, perf_counter() - began
            if won and rounds >= ROUNDS:
                return first
            if not won and spent > PATIENCE and rounds >= (ROUNDS if spent < LONG else FEW):
                told = f"{loop / mine:.1f} times a plain loop; expected at least {AT_LEAST}"
                raise Misuse("count", f"right but slow: its speed is {told}")  # a code that the grader knows

    return drive


def speed_case(catches: str, seed: int) -> Case:
    """The case that is timed. Its arrays are drawn by the drive: so it is small enough to be shown."""
    return Case(catches, {"x_shape": RACE_X, "w_shape": RACE_W, "seed": seed})


# conv2d_forward_fast ----------------------------------------------------------------------------


def forward_inputs(rng: np.random.Generator) -> dict[str, Case]:
    def case(catches, x, w, keywords=(), raises="", dtype=np.float64, bias=None, zero=False, order="C", **more):
        def draw(shape):
            return np.array(rng.standard_normal(shape), dtype, order=order)

        b = {} if bias is None else {"b": draw(w[0]) if bias else None}
        if zero:
            b["b"][0] = 0
        return Case(catches, {"x": draw(x), "w": draw(w), **b, **more}, keywords, raises)

    return {
        "defaults": case("reshape for transpose, images or channels mixed up", (2, 3, 6, 6), (4, 3, 3, 3)),
        "wide images, tall kernels": case("height used for width", (2, 2, 4, 8), (3, 2, 3, 2)),
        "tall images, wide kernels": case("height used for width", (3, 2, 7, 5), (2, 2, 2, 3)),
        "bias, one of them 0": case(
            "bias added along the wrong axis; a 0 in b taken for no b", (2, 3, 6, 5), (4, 3, 2, 2), bias=True, zero=True
        ),
        "as many filters as images, rows and columns": case(
            "a bias for each of these", (3, 2, 4, 5), (3, 2, 2, 3), ("b",), bias=True
        ),
        "as many filters as places": case("a bias for each place", (2, 2, 3, 4), (4, 2, 2, 3), bias=True),
        "stride": case("stride left out, or in one direction only", (2, 2, 7, 9), (3, 2, 3, 3), bias=False, stride=2),
        "stride that leaves rows over": case("rounded up", (2, 2, 8, 9), (2, 2, 3, 2), ("stride",), stride=3),
        "stride that leaves columns over": case(
            "rows over taken for columns over", (2, 2, 6, 8), (3, 2, 3, 3), bias=False, stride=3
        ),
        "padding": case("padding left out, or on one side only", (2, 2, 3, 5), (3, 2, 3, 3), ("padding",), padding=1),
        "padding 2 with an even kernel": case("odd kernels only", (2, 3, 4, 5), (2, 3, 2, 4), ("padding",), padding=2),
        "all at once": case(
            "one of them at the wrong place; rows and columns over counted without the padding",
            (3, 2, 8, 12), (4, 2, 3, 4), bias=True, stride=4, padding=1,
        ),
        "one image, one channel, one filter": case(
            "an axis of length 1 lost; a guard with height and width exchanged", (1, 1, 3, 5), (1, 1, 2, 4)
        ),
        "kernel as large as the images": case("a guard that is too strict", (2, 2, 3, 4), (3, 2, 3, 4)),
        "kernel larger than the images, not than the padded images": case(
            "a guard that forgets the padding, or counts it once", (2, 2, 3, 4), (2, 2, 5, 6), ("padding",), padding=1
        ),
        "in another memory order": case("strides of an array stored row by row", (2, 3, 4, 5), (2, 3, 2, 3), order="F"),
        "float32": case(
            "float64 for float32", (2, 2, 5, 6), (3, 2, 3, 2), ("stride", "padding"), dtype=np.float32, bias=True,
            stride=2, padding=1,
        ),
        "float32 without a bias": case("zeros in float64 for no bias", (2, 2, 4, 5), (3, 2, 2, 3), dtype=np.float32),
        "kernel too tall": case("a guard that never fires", (2, 2, 3, 6), (3, 2, 4, 3), raises="ValueError"),
        "kernel too wide": case(
            "a guard that looks at the height only", (2, 2, 6, 3), (3, 2, 3, 6), ("padding",), raises="ValueError",
            padding=1,
        ),
        "speed": speed_case("loops over the places of the window", int(rng.integers(2**31))),
    }


def forward_small() -> dict[str, Case]:
    def case(x, w, raises="", dtype=np.float64, b=None, order="C", **more):
        args = {"x": np.array(x, dtype, order=order), "w": np.array(w, dtype, order=order)}
        if b is not None or more:
            args["b"] = None if b is None else np.array(b, dtype)
        return Case("", {**args, **more}, raises=raises)

    square, kernel = [[1, 2, 0], [0, 1, 3], [2, 0, 1]], [[1, 2], [0, -1]]
    return {
        "square": case([[square]], [[kernel]]),
        "wide": case([[[[1, 2, 0, 3], [4, 1, 2, 0]]]], [[[[1, 2]]]]),
        "tall": case([[[[1, 2], [0, 3], [4, 1], [2, 0]]]], [[[[1, 2]]]]),
        "tall kernel": case([[square]], [[[[1], [2]]]]),
        "bias": case([[[[1, 2], [0, 3]]]], [[[[2]]]], b=[10]),
        "two channels": case([[[[1, 2, 4]], [[3, 4, 0]]]], [[[[1, 3]], [[2, 5]]]]),
        "two filters": case([[[[1, 2, 4]]]], [[[[1, 2]]], [[[3, 0]]]]),
        "two filters with bias": case([[[[1, 2, 4]]]], [[[[1, 2]]], [[[3, 0]]]], b=[10, 20]),
        "two filters of one pixel with bias": case([[[[1, 2, 4]]]], [[[[1]]], [[[3]]]], b=[10, 20]),
        "two filters, one bias of 0": case([[[[1, 2, 4]]]], [[[[1, 2]]], [[[3, 0]]]], b=[0, 20]),
        "two channels with bias": case([[[[1, 2]], [[3, 4]]]], [[[[1]], [[2]]]], b=[10]),
        "two images": case([[[[1, 2]]], [[[3, 5]]]], [[[[2]]]]),
        "two images, two filters": case([[[[1, 2]]], [[[3, 5]]]], [[[[2]]], [[[7]]]]),
        "two images, two weights": case([[[[1, 2, 4]]], [[[3, 5, 0]]]], [[[[2, 7]]]]),
        "stride": case([[[[1, 2, 4], [0, 3, 5], [2, 1, 6]]]], [[[[2]]]], stride=2),
        "stride that does not divide": case([[[[1, 2, 4, 3]]]], [[[[2]]]], stride=2),
        "row over": case([[[[1], [2], [4], [3]]]], [[[[2]]]], stride=2),
        "two columns over": case([[[[1, 2, 4]]]], [[[[2]]]], stride=3),
        "row and column over, padded": case([[[[1, 2]]]], [[[[3], [5]]]], stride=2, padding=1),
        "padding": case([[[[1, 2]]]], [[[[3]]]], stride=1, padding=1),
        "padding 2": case([[[[1]]]], [[[[3, 1], [2, 4]]]], stride=3, padding=2),
        "exact": case([[[[1, 2]]]], [[[[3, 1]]]]),
        "exact when padded": case([[[[2]]]], [[[[1, 2, 0], [3, 1, 1], [0, 1, 2]]]], stride=1, padding=1),
        "in another memory order": case([[[[1, 2, 3], [4, 5, 6]]]], [[[[2, 1]]]], order="F"),
        "float32": case([[square]], [[kernel]], dtype=np.float32),
        "too tall": case([[[[1, 2]]]], [[[[1], [2]]]], "ValueError"),
        "too wide": case([[[[1], [2]]]], [[[[1, 2]]]], "ValueError"),
        "speed": speed_case("", 7),
    }


# conv2d_backward_fast ---------------------------------------------------------------------------


def backward_inputs(rng: np.random.Generator) -> dict[str, Case]:
    def case(catches, x, w, keywords=(), dtype=np.float64, order="C", **more):
        sizes = ((s + 2 * more.get("padding", 0) - k) // more.get("stride", 1) + 1 for s, k in zip(x[2:], w[2:]))
        shapes = {"dout": (x[0], w[0], *sizes), "x": x, "w": w}
        arrays = {name: np.array(rng.standard_normal(shape), dtype, order=order) for name, shape in shapes.items()}
        return Case(catches, {**arrays, **more}, keywords)

    return {
        "defaults": case("reshape for transpose, images or channels mixed up", (2, 3, 6, 6), (4, 3, 3, 3)),
        "as many images as filters": case("images and filters exchanged", (3, 2, 4, 5), (3, 2, 2, 2)),
        "wide images, tall kernels": case("height used for width", (2, 2, 4, 8), (3, 2, 3, 2)),
        "tall images, wide kernels": case("height used for width", (3, 2, 7, 5), (2, 2, 2, 3)),
        "stride": case("stride left out", (2, 2, 7, 9), (3, 2, 3, 3), stride=2),
        "stride that leaves rows over": case("rows that no window touched", (2, 2, 8, 9), (2, 2, 3, 2), ("stride",),
                                             stride=3),
        "stride that leaves columns over": case("rows over taken for columns over", (2, 2, 6, 8), (3, 2, 3, 3), stride=3),
        "padding": case("the padding not cut off", (2, 2, 3, 5), (3, 2, 3, 3), ("padding",), padding=1),
        "padding 2 with an even kernel": case("odd kernels only", (2, 3, 4, 5), (2, 3, 2, 4), stride=1, padding=2),
        "all at once": case(
            "one of them at the wrong place; rows and columns over counted without the padding",
            (3, 2, 8, 12), (4, 2, 3, 4), stride=4, padding=1,
        ),
        "one image, one channel, one filter": case("an axis of length 1 lost", (1, 1, 4, 5), (1, 1, 2, 3)),
        "one place": case("an axis of length 1 lost", (2, 2, 3, 4), (3, 2, 3, 4)),
        "in another memory order": case("an input that is written to", (2, 3, 4, 5), (2, 3, 2, 3), order="F"),
        "float32": case(
            "float64 for float32", (2, 2, 5, 6), (3, 2, 3, 2), ("stride", "padding"), dtype=np.float32, stride=2,
            padding=1,
        ),
        "speed": speed_case("loops over the places of the window", int(rng.integers(2**31))),
    }  # fmt: skip


def backward_small() -> dict[str, Case]:
    def case(dout, x, w, dtype=np.float64, **more):
        return Case("", {"dout": np.array(dout, dtype), "x": np.array(x, dtype), "w": np.array(w, dtype), **more})

    return {
        "row": case([[[[1, 10]]]], [[[[1, 2, 4]]]], [[[[3, 1]]]]),
        "square": case([[[[1, 10], [2, 0]]]], [[[[1, 2, 0], [0, 1, 3], [2, 0, 1]]]], [[[[1, 2], [0, -1]]]]),
        "tall": case([[[[1], [10], [2]]]], [[[[1, 2], [0, 3], [4, 1]]]], [[[[1, 2]]]]),
        "tall kernel": case([[[[1, 10]]]], [[[[1, 2], [0, 3]]]], [[[[1], [2]]]]),
        "two channels": case([[[[1, 10]]]], [[[[1, 2, 4]], [[3, 4, 0]]]], [[[[1, 3]], [[2, 5]]]]),
        "two filters": case([[[[1, 10]], [[2, 5]]]], [[[[1, 2, 4]]]], [[[[1, 2]]], [[[3, 0]]]]),
        "two images": case([[[[1, 10]]], [[[2, 3]]]], [[[[1, 2]]], [[[3, 5]]]], [[[[2]]]]),
        "two images, two filters": case(
            [[[[1, 10]], [[2, 3]]], [[[4, 0]], [[5, 6]]]], [[[[1, 2]]], [[[3, 5]]]], [[[[2]]], [[[7]]]]
        ),
        "two images, two weights": case([[[[1, 10]]], [[[2, 3]]]], [[[[1, 2, 4]]], [[[3, 5, 0]]]], [[[[2, 7]]]]),
        "stride": case([[[[1, 10], [2, 3]]]], [[[[1, 2, 4], [0, 3, 5], [2, 1, 6]]]], [[[[2]]]], stride=2),
        "stride that does not divide": case([[[[1, 10]]]], [[[[1, 2, 4, 3]]]], [[[[2]]]], stride=2),
        "row over": case([[[[1], [10]]]], [[[[1], [2], [4], [3]]]], [[[[2]]]], stride=2),
        "row and column over, padded": case([[[[1, 10]]]], [[[[1, 2]]]], [[[[3], [5]]]], stride=2, padding=1),
        "padding": case([[[[1, 10, 2, 3]] * 3]], [[[[1, 2]]]], [[[[3]]]], stride=1, padding=1),
        "padding 2": case([[[[1, 2], [3, 4]]]], [[[[1]]]], [[[[3, 1], [2, 4]]]], stride=3, padding=2),
        "float32": case([[[[1, 10]]]], [[[[1, 2, 4]]]], [[[[3, 1]]]], dtype=np.float32),
        "speed": speed_case("", 7),
    }


FAST = (
    "Right, and fast: at least {} times as fast as a plain loop over all outputs, both timed on your machine."
).format(AT_LEAST)

EXERCISES = (
    Exercise(
        name="im2col",
        lab="lab07",
        points=2,
        kind="array",
        asks="All windows of a batch of images as the columns of matrices.",
        hints=(
            "Row (c, u, v) of the result holds one number from each window: the one at row u, column v of the window, "
            "in channel c. Where do these numbers stand in the padded images?",
            "They stand stride apart, and begin at row u and column v. So one slice takes them from all images and "
            "channels at once. Loop over u and v alone, and collect the slices in an array with the axes "
            "(N, C, kh, kw, OH, OW). Then reshape.",
            "padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding))). "
            "cols = np.zeros((N, C, kh, kw, OH, OW), dtype=x.dtype). For each u and v: cols[:, :, u, v] = "
            "padded[:, :, u : u + OH * stride : stride, v : v + OW * stride : stride]. "
            "Return cols.reshape(N, C * kh * kw, OH * OW). Raise the ValueError first.",
        ),
        inputs=im2col_inputs,
        small=im2col_small,
        returns={"cols": "array"},
        drive=with_a_later_call,
    ),
    Exercise(
        name="col2im",
        lab="lab07",
        points=3,
        kind="array",
        asks="Put every number of the columns back where it came from, and add up what meets.",
        hints=(
            "Read im2col from right to left. Which pixels does the slice for (u, v) touch, and what has to happen "
            "where two slices touch the same pixel?",
            "Make zeros as large as the padded images. Give cols the axes (N, C, kh, kw, OH, OW) with reshape. For each "
            "u and v, add cols[:, :, u, v] to the slice that im2col reads. At the end cut the padding off.",
            "padded = np.zeros((N, C, H + 2 * padding, W + 2 * padding), dtype=cols.dtype). For each u and v: "
            "padded[:, :, u : u + OH * stride : stride, v : v + OW * stride : stride] += parts[:, :, u, v]. "
            "Return padded[:, :, padding : padding + H, padding : padding + W]: this also works for padding 0.",
        ),
        inputs=col2im_inputs,
        small=col2im_small,
        returns={"x": "array"},
        drive=with_a_later_call,
    ),
    Exercise(
        name="conv2d_forward_fast",
        lab="lab07",
        points=3,
        kind="array",
        asks="The convolution layer as one matrix product. " + FAST,
        hints=(
            "im2col gives (N, C·KH·KW, L): a column for each window. What shape must w have, so that one matrix "
            "product multiplies every filter with every column?",
            "w.reshape(F, C·KH·KW) has one filter in each row, in the same order as the rows of the columns. "
            "The product @ of (F, C·KH·KW) with (N, C·KH·KW, L) is (N, F, L). The bias meets the axis F.",
            "out = w.reshape(F, -1) @ im2col(x, KH, KW, stride, padding). If b is not None: out = out + b[:, None]. "
            "Return out.reshape(N, F, OH, OW). The axes are in this order already, so reshape is right here.",
        ),
        inputs=forward_inputs,
        small=forward_small,
        returns={"out": "array"},
        drive=raced(forward_race),
    ),
    Exercise(
        name="conv2d_backward_fast",
        lab="lab07",
        points=3,
        kind="array",
        asks="The three gradients of a convolution by matrix products and col2im. " + FAST,
        hints=(
            "The forward pass of one image is out = W @ cols, with matrices. Which two matrix products give the gradients of W "
            "and of cols? And which function sends the gradient of cols to the pixels?",
            "With d = dout.reshape(N, F, L): dW of one image is d[n] @ cols[n].T, and the images add up. dcols is W.T @ d. "
            "col2im makes dx of it. db adds dout up over all axes but the filters.",
            "cols = im2col(x, KH, KW, stride, padding); dw = (d @ cols.transpose(0, 2, 1)).sum(axis=0).reshape(w.shape); "
            "dx = col2im(w.reshape(F, -1).T @ d, x.shape, KH, KW, stride, padding); db = dout.sum(axis=(0, 2, 3)).",
        ),
        inputs=backward_inputs,
        small=backward_small,
        returns={"dx": "array", "dw": "array", "db": "array"},
        drive=raced(backward_race),
    ),
)
