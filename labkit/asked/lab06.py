"""Lab 6, pooling, invariance, and a network by hand: what is asked."""

from collections.abc import Callable

import numpy as np

from labkit.asked.exercise import Case, Exercise, Misuse, whole

Cases = dict[str, Case]

DEEP = 1e30  # how far below zero the entries of an image may lie


def drawn(rng: np.random.Generator, shape: tuple[int, ...], dtype: type = np.float64, columns: bool = False):
    return np.array(rng.standard_normal(shape), dtype, order="F" if columns else "C")


def places(size: int, kernel: int, stride: int) -> int:
    return (size - kernel) // stride + 1


def pooled_shape(x_shape: tuple[int, ...], kernel: int, stride: int | None) -> tuple[int, ...]:
    step = kernel if stride is None else stride
    return (*x_shape[:2], *(places(size, kernel, step) for size in x_shape[2:]))


# max_pool2d_forward and avg_pool2d_forward --------------------------------------------------------


def pool_inputs(rng: np.random.Generator) -> Cases:
    def case(catches, shape, kernel, keywords=(), raises="", dtype=np.float64, columns=False, deep=False, **more):
        x = drawn(rng, shape, dtype, columns)
        if deep:
            x = -DEEP * (1 + np.abs(x))
        return Case(catches, {"x": x.astype(dtype), "kernel_size": kernel, **more}, keywords, raises)

    return {
        "windows side by side": case("images or channels mixed up", (3, 2, 4, 6), 2),
        "windows side by side, other numbers": case("something kept from the last call", (3, 2, 4, 6), 2),
        "wide images": case("height used for width", (2, 3, 3, 9), 3),
        "tall images": case("height used for width", (3, 2, 8, 4), 2, stride=2),
        "rows and columns left over": case("a part of a window counted", (2, 2, 8, 7), 3, ("kernel_size",)),
        "stride 1, so windows overlap": case("a stride that is always the window's size", (2, 2, 5, 5), 2, stride=1),
        "stride 2, window 3": case("kernel and stride exchanged", (2, 2, 8, 5), 3, ("stride",), stride=2),
        "stride 3, window 2": case("kernel and stride exchanged", (3, 1, 9, 7), 2, stride=3),
        "stride given as None": case("None taken for a stride of 1", (2, 2, 4, 8), 2, ("stride",), stride=None),
        "window 1": case("a window that is always larger", (2, 2, 3, 5), 1),
        "window 1, stride 2": case("a stride left out", (2, 2, 4, 5), 1, ("kernel_size", "stride"), stride=2),
        "window as large as the image": case("a guard that is too strict", (2, 3, 4, 4), 4),
        "window as high as the image": case("an axis of length 1 lost", (1, 1, 3, 7), 3, stride=2),
        "far below zero": case("numbers below zero taken for larger ones", (2, 2, 4, 6), 2, deep=True),
        "stored by columns": case("a certain order in memory", (2, 3, 6, 4), 2, columns=True),
        "float32": case("float64 for float32", (2, 2, 5, 6), 2, dtype=np.float32, stride=1),
        "float32, far below zero": case(
            "numbers below zero taken for larger ones", (2, 2, 4, 4), 2, dtype=np.float32, deep=True
        ),
        "window too high": case("a guard that never fires", (2, 2, 2, 6), 3, raises="ValueError"),
        "window too wide": case(
            "a guard that looks at the height only", (2, 2, 6, 2), 3, ("stride",), "ValueError", stride=1
        ),
        "stride larger than the image": case("a guard that looks at the stride", (2, 2, 4, 3), 2, stride=5),
    }


