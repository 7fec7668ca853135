"""Lab 2, convolution, slow and clear: what is asked."""

import numpy as np

from labkit.asked.exercise import Case, Exercise, whole


# output_size ------------------------------------------------------------------------------------


def output_size_inputs(rng: np.random.Generator) -> dict[str, Case]:
    size, step = int(rng.integers(20, 40)), int(rng.integers(3, 6))
    def case(catches, keywords=(), raises="", **args):
        return Case(catches, args, keywords, raises)

    return {
        "defaults": case("the + 1 is forgotten", size=size, kernel=5),
        "padding": case("padding counted on one side only", (), size=size, kernel=4, stride=1, padding=3),
        "stride that divides": case("stride left out", ("stride",), size=5 + 6 * step, kernel=5, stride=step),
        "stride that leaves a little over": case("rounded up", size=6 + 6 * step, kernel=5, stride=step),
        "stride that nearly fits once more": case(
            "a fraction, or rounded to the nearest", size=4 + 7 * step, kernel=5, stride=step
        ),
        "stride and padding": case(
            "the + 1 inside the division", ("padding", "stride"), size=size, kernel=3, stride=2, padding=1
        ),
        "kernel as large as the input": case("a guard that is too strict", size=7, kernel=7),
        "kernel larger than the input, not than the padded input": case(
            "a guard that forgets the padding", ("padding",), size=3, kernel=5, padding=2
        ),
        "kernel too large": case("a guard that never fires", size=4, kernel=5, raises="ValueError"),
        "kernel too large for the padded input": case(
            "a guard that never fires", ("stride", "padding"), size=3, kernel=6, stride=2, padding=1,
            raises="ValueError",
        ),
    }


def output_size_small() -> dict[str, Case]:
    def case(*sizes, raises=""):
        return Case("", dict(zip(("size", "kernel", "stride", "padding"), sizes)), raises=raises)

    return {
        "plain": case(3, 2),
        "padded": case(3, 2, 1, 1),
        "strided": case(4, 2, 2),
        "uneven": case(5, 2, 2),
        "nearly one more": case(7, 2, 3),
        "both": case(4, 3, 2, 1),
        "exact": case(2, 2),
        "exact when padded": case(2, 3, 1, 1),
        "too large": case(2, 3, raises="ValueError"),
    }


# same_padding -----------------------------------------------------------------------------------


def same_padding_inputs(rng: np.random.Generator) -> dict[str, Case]:
    def case(catches, kernel, raises="", keywords=()):
        return Case(catches, {"kernel": int(kernel)}, keywords, raises)

    half = rng.integers(4, 30)
    return {
        "kernel 1": case("a 1×1 kernel needs no padding", 1),
        "kernel 3": case("one too many, or a fraction", 3),
        "larger odd kernel": case("the whole kernel instead of half of it", 2 * half + 1, keywords=("kernel",)),
        "kernel 2": case("an even kernel has no middle", 2, "ValueError"),
        "larger even kernel": case("a guard that never fires", 2 * half, "ValueError"),
    }


def same_padding_small() -> dict[str, Case]:
    return {
        f"kernel {size}": Case("", {"kernel": size}, raises="" if size % 2 else "ValueError")
        for size in (1, 3, 5, 2, 4)
    }


# zero_pad ---------------------------------------------------------------------------------------


def zero_pad_inputs(rng: np.random.Generator) -> dict[str, Case]:
    def case(catches, shape, padding, dtype=np.float64, keywords=()):
        x = rng.standard_normal(shape).astype(dtype)
        return Case(catches, {"x": x, "padding": padding}, keywords)

    return {
        "wide images": case("height used for width", (2, 3, 4, 6), 2),
        "tall images": case("height used for width", (2, 2, 7, 3), 1, keywords=("padding",)),
        "one plane": case("only four axes work", (3, 5), 1),
        "three axes": case("only four axes work", (3, 4, 2), 2),
        "padding 0": case("an empty slice at padding 0", (2, 1, 3, 4), 0),
        "float32": case("float64 for float32", (2, 2, 3, 5), 2, np.float32),
    }


def zero_pad_small() -> dict[str, Case]:
    def case(x, padding):
        return Case("", {"x": x, "padding": padding})

    return {
        "one number": case(whole([5]), 1),
        "wide": case(whole([1, 2, 3]), 1),
        "tall": case(whole([1], [2], [3]), 1),
        "twice": case(whole([1, 2]), 2),
        "nothing": case(whole([1, 2]), 0),
        "two planes": case(whole([[1, 2]], [[3, 4]]), 1),
        "images": case(whole([[[1, 2]]]), 1),
        "float32": case(whole([1, 2]).astype(np.float32), 1),
    }


