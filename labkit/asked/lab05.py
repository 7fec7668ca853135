"""Lab 5, convolution backward: what is asked."""

import contextlib
import copy
import io
from collections.abc import Callable

import numpy as np

from labkit.asked.exercise import Case, Exercise, one_call, whole

EARLIER = "a result kept from an earlier call, or overwritten by a later one"


def with_a_later_call(answer: Callable, case: Case, returns: dict[str, str]) -> dict[str, object]:
    """The usual drive. In the cases that catch `EARLIER` a call with -dout follows: the first results must stay."""
    results = one_call(answer, case, returns)
    if case.catches == EARLIER:
        args = copy.deepcopy(case.args)
        later = Case("", {**args, "dout": -args["dout"]}, case.keywords)
        with contextlib.redirect_stdout(io.StringIO()):
            one_call(answer, later, returns)
    return results


def places(size: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    """How many places a kernel has along one axis: the length of dout."""
    return (size + 2 * padding - kernel) // stride + 1


# conv1d_backward --------------------------------------------------------------------------------


def conv1d_inputs(rng: np.random.Generator) -> dict[str, Case]:
    def case(catches, size, kernel, keywords=(), dtype=np.float64, **more):
        shapes = {"dout": places(size, kernel, **more), "x": size, "w": kernel}
        arrays = {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}
        return Case(catches, {**arrays, **more}, keywords)

    return {
        "defaults": case("code that is right for symmetric kernels or a dout of ones only", 9, 4),
        "defaults, other numbers": case(EARLIER, 9, 4),
        "stride": case("code that is right at stride 1 only", 9, 3, stride=2),
        "stride that leaves entries over": case("a dx that is shorter than x", 15, 3, ("stride",), stride=5),
        "stride larger than the kernel": case("a gradient where no window was", 12, 2, ("stride",), stride=3),
        "padding": case("code that is right at padding 0 only", 6, 3, ("padding",), padding=1),
        "padding larger than the kernel needs": case(
            "code that fails where a window sees zeros only", 5, 2, ("padding",), padding=3
        ),
        "stride and padding": case("code that is right with one of them, not with both", 8, 3, stride=3, padding=2),
        "kernel as long as the row": case("code that is right for many outputs only", 5, 5),
        "kernel longer than the row, not than the padded row": case(
            "code that fails where both ends lie on the padding", 3, 5, ("padding", "stride"), stride=2, padding=2
        ),
        "kernel 1": case("an axis of length 1 lost", 11, 1),
        "float32": case("float64 for float32", 10, 3, dtype=np.float32, stride=2),
        "float32, padded": case("float64 for float32 where padding is", 10, 3, dtype=np.float32, stride=2, padding=1),
    }


def conv1d_small() -> dict[str, Case]:
    def case(dout, x, w, dtype=np.float64, catches="", **more):
        arrays = {"dout": whole(*dout), "x": whole(*x), "w": whole(*w)}
        return Case(catches, {**{name: one.astype(dtype) for name, one in arrays.items()}, **more})

    return {
        "plain": case([1, 2], [1, 2, 4], [3, -1]),
        "three": case([2, 1, -1], [1, 0, 2, 3, 5], [3, 1, 2]),
        "one place": case([2], [1, 4], [3, 1]),
        "kernel 1": case([2], [4], [3]),
        "strided": case([1, 2], [1, 2, 4, 5], [3, 1], stride=2),
        "uneven": case([1, 2], [1, 2, 4, 5, 7], [3, 1], stride=2),
        "two over": case([2], [1, 2, 4, 5], [3, 1], stride=3),
        "between": case([1, 2], [1, 2, 4, 5, 7], [3, 1], stride=3),
        "padded": case([1, 3, 2], [1, 2], [3, 1], stride=1, padding=1),
        "both": case([1, 2], [1, 2, 4], [3, 1], stride=2, padding=1),
        "float32": case([1, 2], [1, 2, 4], [3, 1], dtype=np.float32),
        "float32, padded": case([1, 3, 2], [1, 2], [3, 1], dtype=np.float32, stride=1, padding=1),
        "two calls": case([1, 2], [1, 2, 4], [3, -1], catches=EARLIER),
    }


# conv2d_backward and its three parts ------------------------------------------------------------


def conv2d_arrays(rng: np.random.Generator):
    """(catches, shape of x, shape of w, …) -> case of conv2d_backward, with random dout, x and w of both signs."""

    def case(catches, x, w, keywords=(), dtype=np.float64, order="C", **more):
        dout = x[0], w[0], *(places(size, kernel, **more) for size, kernel in zip(x[2:], w[2:]))
        shapes = {"dout": dout, "x": x, "w": w}
        arrays = {name: np.asarray(rng.standard_normal(shape), dtype, order) for name, shape in shapes.items()}
        return Case(catches, {**arrays, **more}, keywords)

    return case


def conv2d_inputs(rng: np.random.Generator) -> dict[str, Case]:
    case = conv2d_arrays(rng)
    return {
        "defaults": case("code that is right for symmetric kernels or a dout of ones only", (3, 2, 6, 6), (4, 2, 3, 3)),
        "defaults, other numbers": case(EARLIER, (3, 2, 6, 6), (4, 2, 3, 3)),
        "wide images, tall kernels": case(
            "code that is right for square images and kernels only", (2, 3, 6, 9), (5, 3, 5, 2)
        ),
        "tall images, wide kernels": case(
            "code that is right for square images and kernels only", (3, 2, 7, 6), (2, 2, 2, 5)
        ),
        "seven images, one channel": case("code that is right for a batch of 1 only", (7, 1, 4, 5), (2, 1, 2, 3)),
        "one image, four channels": case("code that is right for one channel only", (1, 4, 5, 4), (2, 4, 2, 2)),
        "one image, one channel, one filter": case("an axis of length 1 lost", (1, 1, 4, 5), (1, 1, 2, 3)),
        "as many images as channels, filters, rows and columns": case(
            "axes exchanged where the shapes fit anyway", (3, 3, 5, 5), (3, 3, 3, 3)
        ),
        "stride": case("code that is right at stride 1 only", (2, 3, 7, 9), (4, 3, 3, 3), stride=2),
        "stride that leaves rows over": case(
            "code that is right where no row is left over only", (2, 2, 8, 11), (3, 2, 2, 3), ("stride",), stride=4
        ),
        "stride that leaves columns over": case(
            "code that is right where no column is left over only", (2, 2, 6, 10), (3, 2, 3, 2), stride=3
        ),
        "stride, kernels of 1 × 1": case("a short cut without the stride", (2, 3, 6, 7), (4, 3, 1, 1), stride=2),
        "padding": case("code that is right at padding 0 only", (2, 2, 3, 5), (3, 2, 3, 3), ("padding",), padding=1),
        "padding larger than the kernels need": case(
            "code that fails where windows see zeros only", (2, 3, 3, 4), (2, 3, 2, 1), ("padding",), padding=3
        ),
        "stride and padding": case(
            "a stride or a padding at the wrong place", (3, 2, 5, 8), (4, 2, 3, 4), stride=2, padding=2
        ),
        "stride and padding, rows and columns over": case(
            "what is left over counted without the padding",
            (2, 1, 10, 13), (3, 1, 3, 3), ("padding", "stride"), stride=5, padding=1,
        ),
        "kernels larger than the images, not than the padded images": case(
            "code that is right for many places only", (2, 2, 2, 3), (3, 2, 4, 5), ("padding",), padding=1
        ),
        "column order": case(
            "memory read as if it lay in rows", (3, 2, 5, 6), (4, 2, 3, 2), ("padding",), order="F", padding=1
        ),
        "float32": case("float64 for float32", (2, 3, 6, 6), (4, 3, 3, 2), ("stride",), np.float32, stride=2),
        "float32, stride and padding, columns over": case(
            "float64 for float32 where padding is",
            (2, 3, 7, 6), (4, 3, 3, 3), ("stride", "padding"), np.float32, stride=3, padding=1,
        ),
    }  # fmt: skip


def conv2d_small() -> dict[str, Case]:
    """Few small whole numbers, smallest first. Each array is given in its own four axes."""

    def case(dout, x, w, dtype=np.float64, catches="", **more):
        arrays = {"dout": dout, "x": x, "w": w}
        return Case(catches, {**{name: np.array(one, dtype) for name, one in arrays.items()}, **more})

    square = [[1, 2, 0], [0, 1, 3], [2, 0, 1]]
    return {
        "a row": case([[[[1, 2]]]], [[[[1, 2, 4]]]], [[[[3, -1]]]]),
        "square": case([[[[1, 2], [0, -1]]]], [[square]], [[[[1, 2], [0, 3]]]]),
        "wide": case([[[[1, 2, 3], [0, 1, 2]]]], [[[[1, 2, 0, 3], [4, 1, 2, 0]]]], [[[[1, 2]]]]),
        "tall": case([[[[1], [2], [3]]]], [[[[1], [2], [0], [3]]]], [[[[1], [2]]]]),
        "wide kernel": case([[[[1], [2]]]], [[[[1, 2, 5], [0, 3, 1]]]], [[[[1, 2, 3]]]]),
        "two images": case([[[[1, 2]]], [[[3, -1]]]], [[[[1, 2, 4]]], [[[0, 3, 1]]]], [[[[2, 1]]]]),
        "two channels": case([[[[1, 2]]]], [[[[1, 2, 4]], [[3, 0, 1]]]], [[[[2, 1]], [[1, 3]]]]),
        "two filters": case([[[[1, 2]], [[3, 0]]]], [[[[1, 2, 4]]]], [[[[2, 1]]], [[[1, 3]]]]),
        "two of each": case(
            [[[[1]], [[2]]], [[[3]], [[0]]]], [[[[1]], [[4]]], [[[2]], [[5]]]], [[[[2]], [[1]]], [[[0]], [[3]]]]
        ),
        "two channels, two filters": case(
            [[[[1]], [[2]]]], [[[[1, 4]], [[2, 5]]]], [[[[2, 1]], [[1, 3]]], [[[0, 4]], [[3, 1]]]]
        ),
        "two images, two filters": case(
            [[[[1, 2]], [[3, 0]]], [[[0, 1]], [[2, 4]]]], [[[[1, 2]]], [[[4, 3]]]], [[[[2]]], [[[1]]]]
        ),
        "stride": case([[[[1, 2], [3, 5]]]], [[square]], [[[[2]]]], stride=2),
        "strided row": case([[[[1, 2]]]], [[[[1, 2, 4, 5]]]], [[[[3, 1]]]], stride=2),
        "column over": case([[[[1, 2]]]], [[[[1, 2, 4, 5, 7]]]], [[[[3, 1]]]], stride=2),
        "row over": case([[[[1], [2]]]], [[[[1], [2], [4], [5], [7]]]], [[[[3], [1]]]], stride=2),
        "padding": case([[[[1, 2, 0], [3, 1, 4]]]], [[[[1, 2]]]], [[[[3, 1], [2, 0]]]], stride=1, padding=1),
        "both": case([[[[1, 2], [3, 0]]]], [[[[1, 2], [4, 5]]]], [[[[3, 1], [2, -1]]]], stride=2, padding=1),
        "columns over, padded": case(
            [[[[1, 2], [3, 5]]]], [[[[1, 2, 0, 3], [4, 1, 2, 0], [2, 0, 1, 5]]]], [[[[3], [1]]]], stride=3, padding=1
        ),
        "rows over, padded": case(
            [[[[1, 2], [3, 5]]]], [[[[1, 2, 0], [3, 4, 1], [2, 0, 2], [0, 1, 5]]]], [[[[3, 1]]]], stride=3, padding=1
        ),
        "float32": case([[[[1, 2]]]], [[[[1, 2, 4]]]], [[[[3, -1]]]], dtype=np.float32),
        "float32, padded": case(
            [[[[1, 2, 0], [3, 1, 4]]]], [[[[1, 2]]]], [[[[3, 1], [2, 0]]]], np.float32, stride=1, padding=1
        ),
        "two calls": case([[[[1, 2]]]], [[[[1, 2, 4]]]], [[[[3, -1]]]], catches=EARLIER),
    }


def of_weight(cases: dict[str, Case]) -> dict[str, Case]:
    """The cases for conv2d_backward_weight: w's shape in place of w."""
    return with_shape(cases, "w")


def of_input(cases: dict[str, Case]) -> dict[str, Case]:
    """The cases for conv2d_backward_input: x's shape in place of x, after w."""
    return with_shape(cases, "x")


def with_shape(cases: dict[str, Case], name: str) -> dict[str, Case]:
    """Cases in which the array `name` is replaced by its shape, after the arrays that stay."""
    changed = {}
    for key, case in cases.items():
        args = dict(case.args)
        shape = args.pop(name).shape
        more = {one: args.pop(one) for one in ("stride", "padding") if one in args}
        changed[key] = Case(case.catches, {**args, f"{name}_shape": shape, **more}, case.keywords)
    return changed


def bias_inputs(rng: np.random.Generator) -> dict[str, Case]:
    def case(catches, *shape, dtype=np.float64, order="C"):
        return Case(catches, {"dout": np.asarray(rng.standard_normal(shape), dtype, order)})

    return {
        "wide maps": case("a bias for each pixel, or an axis too many", 3, 2, 4, 9),
        "wide maps, other numbers": case(EARLIER, 3, 2, 4, 9),
        "tall maps, five images": case("code that is right for a batch of 1 only", 5, 3, 4, 2),
        "one image": case("an axis of length 1 lost", 1, 3, 2, 4),
        "one filter": case("code that is right for many filters only", 2, 1, 3, 5),
        "one pixel": case("code that is right for large maps only", 4, 3, 1, 1),
        "as many images as filters, rows and columns": case("the wrong axes, where the shapes fit", 3, 3, 3, 3),
        "column order": case("memory read as if it lay in rows", 2, 4, 3, 5, order="F"),
        "float32": case("float64 for float32", 2, 3, 4, 5, dtype=np.float32),
    }


def bias_small() -> dict[str, Case]:
    def case(*images, dtype=np.float64, catches=""):
        return Case(catches, {"dout": whole(*images).astype(dtype)})

    return {
        "a row": case([[[1, 2]]]),
        "a column": case([[[1], [2]]]),
        "one number": case([[[3]]]),
        "two images": case([[[1, 2]]], [[[3, -5]]]),
        "two filters": case([[[1, 2]], [[3, 0]]]),
        "two of each": case([[[1, 2]], [[3, 0]]], [[[5, 1]], [[0, 4]]]),
        "float32": case([[[1, 2]]], dtype=np.float32),
        "two calls": case([[[1, 2]]], catches=EARLIER),
    }


EXERCISES = (
    Exercise(
        name="conv1d_backward",
        lab="lab05",
        points=2,
        kind="array",
        asks="The gradients of a convolution of a row.",
        hints=(
            "Output i was made of the entries x[i·s] … x[i·s + KW − 1] of the padded row. Each of them was multiplied "
            "by one weight. So if dout[i] comes back, which entry of dx gets what? And which entry of dw?",
            "Pad x. Make a row of zeros as long as the padded x, and zeros for dw. For each output i, add dout[i]·w to "
            "the window of the one, and dout[i] times the window of x to the other. At the end cut the padding off.",
            "Let padded be np.pad(x, padding). Inside the loop over i: here = slice(i * stride, i * stride + len(w)); "
            "dx[here] += dout[i] * w; dw += dout[i] * padded[here]. Return dx[padding : padding + len(x)] and dw.",
        ),
        inputs=conv1d_inputs,
        small=conv1d_small,
        returns={"dx": "array", "dw": "array"},
        drive=with_a_later_call,
    ),
    Exercise(
        name="conv2d_backward_bias",
        lab="lab05",
        points=1,
        kind="array",
        asks="The gradient of the biases of a convolution.",
        hints=(
            "Which outputs would change if you moved the bias of filter 0? By how much?",
            "The bias of filter f is added to every pixel of map f, in every image. So its gradient is the sum of dout "
            "over these. Which axes of (N, F, OH, OW) are added up, and which one stays?",
            "np.sum takes several axes at once: axis=(0, 2, 3).",
        ),
        inputs=bias_inputs,
        small=bias_small,
        returns={"db": "array"},
        drive=with_a_later_call,
    ),
    Exercise(
        name="conv2d_backward_weight",
        lab="lab05",
        points=2,
        kind="array",
        asks="The gradient of the kernels of a convolution.",
        hints=(
            "Take one place: image n, row i, column j. Each weight of filter f was multiplied by one number of the "
            "window there. What does dout[n, f, i, j] then give to dw[f]?",
            "dw[f] gets dout[n, f, i, j] times the window of x, which has the shape (C, KH, KW) like dw[f]. Add up "
            "over all images and places. x has to be padded first, as in the forward pass.",
            "Let padded be x with its frame. Loop over n, f, i and j: window = padded[n, :, i * stride : i * stride + "
            "KH, j * stride : j * stride + KW]; dw[f] += dout[n, f, i, j] * window. dw begins as np.zeros(w_shape, "
            "dtype=x.dtype).",
        ),
        inputs=lambda rng: of_weight(conv2d_inputs(rng)),
        small=lambda: of_weight(conv2d_small()),
        returns={"dw": "array"},
        drive=with_a_later_call,
    ),
    Exercise(
        name="conv2d_backward_input",
        lab="lab05",
        points=3,
        kind="array",
        asks="The gradient of the images that went into a convolution.",
        hints=(
            "Take one place: image n, row i, column j. Each pixel of its window was multiplied by one weight of filter "
            "f. What does dout[n, f, i, j] then give to each pixel of the window?",
            "Make zeros as large as the padded images. The window at i·stride, j·stride of image n gets "
            "dout[n, f, i, j]·w[f], added to what is there already. When all is added, cut the frame off. "
            "Mind that p:-p is empty for p = 0.",
            "Loop over n, f, i and j: dx[n, :, i * stride : i * stride + KH, j * stride : j * stride + KW] += "
            "dout[n, f, i, j] * w[f]. Return dx[:, :, padding : padding + H, padding : padding + W].",
        ),
        inputs=lambda rng: of_input(conv2d_inputs(rng)),
        small=lambda: of_input(conv2d_small()),
        returns={"dx": "array"},
        drive=with_a_later_call,
    ),
    Exercise(
        name="conv2d_backward",
        lab="lab05",
        points=2,
        kind="array",
        asks="All three gradients of a convolution: images, kernels, biases.",
        hints=(
            "You have written the three parts. What does each of them need, and in which order do the results come "
            "back?",
            "The shapes are those of x and w: x.shape and w.shape. Pass stride and padding on. "
            "Compute all three before anything is changed, and change nothing.",
            "dx = conv2d_backward_input(dout, w, x.shape, stride, padding), and so for dw and db. "
            "Return dx, dw, db, in the order of the forward's inputs x, w, b.",
        ),
        inputs=conv2d_inputs,
        small=conv2d_small,
        returns={"dx": "array", "dw": "array", "db": "array"},
        drive=with_a_later_call,
    ),
)