def pool_small() -> Cases:
    def case(x, kernel, raises="", dtype=np.float64, **more):
        return Case("", {"x": np.array(x, dtype), "kernel_size": kernel, **more}, raises=raises)

    return {
        "one window": case([[[[1, 2], [4, -3]]]], 2),
        "two windows": case([[[[1, 2, 0, 3], [4, -3, 1, 5]]]], 2),
        "two rows of windows": case([[[[1, 2], [4, -3], [0, 3], [1, 5]]]], 2),
        "below zero": case([[[[-1, -2], [-4, -3]]]], 2),
        "far below zero": case([[[[-3e30, -2e30], [-4e30, -9e30]]]], 2),
        "overlapping": case([[[[1, 2, 0], [4, -3, 5]]]], 2, stride=1),
        "overlapping rows": case([[[[1, 2], [4, -3], [0, 5]]]], 2, stride=1),
        "None": case([[[[1, 2, 0, 3], [4, -3, 1, 5]]]], 2, stride=None),
        "left over": case([[[[1, 2, 7], [4, -3, 8], [9, 6, 5]]]], 2),
        "overlapping, left over": case([[[[1, 2, 7, 0], [4, -3, 8, 1], [9, 6, 5, 2]]]], 2, stride=2),
        "gaps": case([[[[1, 2, 7, 0, 5], [4, -3, 8, 1, 3]]]], 2, stride=3),
        "stride larger than the image": case([[[[1, 2], [4, -3]]]], 2, stride=5),
        "window 1, stride 2": case([[[[1, 2, 7, 0]]]], 1, stride=2),
        "two channels": case([[[[1, 2], [4, -3]], [[5, 0], [2, 1]]]], 2),
        "two images": case([[[[1, 2], [4, -3]]], [[[5, 0], [2, 1]]]], 2),
        "square": case([[[[1, 2, 0, 3], [4, -3, 1, 5], [6, 8, 9, -1], [7, 2, 0, 4]]]], 2),
        "window 3": case([[[[1, 2, 7], [4, -3, 8], [6, 5, 9]]]], 3),
        "float32": case([[[[1, 2], [4, -3]]]], 2, dtype=np.float32),
        "too high": case([[[[1, 2, 3]]]], 2, "ValueError"),
        "too wide": case([[[[1], [2], [3]]]], 2, "ValueError"),
    }


# max_pool2d_backward ------------------------------------------------------------------------------


def max_backward_inputs(rng: np.random.Generator) -> Cases:
    def case(catches, x, kernel, keywords=(), dtype=np.float64, columns=False, **more):
        x = drawn(rng, x, dtype, columns) if isinstance(x, tuple) else np.array(x, dtype)
        dout = drawn(rng, pooled_shape(x.shape, kernel, more.get("stride")), dtype, columns)
        return Case(catches, {"dout": dout, "x": x, "kernel_size": kernel, **more}, keywords)

    def few(*shape):
        return rng.integers(0, 3, shape)

    across = np.tile([[1, 2], [2, 0]], (2, 2, 2, 3))  # by rows another 2 comes first than by columns
    steps = rng.permuted(np.tile(np.arange(4.0), (24, 1)), axis=1)  # one window a row
    steps = steps.reshape(2, 2, 2, 3, 2, 2).swapaxes(3, 4).reshape(2, 2, 4, 6)
    return {
        "windows side by side": case("images or channels mixed up", (3, 2, 4, 6), 2),
        "windows side by side, other numbers": case("something kept from the last call", (3, 2, 4, 6), 2),
        "wide images": case("height used for width", (2, 3, 3, 9), 3),
        "tall images": case("height used for width", (3, 2, 8, 4), 2, stride=2),
        "overlapping windows": case("a gradient overwritten where windows overlap", (2, 2, 6, 5), 2, stride=1),
        "windows that share a row or a column": case(
            "a gradient overwritten where windows overlap", (2, 2, 8, 8), 3, ("stride",), stride=2
        ),
        "rows and columns left over": case("a dx that is too small", (2, 2, 8, 7), 3, ("kernel_size",)),
        "gaps between windows": case("kernel and stride exchanged", (3, 1, 9, 8), 2, stride=3),
        "stride given as None": case("None taken for a stride of 1", (2, 2, 4, 8), 2, ("stride",), stride=None),
        "many ties": case("every tie is paid, or another than the first", few(2, 2, 6, 8), 2),
        "many ties where windows overlap": case(
            "every tie is paid, or another than the first", few(2, 3, 5, 6), 3, stride=1
        ),
        "the first largest by rows is not the first by columns": case("the first largest by columns", across, 2),
        "all entries equal": case("every tie is paid", np.zeros((2, 2, 6, 4)), 2),
        "below zero": case("a search that begins at 0", -1 - np.abs(drawn(rng, (2, 2, 4, 6))), 2),
        "far below zero": case("a search that begins at −1000", -DEEP * (1 + rng.random((2, 2, 6, 4))), 2, stride=2),
        "window 1": case("a window that is always larger", (2, 2, 3, 4), 1),
        "window as large as the image": case("an axis of length 1 lost", (1, 1, 4, 4), 4),
        "stored by columns": case("a certain order in memory", (2, 3, 6, 4), 2, columns=True),
        "float32": case("float64 for float32", (2, 2, 5, 6), 3, dtype=np.float32, stride=1),
        "stride larger than the image": case("a guard that looks at the stride", (2, 2, 4, 3), 2, stride=5),
        "nearly equal": case(  # from one number to the next there is
            "nearly equal taken for equal", 1 + np.spacing(1.0) * steps, 2, ("stride",), stride=2
        ),
    }