# conv1d_forward ---------------------------------------------------------------------------------


def conv1d_inputs(rng: np.random.Generator) -> dict[str, Case]:
    def case(catches, size, kernel, keywords=(), raises="", dtype=np.float64, **more):
        x, w = rng.standard_normal(size).astype(dtype), rng.standard_normal(kernel).astype(dtype)
        return Case(catches, {"x": x, "w": w, **more}, keywords, raises)

    return {
        "defaults": case("kernel turned round", 9, 4),
        "stride": case("stride left out, or not in the window's place", 11, 3, stride=2),
        "stride that does not divide": case("rounded up", 14, 3, ("stride",), stride=4),
        "padding": case("padding left out, or on one side only", 6, 3, ("padding",), padding=2),
        "stride and padding": case("both at once", 8, 3, stride=3, padding=1),
        "kernel as long as the row": case("a guard that is too strict", 5, 5),
        "kernel longer than the row, not than the padded row": case(
            "a guard that forgets the padding", 3, 5, ("padding",), padding=2
        ),
        "float32": case("float64 for float32", 10, 3, dtype=np.float32, stride=2, padding=1),
        "kernel too long": case("a guard that never fires", 4, 5, raises="ValueError"),
        "kernel too long for the padded row": case(
            "a guard that never fires", 3, 6, ("padding",), raises="ValueError", padding=1
        ),
    }


def conv1d_small() -> dict[str, Case]:
    def case(x, w, raises="", dtype=np.float64, **more):
        return Case("", {"x": whole(*x).astype(dtype), "w": whole(*w).astype(dtype), **more}, raises=raises)

    return {
        "plain": case([1, 2, 4], [3, 1]),
        "strided": case([1, 2, 4, 5], [3, 1], stride=2),
        "uneven": case([1, 2, 4, 5, 7], [3, 1], stride=2),
        "padded": case([1, 2], [3, 1], stride=1, padding=1),
        "both": case([1, 2, 4], [3, 1], stride=2, padding=1),
        "exact": case([1, 2], [3, 1]),
        "exact when padded": case([1], [3, 1, 2], stride=1, padding=1),
        "float32": case([1, 2, 4], [3, 1], dtype=np.float32),
        "too long": case([1], [3, 1], raises="ValueError"),
    }


# corr2d -----------------------------------------------------------------------------------------


def corr2d_inputs(rng: np.random.Generator) -> dict[str, Case]:
    def case(catches, image, kernel, raises="", dtype=np.float64):
        args = {"image": image, "kernel": kernel}
        return Case(catches, {k: rng.standard_normal(v).astype(dtype) for k, v in args.items()}, (), raises)

    return {
        "square": case("kernel turned or transposed", (5, 5), (3, 3)),
        "wide image": case("height used for width", (4, 7), (2, 3)),
        "tall image": case("height used for width", (8, 5), (2, 3)),
        "tall kernel": case("the kernel's height used for its width", (6, 6), (4, 2)),
        "kernel as large as the image": case("a guard that is too strict", (3, 4), (3, 4)),
        "float32": case("float64 for float32", (5, 6), (2, 3), dtype=np.float32),
        "kernel too tall": case("a guard that never fires", (3, 6), (4, 2), "ValueError"),
        "kernel too wide": case("a guard that looks at the height only", (6, 3), (2, 4), "ValueError"),
    }


def corr2d_small() -> dict[str, Case]:
    def case(image, kernel, raises="", dtype=np.float64):
        args = {"image": whole(*image).astype(dtype), "kernel": whole(*kernel).astype(dtype)}
        return Case("", args, raises=raises)

    square = [[1, 2, 0], [0, 1, 3], [2, 0, 1]]
    return {
        "square": case(square, [[1, 2], [0, -1]]),
        "wide": case([[1, 2, 0, 3], [4, 1, 2, 0]], [[1, 2]]),
        "tall": case([[1, 2], [0, 3], [4, 1], [2, 0]], [[1, 2]]),
        "tall kernel": case(square, [[1], [2]]),
        "exact": case([[1, 2]], [[3, 1]]),
        "float32": case(square, [[1, 2], [0, -1]], dtype=np.float32),
        "too tall": case([[1, 2]], [[1], [2]], "ValueError"),
        "too wide": case([[1], [2]], [[1, 2]], "ValueError"),
    }


