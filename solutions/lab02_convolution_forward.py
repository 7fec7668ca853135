"""Model answers of lab 2: plain loops, to be read by someone who got stuck.

Every function is put whole into its exercise cell of the notebook; ANSWERS fills the cells of prose.
No function calls another, though a learner's may: so a wrong one spoils no other.
"""

import numpy as np


def output_size(size, kernel, stride=1, padding=0):
    """How many places a window has along one axis, as in `torch.nn.functional.conv2d`."""
    padded = size + 2 * padding
    if kernel > padded:
        raise ValueError(f"a kernel of {kernel} does not fit on {padded} entries ({size} and padding)")
    last_start = padded - kernel
    return last_start // stride + 1


def same_padding(kernel):
    """The padding that keeps an axis as long as it is, at stride 1. Odd kernels only."""
    if kernel % 2 == 0:
        raise ValueError(f"no padding keeps the size with an even kernel, got {kernel}")
    return (kernel - 1) // 2


def zero_pad(x, padding):
    """`padding` zeros on all four sides of the images in x (..., H, W)."""
    height, width = x.shape[-2:]
    padded_shape = x.shape[:-2] + (height + 2 * padding, width + 2 * padding)
    out = np.zeros(padded_shape, dtype=x.dtype)
    out[..., padding : padding + height, padding : padding + width] = x
    return out


def conv1d_forward(x, w, stride=1, padding=0):
    """Slide the kernel w (KW,) along the row x (W,); gives (OW,)."""
    if len(w) > len(x) + 2 * padding:
        raise ValueError(f"a kernel of {len(w)} does not fit on a row of {len(x)} with padding {padding}")
    size = (len(x) + 2 * padding - len(w)) // stride + 1

    padded = np.zeros(len(x) + 2 * padding, dtype=x.dtype)
    padded[padding : padding + len(x)] = x

    out = np.zeros(size, dtype=x.dtype)
    for j in range(size):
        for k in range(len(w)):
            out[j] += padded[j * stride + k] * w[k]
    return out


def corr2d(image, kernel):
    """Slide the kernel (KH, KW) over the image (H, W); gives (OH, OW)."""
    H, W = image.shape
    KH, KW = kernel.shape
    if KH > H or KW > W:
        raise ValueError(f"a kernel of {KH} × {KW} does not fit on an image of {H} × {W}")
    OH = H - KH + 1
    OW = W - KW + 1

    out = np.zeros((OH, OW), dtype=image.dtype)
    for i in range(OH):
        for j in range(OW):
            window = image[i : i + KH, j : j + KW]
            out[i, j] = np.sum(window * kernel)
    return out


def conv2d_forward(x, w, b=None, stride=1, padding=0):
    """Slide the filters w (F, C, KH, KW) over the images x (N, C, H, W); gives (N, F, OH, OW)."""
    N, C, H, W = x.shape
    F, C, KH, KW = w.shape
    if KH > H + 2 * padding or KW > W + 2 * padding:
        raise ValueError(f"a kernel of {KH} × {KW} does not fit on {H} × {W} with padding {padding}")
    OH = 1 + (H + 2 * padding - KH) // stride
    OW = 1 + (W + 2 * padding - KW) // stride

    padded = np.zeros((N, C, H + 2 * padding, W + 2 * padding), dtype=x.dtype)
    padded[:, :, padding : padding + H, padding : padding + W] = x

    out = np.zeros((N, F, OH, OW), dtype=x.dtype)
    for n in range(N):
        for f in range(F):
            for i in range(OH):
                for j in range(OW):
                    top, left = i * stride, j * stride
                    window = padded[n, :, top : top + KH, left : left + KW]
                    out[n, f, i, j] = np.sum(window * w[f])
                    if b is not None:
                        out[n, f, i, j] += b[f]
    return out


ANSWERS = {
    "lab02-prediction-edges": """\
The kernel takes the right column and subtracts the left one. Going from left to right, a stroke begins where black
turns to white: there the output is positive. It ends where white turns to black: there it is negative. Where left and
right are alike, in the background and inside a broad stroke, the output is zero.

The slanted stroke of the 7 is kept, white on its left side and black on its right. The bar at the top nearly vanishes,
because along it left and right are alike: only its left end shows.
""",
    "lab02-prediction-flat": """\
On a flat part every pixel is the same number. It can be taken out of the sum: the output is that number times the sum
of the kernel. `blur` and `sharpen` have the sum 1, so the flat part stays 0.5. `vertical` has the sum 0, so it becomes 0.

At the border the padding puts zeros into the window. A corner window of `blur` holds four pixels of 0.5 and five zeros,
so the output is 4 · 0.5 / 9, darker than inside. `sharpen` subtracts fewer neighbours there and becomes brighter.
""",
    "lab02-prediction-rotation": """\
`corner` copies the pixel in the upper left corner of the window to the middle. Every pixel comes from further up and
further left, so the 7 moves **down and to the right**, by four pixels. Rotated, the 1 stands in the lower right corner,
and the 7 moves **up and to the left**.

`blur` is its own rotation: nothing changes. `vertical`, rotated by 180°, is `-vertical`: the output changes its sign.
""",
    "lab02-prediction-lazy-test": """\
The first set catches none. A 1 × 1 kernel is its own rotation, so `kernel_rotated` passes. The image and the kernel are
square, so the output is as wide as it is high, and `height_for_width` passes. There is one channel, so
`first_channel_only` passes.

The second set catches none either, for the same reasons: the blur is its own rotation, too.

The third set catches all three. Its kernels are random, its images are wider than high, and there are three channels.
""",
    "lab02-writeup": """\
**Objective.** To find out whether it matters that a kernel is rotated by 180° before it is slid over an image.

**Hypothesis.** It matters for every kernel that is not its own rotation, and for no other.

**Experimental description.** One digit, a 7 of 28 × 28 pixels, was filtered with three kernels: `corner` (9 × 9, a single
1 in the upper left corner), `vertical` (3 × 3, the right column minus the left one) and `blur` (3 × 3, all entries equal).
Each was used as it is and rotated by 180°, with stride 1 and the padding that keeps the size. The two outputs were
compared entry by entry.

**Observation.** With `corner` the digit moved down and to the right, with its rotation up and to the left, by the same
distance. With `vertical` the two outputs differed in their sign alone. With `blur` they agreed in every entry.

**Inference.** The hypothesis holds for these kernels. A test with a symmetric kernel cannot tell cross-correlation from
convolution. Three kernels on one image do not prove the rule, but the formula does: the two sums run over the same
products exactly if the kernel equals its rotation.
""",
}
