"""Lab 4, softmax, losses, and a first trained model: what is asked."""

from collections.abc import Callable

import numpy as np

from labkit.asked.exercise import Case, Exercise, one_call, whole

LARGE = 1_000.0  # e^1000 is infinite in float64
ENORMOUS = 20_000.0  # e^20000 is infinite in the widest float, too
LEAST = 700.0  # e^-700 is nearly the smallest float64 that has all its digits


def drawn(rng: np.random.Generator, shape: tuple[int, ...], dtype: type = np.float64) -> np.ndarray:
    """Logits of both signs, none of them large."""
    return (2 * rng.standard_normal(shape)).astype(dtype)


def topped(rng: np.random.Generator, shape: tuple[int, ...], top: float) -> np.ndarray:
    """Logits whose two largest in each row lie near `top`, the others far below, in any order."""
    below = np.array([0, 1, *(abs(top) * step for step in range(1, shape[-1] - 1))])
    return rng.permuted(top - below + rng.standard_normal(shape), axis=-1)


def far_apart(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Ordinary rows, moved apart: the largest logit of one lies far below those of another."""
    return drawn(rng, shape) + LARGE * rng.permutation(shape[0])[:, None] - LARGE


# softmax and log_softmax --------------------------------------------------------------------------


def with_logarithm(answer: Callable, case: Case, returns: dict[str, str]) -> dict[str, object]:
    """One call, with logarithms beside probabilities that fit in a float: wrong tiny ones show there."""
    spread = np.ptp(case.args["logits"], axis=-1).max()
    results = one_call(answer, case, returns)
    if spread < LEAST and isinstance(results["out"], np.ndarray) and results["out"].dtype.kind == "f":
        with np.errstate(all="ignore"):
            results["log(out)"] = np.log(results["out"])
    return results


def logits_inputs(rng: np.random.Generator) -> dict[str, Case]:
    def case(catches, logits):
        return Case(catches, {"logits": logits})

    return {
        "one row": case("only (N, K) works", drawn(rng, (5,))),
        "three rows of five": case("the wrong axis", drawn(rng, (3, 5))),
        "six rows of four, in column order": case(
            "a result written into a copy", np.asfortranarray(drawn(rng, (6, 4)))
        ),
        "as many rows as classes": case("a row's sum spread along a column", drawn(rng, (4, 4))),
        "one row in a batch": case("an axis of length 1 lost", drawn(rng, (1, 4))),
        "two classes": case("something that is one class more", drawn(rng, (3, 2))),
        "large logits": case("e^1000 is infinite", topped(rng, (3, 5), LARGE)),
        "enormous logits": case("a wider float only moves the limit", topped(rng, (2, 4), ENORMOUS)),
        "rows far apart": case("one maximum for all rows", far_apart(rng, (3, 5))),
        "one row far below zero": case("a maximum that is never negative", topped(rng, (4,), -LARGE)),
        "float32": case("float64 for float32", drawn(rng, (3, 4), np.float32)),
        "float32, one row": case("a way of its own for one row", drawn(rng, (4,), np.float32)),
    }


def softmax_inputs(rng: np.random.Generator) -> dict[str, Case]:
    shared = logits_inputs(rng)
    tiny = rng.permutation([0.0, -1.0, -60.0, -600.0]) + rng.standard_normal(4)
    return {**shared, "tiny probabilities": Case("a tiny probability made larger", {"logits": tiny})}


def logits_small() -> dict[str, Case]:
    def case(*rows, dtype=np.float64):
        return Case("", {"logits": whole(*rows).astype(dtype)})

    return {
        "one row": case(1, 2, 4),
        "two rows": case([1, 2, 4], [3, 0, 1]),
        "square": case([1, 2], [5, 0]),
        "one row in a batch": case([1, 2]),
        "large": case(1000, 0),
        "enormous": case(20000, 0),
        "far apart": case([0, 1], [1000, 1000]),
        "far below zero": case(-1000, -999),
        "float32": case(1, 2, 4, dtype=np.float32),
    }


def softmax_small() -> dict[str, Case]:
    return {**logits_small(), "tiny": Case("", {"logits": whole(600, 0)})}


# softmax_jacobian and log_softmax_jacobian --------------------------------------------------------


def jacobian_inputs(rng: np.random.Generator) -> dict[str, Case]:
    def case(catches, logits):
        return Case(catches, {"logits": logits})

    return {
        "five classes": case("slopes of other logits left out", drawn(rng, (5,))),
        "five other logits": case("something remembered from call to call", drawn(rng, (5,))),
        "two classes": case("a sign", drawn(rng, (2,))),
        "large logits": case("e^1000 is infinite", topped(rng, (4,), LARGE)),
        "enormous logits": case("a wider float only moves the limit", topped(rng, (4,), ENORMOUS)),
        "far below zero": case("a maximum that is never negative", topped(rng, (5,), -LARGE)),
        "float32": case("float64 for float32", drawn(rng, (4,), np.float32)),
    }


def jacobian_small() -> dict[str, Case]:
    def case(*row, dtype=np.float64):
        return Case("", {"logits": whole(*row).astype(dtype)})

    return {
        "two": case(1, 2),
        "three": case(1, 2, 4),
        "large": case(1000, 0),
        "enormous": case(20000, 0),
        "far below zero": case(-1000, -999),
        "float32": case(1, 2, dtype=np.float32),
    }


# softmax_backward and log_softmax_backward --------------------------------------------------------


def backward_inputs(rng: np.random.Generator) -> dict[str, Case]:
    def case(name, forward):
        logits = forward.args["logits"]
        dout = rng.standard_normal(logits.shape).astype(logits.dtype)
        return Case("a sign" if name == "two classes" else forward.catches, {"dout": dout, "logits": logits})

    return {name: case(name, forward) for name, forward in logits_inputs(rng).items()}


def backward_small() -> dict[str, Case]:
    def case(dout, logits, dtype=np.float64):
        return Case("", {"dout": whole(*dout).astype(dtype), "logits": whole(*logits).astype(dtype)})

    return {
        "one row": case([1, 0, 2], [1, 2, 4]),
        "two rows": case([[1, 0, 2], [0, 1, -1]], [[1, 2, 4], [3, 0, 1]]),
        "square": case([[1, 0], [1, -1]], [[1, 2], [5, 0]]),
        "one row in a batch": case([[3, 1]], [[1, 2]]),
        "large": case([2, 1], [1000, 0]),
        "enormous": case([2, 1], [20000, 0]),
        "far apart": case([[1, 2], [3, 1]], [[0, 1], [1000, 1000]]),
        "far below zero": case([2, 1], [-1000, -999]),
        "float32": case([1, 0, 2], [1, 2, 4], dtype=np.float32),
    }


def softmax_backward_inputs(rng: np.random.Generator) -> dict[str, Case]:
    shared, shift = backward_inputs(rng), rng.standard_normal(4)
    return {
        **shared,
        "a large common part": Case(
            "probabilities that do not quite add up to 1",
            {"dout": 2e4 + rng.standard_normal((3, 2)), "logits": drawn(rng, (3, 2))},
        ),
        "a very large slope": Case(
            "a tiny probability made larger",
            {"dout": whole(1, -2, 3, -1e26) + shift, "logits": whole(60, 59, 58, 0) + shift},
        ),
    }


def softmax_backward_small() -> dict[str, Case]:
    def case(dout, logits):
        return Case("", {"dout": whole(*dout), "logits": whole(*logits)})

    shared = backward_small()
    ordinary = {name: shared.pop(name) for name in ("one row", "two rows", "square", "one row in a batch")}
    return {
        **ordinary,
        "a common part": case([100000, 100000], [1, 0]),
        **shared,
        "a very large slope": case([0, -1e26], [60, 0]),
    }


# cross_entropy ----------------------------------------------------------------------------------


def cross_entropy_inputs(rng: np.random.Generator) -> dict[str, Case]:
    def case(catches, logits, labels, dtype=np.int64):
        return Case(catches, {"logits": logits, "labels": np.array(labels, dtype)})

    large, enormous = topped(rng, (4, 5), LARGE), topped(rng, (2, 4), ENORMOUS)
    right, wrong = large.argmax(axis=1), large.argmin(axis=1)
    return {
        "three images, five classes": case("sum for mean", drawn(rng, (3, 5)), [4, 1, 4]),
        "six images, four classes": case(
            "only the true class gets a gradient", drawn(rng, (6, 4)), [2, 0, 3, 3, 1, 0]
        ),
        "the last class does not occur": case("classes counted in the labels", drawn(rng, (3, 5)), [2, 0, 2]),
        "as many images as classes": case("a column taken for a row", drawn(rng, (4, 4)), [1, 3, 3, 0]),
        "one image": case("an axis of length 1 lost", drawn(rng, (1, 4)), [2]),
        "two classes, uint8 labels": case("-1 is 255 in uint8", drawn(rng, (5, 2)), [1, 0, 0, 1, 1], np.uint8),
        "130 classes, uint8 labels": case(
            "n·K + label in a byte, which ends at 255", drawn(rng, (2, 130)), [3, 129], np.uint8
        ),
        "large logits": case(
            "e^1000 is infinite, and so is log 0", large, [right[0], wrong[1], wrong[2], right[3]], np.int32
        ),
        "enormous logits": case("a wider float only moves the limit", enormous, enormous.argmin(axis=1)),
        "rows far apart": case("one maximum for all rows", far_apart(rng, (3, 5)), [3, 0, 1]),
        "in column order": case(
            "a gradient written into a copy", np.asfortranarray(drawn(rng, (3, 4))), [3, 0, 2], np.uint8
        ),
        "float32": case("float64 for float32", drawn(rng, (3, 4), np.float32), [1, 3, 0]),
    }


def cross_entropy_small() -> dict[str, Case]:
    def case(logits, labels, label=np.int64, dtype=np.float64):
        return Case("", {"logits": whole(*logits).astype(dtype), "labels": np.array(labels, label)})

    return {
        "one image": case([[1, 2, 4]], [1]),
        "two images": case([[1, 2, 4], [3, 0, 1]], [1, 0]),
        "same label twice": case([[1, 2, 4], [3, 0, 1]], [1, 1]),
        "square": case([[1, 2], [5, 0]], [0, 0]),
        "three images": case([[1, 2], [5, 0], [0, 3]], [0, 1, 0]),
        "uint8": case([[0, 0]], [1], np.uint8),
        "large": case([[1000, 0]], [1]),
        "large and right": case([[1000, 0]], [0]),
        "enormous": case([[20000, 0]], [1]),
        "far apart": case([[0, 1], [1000, 1000]], [0, 1]),
        "far below zero": case([[-1000, -999]], [0]),
        "in column order": Case("", {"logits": np.asfortranarray(whole([1, 2], [5, 0])), "labels": np.array([1, 1])}),
        "float32": case([[1, 2, 4]], [1], dtype=np.float32),
    }


# binary_cross_entropy_with_logits -----------------------------------------------------------------


def binary_inputs(rng: np.random.Generator) -> dict[str, Case]:
    def case(catches, logits, targets, dtype=np.float64):
        return Case(catches, {"logits": logits.astype(dtype), "targets": np.array(targets, dtype)})

    saturated = rng.permutation([-1.0, -1.0, 1.0, 1.0]) * (LARGE + 100 * rng.random(4))
    half_way = rng.permutation([-1.0, -1.0, 1.0, 1.0]) * (30 + 5 * rng.random(4))
    return {
        "six images": case("one of the two terms left out", drawn(rng, 6), [1, 0, 0, 1, 1, 0]),
        "six other images": case("sum for mean", drawn(rng, 6), [0, 0, 1, 0, 1, 0]),
        "soft targets": case("targets taken for 0 or 1", drawn(rng, 5), rng.random(5)),
        "one image": case("an axis of length 1 lost", drawn(rng, 1), [1]),
        "right and saturated": case("0 · ∞ is NaN", saturated, saturated > 0),
        "wrong and saturated": case("log 0 is infinite", saturated, saturated < 0),
        "soft and saturated": case("0 · ∞ is NaN", saturated, rng.random(4)),
        "half way to saturation": case("1 - σ loses its digits", half_way, half_way < 0),
        "one image, right and sure": case("σ or its logit clipped in the gradient", -38 - 4 * rng.random(1), [0]),
        "enormous logits": case("a wider float only moves the limit", whole(ENORMOUS, -ENORMOUS), [0, 1]),
        "float32": case("float64 for float32", drawn(rng, 4), [1, 0, 0.25, 1], dtype=np.float32),
    }


def binary_small() -> dict[str, Case]:
    def case(logits, targets, dtype=np.float64):
        return Case("", {"logits": whole(*logits).astype(dtype), "targets": whole(*targets).astype(dtype)})

    return {
        "one image": case([2], [1]),
        "the other class": case([2], [0]),
        "two images": case([2, -1], [1, 0]),
        "soft target": case([2, -1], [0.25, 1]),
        "right and sure": case([-40], [0]),
        "right and saturated": case([1000], [1]),
        "wrong and saturated": case([1000], [0]),
        "far below zero": case([-1000], [0]),
        "wrong and far below zero": case([-1000], [1]),
        "enormous": case([20000], [0]),
        "enormous, below zero": case([-20000], [1]),
        "float32": case([2, -1], [1, 0], dtype=np.float32),
    }


# softmax_regression_step --------------------------------------------------------------------------


def step_inputs(rng: np.random.Generator) -> dict[str, Case]:
    def case(catches, sizes, lr, keywords=(), labels=np.int64, dtype=np.float64, start=1.0, level=None, least=0):
        n, d, k = sizes
        w, b, x = (rng.standard_normal(shape) for shape in ((k, d), k, (n, d)))
        if level is not None:  # the first feature lifts all logits of an image together
            w[:, 0], x[:, 0] = 1, level
        w, b = start * w, start * b
        right = (x @ w.T + b).argmin(axis=1) if start > 1 else rng.integers(least, k, n)
        x = np.asfortranarray(x) if n > k else x
        args = {"w": w.astype(dtype), "b": b.astype(dtype), "x": x.astype(dtype), "labels": right.astype(labels)}
        return Case(catches, {**args, "lr": lr}, keywords)

    return {
        "defaults": case("a step uphill", (4, 3, 5), 0.5),
        "more images than classes": case("sum for mean", (7, 5, 3), 0.1, ("lr",)),
        "as many features as classes": case("weights transposed", (3, 4, 4), 0.3),
        "as many images as classes": case("a sum over the wrong axis", (4, 6, 4), 0.2),
        "one image": case("a batch taken for granted", (1, 4, 3), 1.0),
        "weights that start at zero": case("the loss after the step", (5, 4, 3), 0.05, start=0.0),
        "one feature": case("an axis of length 1 lost", (4, 1, 3), 0.5),
        "130 classes, uint8 labels": case(
            "n·K + label in a byte, which ends at 255", (2, 2, 130), 0.3, ("lr",), np.uint8, least=128
        ),
        "large logits": case("e^1000 is infinite, and so is log 0", (4, 3, 5), 0.5, start=LARGE),
        "enormous logits": case("a wider float only moves the limit", (3, 4, 5), 0.5, start=ENORMOUS),
        "rows far apart": case("one maximum for all rows", (3, 4, 3), 0.1, (), np.int32, level=whole(1000, 0, 2000)),
        "logits far below zero": case("a maximum that is never negative", (3, 4, 5), 0.1, level=-LARGE),
        "float32": case("float64 for float32", (4, 3, 5), 0.5, dtype=np.float32),
    }


def step_small() -> dict[str, Case]:
    def case(w, b, x, labels, lr, label=np.int64, dtype=np.float64):
        w, b, x = (whole(*one).astype(dtype) for one in (w, b, x))
        return Case("", {"w": w, "b": b, "x": x, "labels": np.array(labels, label), "lr": lr})

    return {
        "one image": case([[1], [0]], [0, 0], [[2]], [1], 0.5),
        "two images": case([[1], [0]], [0, 1], [[2], [1]], [1, 0], 0.5),
        "two features": case([[1, 2], [0, 1]], [0, 1], [[2, 1]], [1], 0.5),
        "three classes": case([[1], [0], [2]], [0, 1, 0], [[2], [1]], [1, 0], 0.5),
        "from zero": case([[0], [0]], [0, 0], [[1], [3]], [1, 0], 0.25),
        "square": case([[1, 2], [0, 1]], [0, 1], [[2, 1], [1, 0]], [1, 1], 0.5),
        "uint8": case([[0], [0]], [0, 0], [[1]], [1], 0.5, np.uint8),
        "large": case([[1000], [0]], [0, 0], [[1]], [1], 0.5),
        "enormous": case([[20000], [0]], [0, 0], [[1]], [1], 0.5),
        "far apart": case([[1], [1]], [0, 1], [[1000], [0]], [1, 0], 0.5),
        "far below zero": case([[1], [1]], [0, 1], [[-1000]], [1], 0.5),
        "float32": case([[1], [0]], [0, 0], [[2]], [1], 0.5, dtype=np.float32),
    }


EXERCISES = (
    Exercise(
        name="softmax",
        lab="lab04",
        points=2,
        kind="array",
        asks="Turn logits into probabilities, row by row.",
        hints=(
            "You may add the same number to all logits of a row. Which number makes every exponent 0 or less?",
            "Subtract from each row its own largest logit. Then take e to the power of it, and divide by the row's "
            "sum. The rows lie along the last axis: axis=-1, for (K,) and (N, K) alike. "
            "keepdims=True keeps a sum of shape (N, 1), which NumPy can spread along the row.",
            "e = np.exp(logits - logits.max(axis=-1, keepdims=True)); "
            "then divide e by e.sum(axis=-1, keepdims=True).",
        ),
        inputs=softmax_inputs,
        small=softmax_small,
        returns={"out": "array"},
        drive=with_logarithm,
    ),
    Exercise(
        name="softmax_jacobian",
        lab="lab04",
        points=1,
        kind="array",
        asks="All slopes of softmax at one row of logits.",
        hints=(
            "Which entries of the matrix hold s_i · s_j? And what do the entries with i = j hold besides?",
            "np.outer(s, s) has s_i · s_j at [i, j]. np.diag(s) has s on the diagonal and zeros elsewhere. "
            "One of them minus the other.",
            "Compute s as in softmax, with the largest logit subtracted. "
            "Then the matrix is np.diag(s) - np.outer(s, s). Both keep the dtype of s.",
        ),
        inputs=jacobian_inputs,
        small=jacobian_small,
        returns={"jacobian": "array"},
    ),
    Exercise(
        name="softmax_backward",
        lab="lab04",
        points=2,
        kind="array",
        asks="From the gradient of the probabilities to the gradient of the logits.",
        hints=(
            "The sum in the formula is one number for each row. Which axis do you sum over, and how does the sum "
            "stay a column?",
            "dlogits_j = s_j · (dout_j − Σ_i dout_i s_i). Compute s from the logits, as in softmax. "
            "Then dout * s, summed over the last axis with keepdims=True, is the sum.",
            "weighted = np.sum(dout * s, axis=-1, keepdims=True); then s * (dout - weighted).",
        ),
        inputs=softmax_backward_inputs,
        small=softmax_backward_small,
        returns={"dlogits": "array"},
    ),
    Exercise(
        name="log_softmax",
        lab="lab04",
        points=1,
        kind="array",
        asks="Logarithms of the probabilities, without computing the probabilities.",
        hints=(
            "log(a / b) is log a − log b. What is the logarithm of e to the power of a logit?",
            "log s_i = z_i − log Σ e^{z_j}. Subtract the row's largest logit from all logits first: it changes "
            "nothing, and the sum of the exponentials is then between 1 and K. So its logarithm is harmless.",
            "shifted = logits - logits.max(axis=-1, keepdims=True); "
            "then shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)).",
        ),
        inputs=logits_inputs,
        small=logits_small,
        returns={"out": "array"},
    ),
    Exercise(
        name="log_softmax_backward",
        lab="lab04",
        points=1,
        kind="array",
        asks="From the gradient of the log-probabilities to the gradient of the logits.",
        hints=(
            "Logit j is in every output i of its row. Which slopes do you have to add up, and with which weights?",
            "dlogits_j = Σ_i dout_i (δ_ij − s_j). Split the sum in two. In the first part only i = j is left. "
            "In the second, s_j does not depend on i: take it out of the sum.",
            "What is left: dlogits_j = dout_j − s_j · Σ_i dout_i. In code: "
            "dout - s * dout.sum(axis=-1, keepdims=True), with s as in softmax.",
        ),
        inputs=backward_inputs,
        small=backward_small,
        returns={"dlogits": "array"},
    ),
    Exercise(
        name="cross_entropy",
        lab="lab04",
        points=3,
        kind="array",
        asks="The mean cross-entropy of a batch, and its gradient.",
        hints=(
            "How do you pick one entry of each row, in row n the one at labels[n]? And which number is subtracted at "
            "just these places to get the gradient?",
            "log_p as in log_softmax. log_p[np.arange(N), labels] picks one entry of each row. The loss is minus their "
            "mean. The gradient is np.exp(log_p), minus 1 at the same places, all divided by N.",
            "rows = np.arange(len(logits)); loss = -log_p[rows, labels].mean(); dlogits = np.exp(log_p); "
            "dlogits[rows, labels] -= 1; dlogits /= len(logits). Return loss, dlogits.",
        ),
        inputs=cross_entropy_inputs,
        small=cross_entropy_small,
        returns={"loss": "scalar", "dlogits": "array"},
    ),
    Exercise(
        name="binary_cross_entropy_with_logits",
        lab="lab04",
        points=2,
        kind="array",
        asks="The loss for two classes and one logit, and its gradient.",
        hints=(
            "−log σ(z) is softplus(−z), and −log(1 − σ(z)) is softplus(z). What becomes of "
            "t · softplus(−z) + (1 − t) · softplus(z)? And where would e^z be too large?",
            "softplus(u) = max(u, 0) + log(1 + e^{−|u|}) never overflows; np.log1p(v) is log(1 + v). For the gradient "
            "you need σ(z). With v = e^{−|z|} it is 1 / (1 + v) where z ≥ 0 and v / (1 + v) elsewhere.",
            "v = np.exp(-np.abs(logits)); loss = np.mean(np.maximum(logits, 0) - logits * targets + np.log1p(v)); "
            "sigma = np.where(logits >= 0, 1 / (1 + v), v / (1 + v)); dlogits = (sigma - targets) / len(logits).",
        ),
        inputs=binary_inputs,
        small=binary_small,
        returns={"loss": "scalar", "dlogits": "array"},
    ),
    Exercise(
        name="softmax_regression_step",
        lab="lab04",
        points=2,
        kind="array",
        asks="One step of gradient descent for a linear classifier.",
        hints=(
            "Which four things happen, in which order? Logits, loss with its gradient, gradients of w and b, new w "
            "and b. What shape has each?",
            "logits = x wᵀ + b has the shape (N, K). Your cross_entropy gives loss and dlogits. "
            "dw has the shape (K, D) of w, so it is dlogitsᵀ x; db is the sum of dlogits over the batch.",
            "logits = x @ w.T + b; loss, dlogits = cross_entropy(logits, labels); dw = dlogits.T @ x; "
            "db = dlogits.sum(axis=0); return w - lr * dw, b - lr * db, loss. Not w -= …: that changes the input.",
        ),
        inputs=step_inputs,
        small=step_small,
        returns={"w": "array", "b": "array", "loss": "scalar"},
    ),
    Exercise(
        name="log_softmax_jacobian",
        lab="lab04",
        points=1,
        kind="array",
        asks="All slopes of log_softmax at one row of logits.",
        hints=(
            "The matrix of softmax was symmetric. Is this one? In which of its columns stands s_j?",
            "Entry [i, j] is δ_ij − s_j: the identity matrix, with the row s subtracted from each of its rows.",
            "np.eye(K, dtype=logits.dtype) - s, with s of shape (K,) as in softmax: NumPy lines up s with the columns.",
        ),
        inputs=jacobian_inputs,
        small=jacobian_small,
        returns={"jacobian": "array"},
        core=False,
    ),
)