# conv2d_forward ---------------------------------------------------------------------------------


def conv2d_inputs(rng: np.random.Generator) -> dict[str, Case]:
    def case(catches, x, w, keywords=(), raises="", dtype=np.float64, bias=None, **more):
        def draw(shape):
            return rng.standard_normal(shape).astype(dtype)

        b = {} if bias is None else {"b": draw(w[0]) if bias else None}
        return Case(catches, {"x": draw(x), "w": draw(w), **b, **more}, keywords, raises)

    return {
        "defaults": case("kernel turned, channels or images mixed up", (2, 3, 6, 6), (4, 3, 3, 3)),
        "wide images, tall kernels": case("height used for width", (2, 2, 4, 8), (3, 2, 3, 2)),
        "tall images, wide kernels": case("height used for width", (3, 2, 7, 5), (2, 2, 2, 3)),
        "bias": case("bias spread along the wrong axis", (2, 3, 6, 5), (4, 3, 2, 2), bias=True),
        "bias as wide and as high as the output": case(
            "one bias a pixel instead of one a filter", (2, 2, 4, 5), (3, 2, 2, 3), ("b",), bias=True
        ),
        "stride": case("stride left out, or in one direction only", (2, 2, 7, 9), (3, 2, 3, 3), bias=False, stride=2),
        "stride that does not divide": case(
            "rounded up", (2, 2, 8, 9), (2, 2, 3, 2), ("stride",), stride=3
        ),
        "padding": case("padding left out, or on one side only", (2, 2, 3, 5), (3, 2, 3, 3), ("padding",), padding=1),
        "all at once": case(
            "one of them at the wrong place", (3, 2, 5, 8), (4, 2, 3, 4), bias=True, stride=2, padding=2
        ),
        "one image, one channel, one filter": case("an axis of length 1 lost", (1, 1, 4, 5), (1, 1, 2, 3)),
        "kernel as large as the images": case("a guard that is too strict", (2, 2, 3, 4), (3, 2, 3, 4)),
        "kernel larger than the images, not than the padded images": case(
            "a guard that forgets the padding", (2, 2, 3, 4), (2, 2, 4, 5), ("padding",), padding=1
        ),
        "float32": case(
            "float64 for float32", (2, 2, 5, 6), (3, 2, 3, 2), ("stride", "padding"), dtype=np.float32, bias=True,
            stride=2, padding=1,
        ),
        "kernel too tall": case("a guard that never fires", (2, 2, 3, 6), (3, 2, 4, 3), raises="ValueError"),
        "kernel too wide": case(
            "a guard that looks at the height only", (2, 2, 6, 3), (3, 2, 3, 6), ("padding",), raises="ValueError",
            padding=1,
        ),
    }


def conv2d_small() -> dict[str, Case]:
    def case(x, w, raises="", dtype=np.float64, b=None, **more):
        args = {"x": np.array(x, dtype), "w": np.array(w, dtype)}
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
        "two channels": case([[[[1, 2]], [[3, 4]]]], [[[[1]], [[2]]]]),
        "two filters": case([[[[1, 2, 4]]]], [[[[1, 2]]], [[[3, 0]]]]),
        "two filters with bias": case([[[[1, 2, 4]]]], [[[[1, 2]]], [[[3, 0]]]], b=[10, 20]),
        "two channels with bias": case([[[[1, 2]], [[3, 4]]]], [[[[1]], [[2]]]], b=[10]),
        "two images": case([[[[1, 2]]], [[[3, 5]]]], [[[[2]]]]),
        "stride": case([[[[1, 2, 4], [0, 3, 5], [2, 1, 6]]]], [[[[2]]]], stride=2),
        "stride that does not divide": case([[[[1, 2, 4, 3]]]], [[[[2]]]], stride=2),
        "padding": case([[[[1, 2]]]], [[[[3]]]], stride=1, padding=1),
        "exact": case([[[[1, 2]]]], [[[[3, 1]]]]),
        "exact when padded": case([[[[2]]]], [[[[1, 2, 0], [3, 1, 1], [0, 1, 2]]]], stride=1, padding=1),
        "float32": case([[square]], [[kernel]], dtype=np.float32),
        "too tall": case([[[[1, 2]]]], [[[[1], [2]]]], "ValueError"),
        "too wide": case([[[[1], [2]]]], [[[[1, 2]]]], "ValueError"),
    }


