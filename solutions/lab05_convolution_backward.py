"""Model answers of lab 5: plain loops, to be read by someone who got stuck.

Every function is put whole into its exercise cell of the notebook; ANSWERS fills the cells of prose.
No function calls another, though a learner's may: so a wrong one spoils no other.
"""

import numpy as np


def conv1d_backward(dout, x, w, stride=1, padding=0):
    """The gradients of a row x (W,) and its kernel w (KW,), from dout (OW,)."""
    padded = np.pad(x, padding)
    dx = np.zeros_like(padded)
    dw = np.zeros_like(w)
    for i in range(len(dout)):
        window = slice(i * stride, i * stride + len(w))
        dx[window] += dout[i] * w
        dw += dout[i] * padded[window]
    return dx[padding : padding + len(x)], dw


def conv2d_backward_bias(dout):
    """The gradient (F,) of the biases, from dout (N, F, OH, OW)."""
    return dout.sum(axis=(0, 2, 3))


def conv2d_backward_weight(dout, x, w_shape, stride=1, padding=0):
    """The gradient (F, C, KH, KW) of the kernels: each output gives dout times its window."""
    F, C, KH, KW = w_shape
    N, _, OH, OW = dout.shape
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    dw = np.zeros(w_shape, dtype=dout.dtype)
    for n in range(N):
        for f in range(F):
            for i in range(OH):
                for j in range(OW):
                    top, left = i * stride, j * stride
                    dw[f] += dout[n, f, i, j] * padded[n, :, top : top + KH, left : left + KW]
    return dw


def conv2d_backward_input(dout, w, x_shape, stride=1, padding=0):
    """The gradient (N, C, H, W) of the images: each output hands dout times its filter back to its window."""
    N, C, H, W = x_shape
    F, _, KH, KW = w.shape
    OH, OW = dout.shape[2:]
    framed = np.zeros((N, C, H + 2 * padding, W + 2 * padding), dtype=dout.dtype)
    for n in range(N):
        for f in range(F):
            for i in range(OH):
                for j in range(OW):
                    top, left = i * stride, j * stride
                    framed[n, :, top : top + KH, left : left + KW] += dout[n, f, i, j] * w[f]
    return framed[:, :, padding : padding + H, padding : padding + W]


def conv2d_backward(dout, x, w, stride=1, padding=0):
    """dx, dw and db of a convolution layer, in one set of loops."""
    N, C, H, W = x.shape
    F, _, KH, KW = w.shape
    OH, OW = dout.shape[2:]
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    framed = np.zeros_like(padded)
    dw = np.zeros_like(w)
    db = dout.sum(axis=(0, 2, 3))
    for n in range(N):
        for f in range(F):
            for i in range(OH):
                for j in range(OW):
                    rows = slice(i * stride, i * stride + KH)
                    columns = slice(j * stride, j * stride + KW)
                    framed[n, :, rows, columns] += dout[n, f, i, j] * w[f]
                    dw[f] += dout[n, f, i, j] * padded[n, :, rows, columns]
    dx = framed[:, :, padding : padding + H, padding : padding + W]
    return dx, dw, db


ANSWERS = {
    "lab05-prediction-scrambled": """\
For one image the cosine is 1: with N = 1, reshape to (F, 1, …) and transpose give the same. From two images on,
filter 0 gets maps of other filters, so the products no longer belong together. The cosine is then far from 1,
whatever the batch.
""",
    "lab05-prediction-touches": """\
1. The corner is in one window. A pixel in the middle is in nine, for each of the nine entries of the kernel can lie
on it.
2. At stride 2 the windows start in rows 0 and 2 and in columns 0, 2 and 4. They reach row 4 and column 6, so the
last row and the last column are in none. At stride 3 they start in rows 0 and 3 and in columns 0 and 3. All rows
are reached; the last two columns are in none.
3. In four: the windows that start in row −1 or 0 and in column −1 or 0.
""",
    "lab05-prediction-turned": """\
With the random kernel and with the edge kernel. The edge kernel turned by 180° is its own negative, so all signs
are wrong. The blur is its own rotation, so there it does not show.
""",
    "lab05-prediction-lazy": """\
*lazy*: only `never_written`. One image hides `scrambled`, `last_image` and `averaged`, one channel hides
`first_channel`, the symmetric kernel hides `not_turned`, and padding 1 hides `p_to_minus_p`.

*random*: `not_turned` as well.

*shapes*: all but `p_to_minus_p`.

*no padding*: all but `never_written`. So no set catches all seven; the last two together do.
""",
    "lab05-prediction-frozen": """\
All three fall. In the frozen network the second convolution and the linear layer still learn, on what eight random
kernels give them. In the scrambled one the first kernels move at random, and the rest has to follow. I expect the
right network to be best, the others well above guessing. The frozen layer shows in its weights: they do not change
at all.
""",
    "lab05-writeup": """\
**Objective.** To find out whether one sees in the training loss that a convolution gets no gradient, or a scrambled
one.

**Hypothesis.** One does not see it, because the layers above still learn.

**Experimental description.** Three networks of two convolutions (8 and 16 filters of 5 × 5, stride 2), ReLU and a
linear layer were trained on 2,000 MNIST digits for 3 epochs, batches of 32, SGD with learning rate 0.02 and
momentum 0.9, from the same weights. In one the second convolution handed back zeros, in one the first computed dw
from a dout that was reshaped where it should be transposed. Measured were the loss, the accuracy on 2,000 test
digits, and how far the first kernels moved.

**Observation.** All three losses fell to a fraction of where they began. The accuracies were far above one in ten,
and the right network's was the highest. The first kernels of the frozen network moved by exactly 0.

**Inference.** A falling loss does not show that every layer learns. How far the weights of each layer move does show a
frozen layer, and a comparison with a reference shows both bugs. It does not follow that a broken layer always costs as
much as here: this was one seed and one small network.
""",
}
