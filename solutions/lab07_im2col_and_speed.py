"""Model answers of lab 7: slices, one matrix product, and sums, to be read by someone who got stuck.

Every function is put whole into its exercise cell of the notebook; ANSWERS fills the cells of prose.
No function calls another, though a learner's may: so a wrong one spoils no other.
"""

import numpy as np


def im2col(x, kh, kw, stride=1, padding=0):
    """The windows of x (N, C, H, W) as columns: (N, C * kh * kw, OH * OW)."""
    N, C, H, W = x.shape
    if kh > H + 2 * padding or kw > W + 2 * padding:
        raise ValueError(f"a window of {kh} × {kw} does not fit on {H} × {W} with padding {padding}")
    OH = 1 + (H + 2 * padding - kh) // stride
    OW = 1 + (W + 2 * padding - kw) // stride

    padded = np.zeros((N, C, H + 2 * padding, W + 2 * padding), dtype=x.dtype)
    padded[:, :, padding : padding + H, padding : padding + W] = x

    cols = np.zeros((N, C, kh, kw, OH, OW), dtype=x.dtype)
    for u in range(kh):
        for v in range(kw):
            cols[:, :, u, v] = padded[:, :, u : u + OH * stride : stride, v : v + OW * stride : stride]
    return cols.reshape(N, C * kh * kw, OH * OW)


def col2im(cols, x_shape, kh, kw, stride=1, padding=0):
    """Add every number of cols (N, C * kh * kw, OH * OW) to the pixel that im2col took it from."""
    N, C, H, W = x_shape
    OH = 1 + (H + 2 * padding - kh) // stride
    OW = 1 + (W + 2 * padding - kw) // stride
    parts = cols.reshape(N, C, kh, kw, OH, OW)

    padded = np.zeros((N, C, H + 2 * padding, W + 2 * padding), dtype=cols.dtype)
    for u in range(kh):
        for v in range(kw):
            padded[:, :, u : u + OH * stride : stride, v : v + OW * stride : stride] += parts[:, :, u, v]
    return padded[:, :, padding : padding + H, padding : padding + W]


def conv2d_forward_fast(x, w, b=None, stride=1, padding=0):
    """Slide the filters w (F, C, KH, KW) over the images x (N, C, H, W) by one matrix product."""
    N, C, H, W = x.shape
    F, C, KH, KW = w.shape
    if KH > H + 2 * padding or KW > W + 2 * padding:
        raise ValueError(f"a kernel of {KH} × {KW} does not fit on {H} × {W} with padding {padding}")
    OH = 1 + (H + 2 * padding - KH) // stride
    OW = 1 + (W + 2 * padding - KW) // stride

    padded = np.zeros((N, C, H + 2 * padding, W + 2 * padding), dtype=x.dtype)
    padded[:, :, padding : padding + H, padding : padding + W] = x
    cols = np.zeros((N, C, KH, KW, OH, OW), dtype=x.dtype)
    for u in range(KH):
        for v in range(KW):
            cols[:, :, u, v] = padded[:, :, u : u + OH * stride : stride, v : v + OW * stride : stride]
    cols = cols.reshape(N, C * KH * KW, OH * OW)

    out = w.reshape(F, C * KH * KW) @ cols
    if b is not None:
        out = out + b[:, None]
    return out.reshape(N, F, OH, OW)


def conv2d_backward_fast(dout, x, w, stride=1, padding=0):
    """The gradients dx, dw, db of conv2d_forward for the upstream gradient dout (N, F, OH, OW)."""
    N, C, H, W = x.shape
    F, C, KH, KW = w.shape
    OH, OW = dout.shape[2:]

    padded = np.zeros((N, C, H + 2 * padding, W + 2 * padding), dtype=x.dtype)
    padded[:, :, padding : padding + H, padding : padding + W] = x
    cols = np.zeros((N, C, KH, KW, OH, OW), dtype=x.dtype)
    for u in range(KH):
        for v in range(KW):
            cols[:, :, u, v] = padded[:, :, u : u + OH * stride : stride, v : v + OW * stride : stride]
    cols = cols.reshape(N, C * KH * KW, OH * OW)

    d = dout.reshape(N, F, OH * OW)
    dw = (d @ cols.transpose(0, 2, 1)).sum(axis=0).reshape(w.shape)
    db = d.sum(axis=(0, 2))

    dcols = w.reshape(F, C * KH * KW).T @ d
    dcols = dcols.reshape(N, C, KH, KW, OH, OW)
    dpadded = np.zeros_like(padded)
    for u in range(KH):
        for v in range(KW):
            dpadded[:, :, u : u + OH * stride : stride, v : v + OW * stride : stride] += dcols[:, :, u, v]
    dx = dpadded[:, :, padding : padding + H, padding : padding + W]
    return dx, dw, db


