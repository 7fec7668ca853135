"""Model answers of lab 0: plain NumPy, to be read by someone who got stuck.

Every function is put whole into its exercise cell of the notebook; ANSWERS fills the cells of prose.
No function calls another, though a learner's may: so a wrong one spoils no other.
"""

import numpy as np


def relative_error(actual, expected):
    """The largest |a - e| / max(1e-8, |a| + |e|) of two arrays; NaN if any quotient is NaN."""
    sizes = np.maximum(1e-8, np.abs(actual) + np.abs(expected))
    quotients = np.abs(actual - expected) / sizes
    return np.max(quotients)


def assert_close(actual, expected, rtol=1e-7, atol=1e-9):
    """Raise an AssertionError unless shapes and entries agree; its text says where they do not."""
    if actual.shape != expected.shape:
        raise AssertionError(f"the shapes differ: {actual.shape} and {expected.shape}")

    with np.errstate(invalid="ignore"):                 # ∞ - ∞ is NaN: no need for a warning
        apart = np.abs(actual - expected)
    within = apart <= atol + rtol * np.abs(expected)    # False where either is NaN
    close = np.where(np.isfinite(expected), within, actual == expected)

    if not np.all(close):
        forbidden = np.where(close, -1, apart)          # what agrees does not count, however large
        place = np.unravel_index(np.argmax(forbidden), apart.shape)
        index = tuple(int(i) for i in place)
        raise AssertionError(f"largest difference {apart[index]:.3g} at {index}: {actual[index]} and {expected[index]}")


def one_hot(labels, num_classes):
    """A row for each label: 1 at the label, 0 elsewhere. (N,) gives (N, num_classes)."""
    if np.any(labels < 0) or np.any(labels >= num_classes):
        raise ValueError(f"labels go from {labels.min()} to {labels.max()}; expected 0 to {num_classes - 1}")
    out = np.zeros((len(labels), num_classes))
    for n, label in enumerate(labels):
        out[n, label] = 1
    return out


def to_nchw(x, layout):
    """Images in the layout "NHW", "NHWC" or "HWCN" as (N, C, H, W)."""
    if layout == "NHW":
        return x[:, None]
    if layout == "NHWC":
        return x.transpose(0, 3, 1, 2)
    if layout == "HWCN":
        return x.transpose(3, 2, 0, 1)
    raise ValueError(f"layout {layout!r} is unknown; expected NHW, NHWC or HWCN")


ANSWERS = {
    "lab00-prediction-programs": """\
A and C are wrong. The curves do not show it: all three fall in the same way. The code does.

In A the loop over the pictures ends with `target` as the last picture's row. Below, `x @ w - target` has the shapes
(300, 10) and (10,), so all outputs are compared with one target. In C the pictures are counted by the last index of
`stored`, so `reshape` cuts rows that are no pictures. B uses `images`, where the first index counts, and `targets`.
""",
    "lab00-prediction-checks": """\
The first line lets pass whatever is too small everywhere: zeros and −1000. Noise is now and then larger than `e`, so
it is caught. NaN < tol is False, so NaN is caught, by luck. One for all is caught too, because some of its differences
are positive.

The second line lets pass whatever is small enough in at least one entry: noise, zeros, −1000 and one for all. Only NaN
is caught.
""",
    "lab00-prediction-scramble": """\
There is no digit. A picture has 784 numbers, and in `stored` the same pixel of all 300 pictures lies side by side. So
picture 100 holds a pixel of many pictures, then the next pixel of all 300, and a part of a third. Near the middle of
the image these are bright in some pictures and dark in others: it looks like noise.
""",
    "lab00-writeup": """\
**Objective.** To find out whether a falling loss shows that a program learns to read digits.

**Hypothesis.** All three losses fall by more than half, so I expected the three programs to be about equally good.

**Experimental description.** Three programs were trained for 300 steps on the same 300 digits of MNIST, with ten
outputs for each picture and the mean squared error. Their losses were drawn, and each was tried on 1,000 other digits.
Then the rows and targets they had used were compared with to_nchw and one_hot, by assert_close with rtol 1e-7 and atol
1e-9.

**Observation.** All losses fell at every step, from 0.1 to less than half of it. The lowest was A's. On new digits B
was right in about two of three, A and C in about one of ten. assert_close passed the rows and targets of B. It raised
for A's targets, shapes (10,) and (300, 10), and for C's rows.

**Inference.** A falling loss shows that the outputs come nearer to what they are compared with. It does not show that
they are compared with the right thing, nor that the rows are pictures. For these three programs one comparison of what
goes in was enough. It does not follow that B has no other mistake: only what was compared is known to agree.
""",
}