def max_backward_small() -> Cases:
    def case(dout, x, kernel, dtype=np.float64, **more):
        return Case("", {"dout": np.array(dout, dtype), "x": np.array(x, dtype), "kernel_size": kernel, **more})

    return {
        "one window": case([[[[5]]]], [[[[1, 2], [4, -3]]]], 2),
        "two windows": case([[[[5, -2]]]], [[[[1, 2, 0, 3], [4, -3, 1, 0]]]], 2),
        "two rows of windows": case([[[[5], [-2]]]], [[[[1, 2], [4, -3], [0, 3], [1, 2]]]], 2),
        "a tie": case([[[[5]]]], [[[[1, 4], [4, 0]]]], 2),
        "all equal": case([[[[5]]]], [[[[2, 2], [2, 2]]]], 2),
        "all 0": case([[[[5]]]], [[[[0, 0], [0, 0]]]], 2),
        "below zero": case([[[[5]]]], [[[[-4, -2], [-1, -3]]]], 2),
        "far below zero": case([[[[5]]]], [[[[-3e30, -2e30], [-4e30, -9e30]]]], 2),
        "overlapping": case([[[[5, -2]]]], [[[[1, 4, 0], [0, 2, 3]]]], 2, stride=1),
        "overlapping rows": case([[[[5], [-2]]]], [[[[1, 0], [4, 2], [0, 3]]]], 2, stride=1),
        "None": case([[[[5, -2]]]], [[[[1, 2, 0, 3], [4, -3, 1, 0]]]], 2, stride=None),
        "left over": case([[[[5]]]], [[[[1, 2, 7], [4, -3, 8], [9, 6, 5]]]], 2),
        "gaps": case([[[[5, -2]]]], [[[[1, 2, 7, 0, 5], [4, -3, 8, 1, 3]]]], 2, stride=3),
        "stride larger than the image": case([[[[5]]]], [[[[1, 2], [4, -3]]]], 2, stride=5),
        "nearly equal": case([[[[5]]]], [[[[-1, 0], [1e-50, -2]]]], 2),
        "two channels": case([[[[5]], [[-2]]]], [[[[1, 2], [4, -3]], [[5, 0], [2, 1]]]], 2),
        "two images": case([[[[5]]], [[[-2]]]], [[[[1, 2], [4, -3]]], [[[5, 0], [2, 1]]]], 2),
        "square": case([[[[5, -2], [3, 1]]]], [[[[1, 2, 0, 3], [4, -3, 1, 5], [6, 8, 9, -1], [7, 2, 0, 4]]]], 2),
        "float32": case([[[[5]]]], [[[[1, 2], [4, -3]]]], 2, np.float32),
    }


# translate --------------------------------------------------------------------------------------


def translate_inputs(rng: np.random.Generator) -> Cases:
    def case(catches, shape, down, right, keywords=(), dtype=np.float64, columns=False, positive=False):
        images = drawn(rng, shape, dtype, columns)
        images = 1 + np.abs(images) if positive else images
        return Case(catches, {"images": images, "down": down, "right": right}, keywords)

    return {
        "down and right": case("what leaves comes in again on the other side", (2, 3, 2, 6), 1, 4),
        "down and right, other numbers": case("something kept from the last call", (2, 3, 2, 6), 1, 4),
        "up and left": case("a negative shift read as an index from the end", (2, 2, 6, 7), -2, -1, ("right",)),
        "down and left": case("one sign for both directions", (3, 2, 5, 6), 2, -3),
        "up and right": case("one sign for both directions", (2, 2, 6, 2), -3, 1, ("down", "right")),
        "down alone, further than the image is wide": case("width used for height", (2, 2, 6, 2), 3, 0),
        "left alone, further than the image is high": case("height used for width", (2, 2, 2, 6), 0, -4),
        "not at all": case("an empty slice at a shift of 0", (2, 1, 3, 4), 0, 0),
        "as far as the image is high": case("one row too many left", (2, 2, 4, 6), 4, 1),
        "up, further than the image is high": case("a shift that is larger than the image", (2, 2, 3, 7), -5, 2),
        "further than the image is wide": case("a shift that is larger than the image", (2, 2, 6, 4), -1, 6),
        "left, as far as the image is wide": case("a shift that is larger than the image", (2, 2, 6, 3), 1, -3),
        "one plane": case("only four axes work", (4, 6), 1, -2),
        "three axes": case("only four axes work", (3, 5, 4), -1, 1),
        "stored by columns": case("a certain order in memory", (2, 3, 4, 4), 1, 2, columns=True),
        "float32": case("float64 for float32", (2, 2, 1, 5), 0, 1, dtype=np.float32),
        "all above 0": case("the smallest pixel comes in, not 0", (2, 2, 5, 1), -1, 0, positive=True),
    }