EXERCISES = (
    Exercise(
        name="output_size",
        lab="lab02",
        points=1,
        kind="array",
        asks="How many places a kernel has along one axis.",
        hints=(
            "How long is the row after padding? And at how many places can the left end of the kernel stand in it?",
            "The left end goes from 0 to size + 2·padding − kernel, in steps of stride. Count the first place too. "
            "A last step that is not whole does not count.",
            "First raise a ValueError if kernel > size + 2 * padding. "
            "Then it is (size + 2 * padding - kernel) // stride + 1. The // rounds down and keeps an int.",
        ),
        inputs=output_size_inputs,
        small=output_size_small,
        returns={"size": "integer"},
    ),
    Exercise(
        name="same_padding",
        lab="lab02",
        points=1,
        kind="array",
        asks="The padding that keeps the size at stride 1.",
        hints=(
            "Put output_size(size, kernel, 1, padding) equal to size. What is left for padding?",
            "size + 2·padding − kernel + 1 = size gives 2·padding = kernel − 1. When is that impossible?",
            "If kernel % 2 == 0, raise ValueError. Otherwise return (kernel - 1) // 2.",
        ),
        inputs=same_padding_inputs,
        small=same_padding_small,
        returns={"padding": "integer"},
    ),
    Exercise(
        name="zero_pad",
        lab="lab02",
        points=1,
        kind="array",
        asks="A frame of zeros around the last two axes.",
        hints=(
            "What shape has the result? Which part of it is x?",
            "Make zeros of the right shape and of x's dtype, then write x into the middle. "
            "x.shape[:-2] are the axes that stay. Mind that the slice p:-p is empty for p = 0.",
            "h, w = x.shape[-2:]; out = np.zeros(x.shape[:-2] + (h + 2 * padding, w + 2 * padding), dtype=x.dtype); "
            "out[..., padding:padding + h, padding:padding + w] = x",
        ),
        inputs=zero_pad_inputs,
        small=zero_pad_small,
        returns={"out": "array"},
    ),
    Exercise(
        name="conv1d_forward",
        lab="lab02",
        points=2,
        kind="array",
        asks="Cross-correlation of a row with a kernel.",
        hints=(
            "Write out[0], out[1] and out[2] by hand for a row of five numbers. Which entries of x does each one use?",
            "Pad x, ask output_size for the length, and loop over the outputs. Output i uses the len(w) entries of x "
            "that start at i·stride. The kernel is not turned.",
            "For each i: out[i] = np.sum(x[i * stride : i * stride + len(w)] * w), where x is padded. "
            "Make out with np.zeros(size, dtype=x.dtype). output_size raises the ValueError for you.",
        ),
        inputs=conv1d_inputs,
        small=conv1d_small,
        returns={"out": "array"},
    ),
    Exercise(
        name="corr2d",
        lab="lab02",
        points=2,
        kind="array",
        asks="Cross-correlation of one plane with one kernel.",
        hints=(
            "Lay the kernel on the top left corner of the image. Which two slices cut out the pixels below it?",
            "The window of out[i, j] has the rows i to i + KH and the columns j to j + KW. "
            "Height and width each have their own output size.",
            "For each i and j: out[i, j] = np.sum(image[i : i + KH, j : j + KW] * kernel), "
            "with OH = output_size(H, KH) and OW = output_size(W, KW).",
        ),
        inputs=corr2d_inputs,
        small=corr2d_small,
        returns={"out": "array"},
    ),
    Exercise(
        name="conv2d_forward",
        lab="lab02",
        points=4,
        kind="array",
        asks="The convolution layer: images, channels, filters, bias, stride, padding.",
        hints=(
            "One output pixel belongs to one image n and one filter f. Which box of numbers of x does it see, "
            "and which box of w is laid on it?",
            "Pad x. The box is x[n, :, i·stride : i·stride + KH, j·stride : j·stride + KW], of shape (C, KH, KW), "
            "just as w[f]. Multiply, sum over all of it, and add b[f] once.",
            "Four loops, over n, f, i and j: out[n, f, i, j] = np.sum(window * w[f]), then + b[f] if b is not None. "
            "out = np.zeros((N, F, OH, OW), dtype=x.dtype); OH from H and KH, OW from W and KW.",
        ),
        inputs=conv2d_inputs,
        small=conv2d_small,
        returns={"out": "array"},
    ),
)