ANSWERS = {
    "lab07-prediction-loop": """\
A thousand times or more. A multiplication takes a processor less than a nanosecond. For each output the loop runs several
lines of Python, each of which takes a good part of a microsecond, and there are only 25 multiplications to an output.
""",
    "lab07-prediction-reshape": """\
Transpose: `[[1, 4], [2, 5], [3, 6]]`. reshape: `[[1, 2], [3, 4], [5, 6]]`.
""",
    "lab07-prediction-scatter": """\
First row: 1, then 2 and 10 are 12, then 20. Second row: 3 and 100 are 103; in the middle 4, 30, 200 and 1000 are 1234; 40
and 2000 are 2040. Third row: 300, then 400 and 3000 are 3400, then 4000.

The four corners get one number, the four edges two, the middle all four.
""",
    "lab07-prediction-round-trip": """\
No. Each pixel is copied into every window that holds it, and all copies come back and add up. With stride 1 a corner lies
in one window, so it stays 1. The pixel in the middle of the image lies in nine.

With stride 2 there are only 2 · 2 windows, so the numbers are smaller: the windows share the middle row or column. The
width is 6: the windows begin at columns 0 and 2, and the last column is never reached. There is a 0.
""",
    "lab07-prediction-ways": """\
From slow to fast: loops, vectorised, GEMM, torch. Leaving the Python loop gives the most, a factor of fifty perhaps. From einsum
to GEMM and from GEMM to torch I expect a factor of two or three each: all of them run in compiled code.
""",
    "lab07-prediction-size": """\
Four times as long, because there are four times as many places. That holds for the loop at every size. The fast ways have a
fixed cost for each call, which does not depend on the size. So their curves are flat at first, and become parallel to that of
the loop on large images. On the smallest images the distance is smaller.
""",
    "lab07-prediction-batch": """\
The loop takes the same time per image for every batch. The others get faster per image at first, because the cost of the calls
is shared. I expect the best batch where the columns still fit into the cache, about 8 to 16 images, and a little more time per
image beyond that.
""",
    "lab07-prediction-memory": """\
The images have 10,000 · 28 · 28 = 7.84 million pixels of 8 bytes: 63 MB. With padding 2 the output is as large as the image, so
every image has 784 places of 25 numbers. That is 25 times as much: about 1.6 GB.
""",
    "lab07-prediction-view": """\
Next to none. All numbers of the windows are in the images already, so it is enough to say where they are. If one writes into a
window, the image changes, and with it all other windows that hold this pixel.
""",
    "lab07-writeup": """\
**Objective.** To find out how the time that one image takes depends on the size of the batch, for four ways to compute the same
convolution.

**Hypothesis.** The loop does not depend on it. The other three become faster per image as long as the cost of their calls
matters, and slower again when the columns no longer fit into the cache.

**Experimental description.** Batches of 1, 2, 4 … 512 random images of 28 × 28 pixels, 8 filters of 5 × 5, stride 1, no
padding, float64, one processor core. Each way was timed at least three times with each batch, and the shortest time was
divided by the number of images. The loop was timed with up to 4 images only, the vectorised way with up to 64. Other programs
were running on the machine.

**Observation.** The time per image of the loop was the same for all batches. That of the fast ways fell between 1 and 8
images. For larger batches the times of the matrix product and of torch rose again.

**Inference.** For small batches the fixed cost of the calls matters. A larger batch is not always faster. That the cache is the
reason for the rise fits the size of the columns, but this experiment does not prove it: one would have to change the size of
the columns while the batch stays the same.
""",
}