def translate_small() -> Cases:
    def case(images, down, right, dtype=np.float64, order="C"):
        return Case("", {"images": np.array(images, dtype, order=order), "down": down, "right": right})

    plane = [[1, 2, 3], [4, 5, 6]]
    return {
        "right": case(plane, 0, 1),
        "down": case(plane, 1, 0),
        "left": case(plane, 0, -1),
        "up": case(plane, -1, 0),
        "both": case([[1, 2, 3], [4, 5, 6], [7, 8, 9]], 1, -2),
        "not at all": case(plane, 0, 0),
        "down and right": case(plane, 1, 1),
        "out of the image": case(plane, 2, 0),
        "far out of the image": case(plane, -3, 0),
        "out at the side": case(plane, 0, 5),
        "out at the left": case(plane, 0, -5),
        "a batch": case([[plane]], 1, 1),
        "two images": case([[[[1, 2, 3], [4, 5, 6]]], [[[7, 8, 9], [1, 3, 5]]]], 1, 0),
        "wide": case([[1, 2, 3, 4]], 0, 2),
        "tall": case([[1], [2], [3], [4]], 2, 0),
        "float32": case(plane, 0, 1, np.float32),
        "stored by columns": case([[[[1, 2]], [[3, 4]]], [[[5, 6]], [[7, 8]]]], 0, 1, order="F"),
    }


# forward_backward -------------------------------------------------------------------------------

PARAMS = ("conv_w", "conv_b", "linear_w", "linear_b")


def grad(name: str) -> str:
    return f'grads["{name}"]'


def with_params(answer: Callable, case: Case, returns: dict[str, str]) -> dict[str, object]:
    """One call with the parameters in a dict; the loss and each gradient by name.

    Raises Misuse where the results are no pair of a loss and a dict with the keys of params, and where
    params holds other arrays afterwards.
    """
    given = {name: case.args[name] for name in PARAMS}
    params = dict(given)
    result = answer(params, case.args["x"], case.args["labels"])
    if not isinstance(result, (tuple, list)):
        code, kind = ("none", "None") if result is None else ("count", type(result).__name__)
        raise Misuse(code, f"it returned {kind}; expected a tuple (loss, grads)")
    if len(result) != 2:
        raise Misuse("count", f"it returned {len(result)} results; expected 2: loss, grads")
    loss, grads = result
    keys = ", ".join(PARAMS)
    if not isinstance(grads, dict):
        raise Misuse("type", f"grads is a {type(grads).__name__}; expected a dict with the keys {keys}")
    missing = [name for name in PARAMS if name not in grads]
    extra = [str(name) for name in grads if name not in PARAMS]
    if missing or extra:
        told = [f"grads lacks {', '.join(missing)}"] if missing else []
        told += [f"grads has {', '.join(extra)}, which params has not"] if extra else []
        raise Misuse("keys", f"{'; '.join(told)}. Its keys are those of params: {keys}")
    if params.keys() != given.keys() or any(params[name] is not given[name] for name in PARAMS):
        raise Misuse("params", "it put something else into params; leave params as it is and make a new dict for grads")
    return {"loss": loss, **{grad(name): grads[name] for name in PARAMS}}


def network_inputs(rng: np.random.Generator) -> Cases:
    def case(catches, x, w, classes, labels=None, label=np.int64, dtype=np.float64, columns=False):
        """x is (N, C, H, W), w (F, KH, KW)."""
        (n, c, height, width), (f, kh, kw) = x, w
        features = f * ((height - kh + 1) // 2) * ((width - kw + 1) // 2)
        draw = rng.standard_normal
        arrays = {
            "conv_w": draw((f, c, kh, kw)),
            "conv_b": draw(f),
            "linear_w": draw((classes, features)) / np.sqrt(features),
            "linear_b": draw(classes),
            "x": draw(x),
        }
        arrays = {name: np.array(array, dtype, order="F" if columns else "C") for name, array in arrays.items()}
        true = rng.integers(0, classes, n) if labels is None else labels
        return Case(catches, {**arrays, "labels": np.array(true, label)})

    cases = {
        "two images": case("images mixed up", (2, 1, 6, 7), (2, 3, 2), 3, [2, 0]),
        "four images, two channels": case("one image or one channel only", (4, 2, 6, 6), (2, 3, 3), 4, [1, 3, 1, 0]),
        "wide images, wide kernels": case("height used for width", (2, 2, 5, 9), (3, 2, 4), 3, [0, 2]),
        "tall images, tall kernels": case("height used for width", (3, 1, 8, 5), (2, 3, 2), 3, [2, 2, 1]),
        "a row and a column that pooling leaves over": case(
            "a part of a window counted", (2, 2, 7, 8), (2, 3, 2), 3, [1, 0]
        ),
        "as many images as features, classes and filters": case(
            "arrays taken for each other", (3, 2, 4, 3), (3, 3, 2), 3, [0, 2, 1]
        ),
        "one image": case("an axis of length 1 lost", (1, 1, 5, 6), (1, 2, 3), 2, [1]),
        "the last class does not occur": case("classes counted in the labels", (2, 1, 5, 6), (2, 2, 3), 5, [1, 3]),
        "two classes, uint8 labels": case("labels of one dtype only", (3, 1, 5, 6), (2, 2, 3), 2, [1, 0, 0], np.uint8),
        "kernel 1": case("a kernel that is always larger", (2, 1, 4, 6), (2, 1, 1), 3, [1, 2]),
        "every window tied": case("every tie is paid, or another than the first", (2, 2, 6, 8), (2, 1, 1), 3, [0, 2]),
        "every window nearly tied": case("nearly equal taken for equal", (2, 2, 6, 4), (2, 1, 1), 3, [2, 1]),
        "images of very different brightness": case("one maximum for all rows", (2, 1, 6, 5), (2, 3, 2), 3, [1, 2]),
        "stored by columns": case("a certain order in memory", (3, 2, 6, 6), (2, 3, 2), 3, [2, 1, 0], columns=True),
        "float32": case("float64 for float32", (2, 2, 6, 7), (2, 3, 2), 3, [1, 0], dtype=np.float32),
        "maps as high and as wide as there are filters": case(
            "a filter's bias added to a row or a column", (3, 2, 4, 3), (2, 3, 2), 3, [2, 0, 1]
        ),
    }
    far = cases["images of very different brightness"].args  # the logits of the second image lie far above the first's
    far["linear_w"], far["conv_b"] = 1 + np.abs(far["linear_w"]), 1 + np.abs(far["conv_b"])
    far["x"] = np.abs(far["x"]) * np.array([1, 1e5]).reshape(2, 1, 1, 1)
    far["conv_w"] = 0.1 + np.abs(far["conv_w"])
    cases["enormous logits"] = Case(
        "e^1000 is infinite, and so is log 0",
        cases["two images"].args | {"linear_b": whole(20000, 0, -20000) + drawn(rng, (3,))},
    )
    # Two channels whose sum ties; they differ from place to place, so it shows which place is paid.
    for name, sums in {
        "every window tied": whole([2, 2, 1, 2], [2, 2, 2, 0]),
        "every window nearly tied": whole([1, 2], [0, 2]) + 2.0**-40 * whole([0, 0], [0, 1]),
    }.items():
        tied = cases[name].args
        first = 1.0 * rng.integers(-5, 6, tied["x"][:, :1].shape)
        tied["conv_w"], tied["conv_b"] = np.array([1.0, 2]).repeat(2).reshape(2, 2, 1, 1), whole(0, 1)
        tied["x"] = np.concatenate([first, np.tile(sums, (3, first.shape[3] // sums.shape[1])) - first], axis=1)
    cases["a filter that is always off"] = Case(
        "ReLU left out", cases["two images"].args | {"conv_b": whole(-100, 1), "x": drawn(rng, (2, 1, 6, 7))}
    )
    dark = {"conv_w": whole([[[1]]], [[[2]]]), "conv_b": whole(0, 0), "x": -1.0 * rng.integers(0, 2, (2, 1, 4, 6))}
    cases["many zeros after the convolution"] = Case(
        "a slope of ReLU at 0 that is not 0", cases["kernel 1"].args | dark
    )
    return cases


def network_small() -> Cases:
    def case(conv_w, conv_b, linear_w, linear_b, x, labels, label=np.int64, dtype=np.float64):
        arrays = {"conv_w": conv_w, "conv_b": conv_b, "linear_w": linear_w, "linear_b": linear_b, "x": x}
        arrays = {name: np.array(array, dtype) for name, array in arrays.items()}
        return Case("", {**arrays, "labels": np.array(labels, label)})

    one, split = [[[[1]]]], [[1], [-1]]
    return {
        "one window": case(one, [0], split, [0, 0], [[[[1, 2], [4, 3]]]], [0]),
        "switched off": case(one, [-5], split, [1, 0], [[[[1, 2], [4, 3]]]], [1]),
        "switched off exactly": case(one, [-4], split, [1, 0], [[[[4, 2], [1, 3]]]], [1]),
        "a tie": case(one, [0], split, [0, 0], [[[[1, 2], [2, 0]]]], [0]),
        "a tie under a wide kernel": case([[[[1, 1]]]], [0], split, [0, 0], [[[[1, 2, 1], [0, 0, 1]]]], [0]),
        "a tie from corner to corner": case([[[[1, 1]]]], [0], split, [0, 0], [[[[0, 1, 3], [3, 1, 0]]]], [1]),
        "nearly a tie": case([[[[1, 1]]]], [0], split, [0, 0], [[[[0, 3, 1e-12], [0, 0, 0]]]], [1]),
        "two images, the larger label first": case(
            one, [1], split, [0, 1], [[[[1, 2], [4, 3]]], [[[0, 5], [1, 1]]]], [1, 0]
        ),
        "two windows": case(one, [0], [[1, 2], [-1, 0]], [0, 0], [[[[1, 2, 0, 3], [4, 3, 1, 5]]]], [0]),
        "three classes": case(one, [0], [[1], [-1], [0]], [0, 0, 1], [[[[1, 2], [4, 3]]]], [2]),
        "two filters, two windows": case(
            [[[[1]]], [[[-1]]]], [0, 3], [[1, 2, 0, 1], [0, 1, 3, 0]], [0, 0], [[[[1, 2, 3, 4], [1, 1, 2, 2]]]], [0]
        ),
        "two filters, two images": case(
            [[[[1]]], [[[-1]]]], [0, 3], [[1, 2], [0, 1]], [0, 1], [[[[1, 2], [1, 1]]], [[[0, 1], [2, 4]]]], [0, 1]
        ),
        "two channels": case([[[[1]], [[2]]]], [0], split, [0, 0], [[[[1, 2], [4, 3]], [[0, 1], [2, 1]]]], [0]),
        "a wide kernel": case([[[[1, 2]]]], [0], split, [0, 0], [[[[1, 2, 0], [4, 3, 1]]]], [0]),
        "left over": case(one, [0], split, [0, 0], [[[[1, 2, 9], [4, 3, 0], [7, 8, 5]]]], [1]),
        "uint8": case(one, [0], split, [0, 0], [[[[1, 2], [4, 3]]]], [0], np.uint8),
        "large": case(one, [0], [[1000], [0]], [0, 0], [[[[1, 2], [4, 3]]]], [1]),
        "far apart": case(one, [0], [[1], [1]], [0, 1], [[[[1, 2], [4, 3]]], [[[0, 5000], [1, 1]]]], [0, 1]),
        "float32": case(one, [0], split, [0, 0], [[[[1, 2], [4, 3]]]], [0], dtype=np.float32),
    }


# avg_pool2d_backward ------------------------------------------------------------------------------


def avg_backward_inputs(rng: np.random.Generator) -> Cases:
    def case(catches, x_shape, kernel, keywords=(), dtype=np.float64, columns=False, **more):
        dout = drawn(rng, pooled_shape(x_shape, kernel, more.get("stride")), dtype, columns)
        return Case(catches, {"dout": dout, "x_shape": x_shape, "kernel_size": kernel, **more}, keywords)

    return {
        "windows side by side": case("the division left out", (3, 2, 4, 6), 2),
        "windows side by side, other numbers": case("something kept from the last call", (3, 2, 4, 6), 2),
        "wide images": case("height used for width", (2, 3, 3, 9), 3),
        "tall images": case("height used for width", (3, 2, 8, 4), 2, stride=2),
        "overlapping windows": case("a gradient overwritten where windows overlap", (2, 2, 6, 5), 2, stride=1),
        "windows that share a row or a column": case(
            "a gradient overwritten where windows overlap", (2, 2, 8, 8), 3, ("stride",), stride=2
        ),
        "rows and columns left over": case("a dx that is too small", (2, 2, 8, 7), 3, ("kernel_size",)),
        "gaps between windows": case("kernel and stride exchanged", (3, 1, 9, 8), 2, stride=3),
        "stride given as None": case("None taken for a stride of 1", (2, 2, 4, 8), 2, ("stride",), stride=None),
        "window 1": case("a window that is always larger", (2, 2, 3, 4), 1),
        "window as large as the image": case("an axis of length 1 lost", (1, 1, 4, 4), 4),
        "stored by columns": case("a certain order in memory", (2, 3, 6, 4), 2, columns=True),
        "float32": case("float64 for float32", (2, 2, 5, 6), 3, dtype=np.float32, stride=1),
        "stride larger than the image": case("a guard that looks at the stride", (2, 2, 4, 3), 2, stride=5),
    }


def avg_backward_small() -> Cases:
    def case(dout, x_shape, kernel, dtype=np.float64, **more):
        return Case("", {"dout": np.array(dout, dtype), "x_shape": x_shape, "kernel_size": kernel, **more})

    return {
        "one window": case([[[[8]]]], (1, 1, 2, 2), 2),
        "two windows": case([[[[8, -4]]]], (1, 1, 2, 4), 2),
        "two rows of windows": case([[[[8], [-4]]]], (1, 1, 4, 2), 2),
        "overlapping": case([[[[8, -4]]]], (1, 1, 2, 3), 2, stride=1),
        "overlapping rows": case([[[[8], [-4]]]], (1, 1, 3, 2), 2, stride=1),
        "None": case([[[[8, -4]]]], (1, 1, 2, 4), 2, stride=None),
        "left over": case([[[[8]]]], (1, 1, 3, 3), 2),
        "gaps": case([[[[8, -4]]]], (1, 1, 2, 5), 2, stride=3),
        "stride larger than the image": case([[[[8]]]], (1, 1, 2, 2), 2, stride=5),
        "window 1": case([[[[8, -4]]]], (1, 1, 1, 2), 1),
        "two channels": case([[[[8]], [[-4]]]], (1, 2, 2, 2), 2),
        "two images": case([[[[8]]], [[[-4]]]], (2, 1, 2, 2), 2),
        "float32": case([[[[8]]]], (1, 1, 2, 2), 2, np.float32),
    }


EXERCISES = (
    Exercise(
        name="max_pool2d_forward",
        lab="lab06",
        points=2,
        kind="array",
        asks="The largest entry of each window.",
        hints=(
            "Where does the window of out[n, c, i, j] begin, and how many windows are there along each axis?",
            "Window (i, j) begins at row i·stride and column j·stride and is kernel_size × kernel_size large. "
            "There are "
            "(H − kernel_size) // stride + 1 rows of windows, and the same with W for the columns. "
            "Before all that, put kernel_size in place of a stride that is None, and raise a ValueError where the "
            "window "
            "is larger than the image.",
            "window = x[:, :, top:top + kernel_size, left:left + kernel_size] holds the window of all images and "
            "channels "
            "at once; window.max(axis=(2, 3)) has the shape (N, C). Write it to out[:, :, i, j], for every i and j.",
        ),
        inputs=pool_inputs,
        small=pool_small,
        returns={"out": "array"},
    ),
    Exercise(
        name="max_pool2d_backward",
        lab="lab06",
        points=2,
        kind="array",
        asks="The gradient of each window, handed to the first of its largest entries.",
        hints=(
            "Which entry of x does dout[n, c, i, j] belong to? What if it belongs to the same entry as the gradient of "
            "another window?",
            "Begin with np.zeros_like(x). For each n, c, i, j cut the window out of x, as in the forward pass. "
            "np.argmax(window) counts the entries row by row and gives the number of the first largest one. "
            "np.unravel_index turns that number into a row and a column of the window.",
            "row, column = np.unravel_index(np.argmax(window), window.shape); then "
            "dx[n, c, i * stride + row, j * stride + column] += dout[n, c, i, j]. With +=, for windows may overlap.",
        ),
        inputs=max_backward_inputs,
        small=max_backward_small,
        returns={"dx": "array"},
    ),
    Exercise(
        name="translate",
        lab="lab06",
        points=1,
        kind="array",
        asks="Images moved down and to the right, with zeros coming in.",
        hints=(
            "Take one row of pixels and a shift of 2 to the right. Which part of it stays in the image, and where does "
            "that part land? And for a shift of 2 to the left?",
            "Pixel (r, q) lands at (r + down, q + right), if that is in the image. One way: two loops over the "
            "rows and "
            "columns of the result, each asking whether the pixel it comes from, (r − down, q − right), exists.",
            "out = np.zeros_like(images); for every r and q: if 0 <= r - down < H and 0 <= q - right < W, then "
            "out[..., r, q] = images[..., r - down, q - right]. H and W are images.shape[-2:].",
        ),
        inputs=translate_inputs,
        small=translate_small,
        returns={"out": "array"},
    ),
    Exercise(
        name="forward_backward",
        lab="lab06",
        points=3,
        kind="array",
        asks="The loss of a small network on a batch, and the gradient of each of its parameters.",
        hints=(
            "Which shape has each array on the way forward? On the way back each gradient has the shape of what it is "
            "the gradient of: which two arrays do you multiply to get it?",
            "Forward, and keep everything: z (convolution and bias), a = np.maximum(z, 0), p (pooled), "
            "flat = p.reshape(N, -1), logits = flat @ linear_w.T + linear_b. Back, from the last to the first: "
            "dlogits = "
            "(softmax − one-hot) / N, where log softmax is logit − largest − log Σ e^(logit − largest) in each row; "
            "linear_w gets dlogits.T @ flat; dflat = dlogits @ linear_w; dp = dflat in "
            "the shape "
            "of p; da: each entry of dp to the first largest of its window; dz = da * (z > 0); then the gradients "
            "of the "
            "convolution.",
            "For every place (i, j) of the convolution, with window = x[:, :, i:i+KH, j:j+KW] of shape (N, C, KH, KW): "
            "forward z[:, :, i, j] = np.tensordot(window, conv_w, axes=([1, 2, 3], [1, 2, 3])) + conv_b, and back "
            "dconv_w += np.tensordot(dz[:, :, i, j], window, axes=([0], [0])). tensordot multiplies and adds up along "
            "the axes named. The two biases: dz.sum(axis=(0, 2, 3)) and dlogits.sum(axis=0).",
        ),
        inputs=network_inputs,
        small=network_small,
        returns={"loss": "scalar", **{grad(name): "array" for name in PARAMS}},
        drive=with_params,
    ),
    Exercise(
        name="avg_pool2d_forward",
        lab="lab06",
        points=1,
        kind="array",
        asks="The mean of each window.",
        hints=(
            "What changes in max_pool2d_forward, and what stays?",
            "The windows, their number, stride None and the ValueError stay. Only what is done with a window changes.",
            "out[:, :, i, j] = window.mean(axis=(2, 3)), where window has the shape (N, C, kernel_size, kernel_size).",
        ),
        inputs=pool_inputs,
        small=pool_small,
        returns={"out": "array"},
        core=False,
    ),
    Exercise(
        name="avg_pool2d_backward",
        lab="lab06",
        points=1,
        kind="array",
        asks="The gradient of each window, shared equally by its entries.",
        hints=(
            "out is the mean of kernel_size² entries. If one of them grows by 1, how much does out grow?",
            "Each entry of a window has the slope 1 / kernel_size². So each gets that part of the window's "
            "gradient, and "
            "where windows overlap the parts add up.",
            "dx = np.zeros(x_shape, dtype=dout.dtype); for every i and j: dx[:, :, top:top + kernel_size, "
            "left:left + kernel_size] += dout[:, :, i:i + 1, j:j + 1] / kernel_size**2. The slices i:i + 1 keep the "
            "axes, so that one gradient can be spread over its window.",
        ),
        inputs=avg_backward_inputs,
        small=avg_backward_small,
        returns={"dx": "array"},
        core=False,
    ),
)
