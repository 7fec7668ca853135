"""Model answers of lab 6: loops over places, to be read by someone who got stuck.

Every function is put whole into its exercise cell of the notebook; ANSWERS fills the cells of prose.
No function calls another, though a learner's may: so a wrong one spoils no other.
"""

import numpy as np


def max_pool2d_forward(x, kernel_size, stride=None):
    """The largest entry of each window: x (N, C, H, W) gives (N, C, OH, OW)."""
    if stride is None:
        stride = kernel_size
    N, C, H, W = x.shape
    if kernel_size > H or kernel_size > W:
        raise ValueError(f"a window of {kernel_size} does not fit an image of {H} × {W}")

    OH = (H - kernel_size) // stride + 1
    OW = (W - kernel_size) // stride + 1
    out = np.zeros((N, C, OH, OW), dtype=x.dtype)
    for i in range(OH):
        for j in range(OW):
            top, left = i * stride, j * stride
            window = x[:, :, top : top + kernel_size, left : left + kernel_size]
            out[:, :, i, j] = window.max(axis=(2, 3))
    return out


def max_pool2d_backward(dout, x, kernel_size, stride=None):
    """The gradient of each window to its first largest entry: dout (N, C, OH, OW) gives dx of x's shape."""
    if stride is None:
        stride = kernel_size
    N, C, OH, OW = dout.shape
    dx = np.zeros_like(x)
    for n in range(N):
        for c in range(C):
            for i in range(OH):
                for j in range(OW):
                    top, left = i * stride, j * stride
                    window = x[n, c, top : top + kernel_size, left : left + kernel_size]
                    row, column = np.unravel_index(window.argmax(), window.shape)
                    dx[n, c, top + row, left + column] += dout[n, c, i, j]
    return dx


def translate(images, down, right):
    """Images (..., H, W) moved by whole pixels; zeros come in."""
    H, W = images.shape[-2:]
    out = np.zeros_like(images)
    for r in range(H):
        for q in range(W):
            came_from_row, came_from_column = r - down, q - right
            if 0 <= came_from_row < H and 0 <= came_from_column < W:
                out[..., r, q] = images[..., came_from_row, came_from_column]
    return out


def forward_backward(params, x, labels):
    """Loss and gradients of conv → ReLU → max pool 2 → flatten → linear → cross-entropy."""
    conv_w, conv_b = params["conv_w"], params["conv_b"]
    linear_w, linear_b = params["linear_w"], params["linear_b"]
    N = len(x)
    F, C, KH, KW = conv_w.shape
    OH, OW = x.shape[2] - KH + 1, x.shape[3] - KW + 1

    # forward: convolution, ReLU
    z = np.zeros((N, F, OH, OW), dtype=x.dtype)
    for i in range(OH):
        for j in range(OW):
            window = x[:, :, i : i + KH, j : j + KW]
            z[:, :, i, j] = np.tensordot(window, conv_w, axes=([1, 2, 3], [1, 2, 3])) + conv_b
    a = np.maximum(z, 0)

    # forward: max pooling, flatten
    p = np.zeros((N, F, OH // 2, OW // 2), dtype=x.dtype)
    for i in range(OH // 2):
        for j in range(OW // 2):
            p[:, :, i, j] = a[:, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].max(axis=(2, 3))
    flat = p.reshape(N, -1)

    # forward: linear, cross-entropy
    logits = flat @ linear_w.T + linear_b
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    rows = np.arange(N)
    loss = -log_p[rows, labels].mean()

    # backward: cross-entropy, linear, flatten
    dlogits = np.exp(log_p)
    dlogits[rows, labels] -= 1
    dlogits /= N
    dlinear_w = dlogits.T @ flat
    dlinear_b = dlogits.sum(axis=0)
    dp = (dlogits @ linear_w).reshape(p.shape)

    # backward: max pooling, ReLU
    da = np.zeros_like(a)
    for n, f, i, j in np.ndindex(*p.shape):
        window = a[n, f, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
        row, column = np.unravel_index(window.argmax(), window.shape)
        da[n, f, 2 * i + row, 2 * j + column] = dp[n, f, i, j]
    dz = da * (z > 0)

    # backward: convolution
    dconv_w = np.zeros_like(conv_w)
    for i in range(OH):
        for j in range(OW):
            window = x[:, :, i : i + KH, j : j + KW]
            dconv_w += np.tensordot(dz[:, :, i, j], window, axes=([0], [0]))
    dconv_b = dz.sum(axis=(0, 2, 3))

    grads = {"conv_w": dconv_w, "conv_b": dconv_b, "linear_w": dlinear_w, "linear_b": dlinear_b}
    return loss, grads


def avg_pool2d_forward(x, kernel_size, stride=None):
    """The mean of each window: x (N, C, H, W) gives (N, C, OH, OW)."""
    if stride is None:
        stride = kernel_size
    N, C, H, W = x.shape
    if kernel_size > H or kernel_size > W:
        raise ValueError(f"a window of {kernel_size} does not fit an image of {H} × {W}")

    OH = (H - kernel_size) // stride + 1
    OW = (W - kernel_size) // stride + 1
    out = np.zeros((N, C, OH, OW), dtype=x.dtype)
    for i in range(OH):
        for j in range(OW):
            top, left = i * stride, j * stride
            window = x[:, :, top : top + kernel_size, left : left + kernel_size]
            out[:, :, i, j] = window.mean(axis=(2, 3))
    return out


def avg_pool2d_backward(dout, x_shape, kernel_size, stride=None):
    """The gradient of each window in equal parts to its entries: dout (N, C, OH, OW) gives dx of shape x_shape."""
    if stride is None:
        stride = kernel_size
    OH, OW = dout.shape[2:]
    dx = np.zeros(x_shape, dtype=dout.dtype)
    for i in range(OH):
        for j in range(OW):
            top, left = i * stride, j * stride
            part = dout[:, :, i : i + 1, j : j + 1] / kernel_size**2
            dx[:, :, top : top + kernel_size, left : left + kernel_size] += part
    return dx


ANSWERS = {
    "lab06-prediction-back": """\
The winners are 4 (top left window), 6 (top middle), 6 (top right), 5 (bottom left), and again the 6 of the middle row
in the last two windows. There a second 6 is as large, in the last row; it comes later in row order.

So the rows of dx are 0 1 0 0, then 0 0 16 0 (2 + 3 + 5 + 6), then 4 0 0 0. Both sums are 21.
""",
    "lab06-prediction-ties": """\
1. Much of a digit is background, all of one value. The convolution gives one number there, so all four entries of a
   window tie. I expect ties in more than half of the windows.
2. Windows with four equal entries pay four times. The gradient of a filter is dout times the pixels below it. If the
   background is 0, these payments are multiplied by 0, and the factor should be near 1. At −0.5 they count, and the
   factor may be 2 to 4. Standardised pixels have a background of about −0.4: something between.
3. The gradient still points downhill. I expect the accuracy to stay nearly the same.
""",
    "lab06-writeup-back": """\
**Objective.** To find out how the gradient goes back through max pooling where windows overlap and entries tie, and
what happens when every tie is paid.

**Hypothesis.** Each window pays one entry, so the sum of dx is the sum of dout. Digits have many ties, because their
background is one number. Paying all of them makes the gradient of the filters too long, more so where the background
is far from 0. The accuracy suffers little.

**Experimental description.** Two small arrays by hand, with windows of 2 × 2. Then 200 images of the digits 0 and 1
through 8 filters of 3 × 3, ReLU and pooling by 2, with three scalings of the pixels. Gradients of the same network at
its start, with the right way back and with one that pays every tie. Both were trained for two epochs on 1,200 images
with three seeds and tested on 400.

**Observation.** In the drawings an entry that won four windows got four gradients; of equal entries the first got
all. About 70 of 100 windows tied; about 40 of 100 were all 0 after ReLU. With every tie paid the gradient of the filters was 1.0, 1.4 and 2.7 times as long
(0 to 1, standardised, −0.5 to 0.5), that of the biases about 5 to 6 times. The accuracies of both networks were above
.99. On random numbers both ways back gave the same.

**Inference.** A good accuracy does not say that a gradient is right, and a gradient check without ties in its data
does not either. Nudging cannot judge a tie. The sum of dx, or a comparison with torch on data with ties, shows the bug. Nothing here says how much the bug would cost on a
harder problem.
""",
    "lab06-prediction-lucky": """\
If pooling makes the output invariant to small shifts, nothing should change for most of the filters, in both
directions alike. But a window has edges: whatever crosses one changes the output. It should depend on where in its
window the dot stands.
""",
    "lab06-prediction-digits": """\
All three curves are 0 at 0 and grow to both sides alike. After the convolution the change is large at once, say .5 at
one pixel, and near 1 at four, where the strokes no longer overlap. Pooling makes it smaller: perhaps .4 and .3 at one
pixel. At four pixels I expect .7 or more even after two poolings, as much as from one image to another.
""",
    "lab06-writeup-translation": """\
**Objective.** To measure how much the features of an image change when the image moves, before and after pooling.

**Hypothesis.** Pooling by 2 makes the features less sensitive to shifts of one pixel, pooling twice to shifts of two
or three. It does not make them invariant, and it matters where in a window something stands.

**Experimental description.** First a single dot, 50 random filters of 3 × 3, ReLU, two poolings by 2; filters with
exactly the same output were counted, for 16 places of the dot and shifts from −6 to 6 pixels. Then 200 test digits,
20 of each class, and 8 random filters; the relative change of the features after the convolution, after one and after
two poolings, for the same shifts, with the change from one image to another of the same digit beside it.

**Observation.** At one place, 50 of 50 filters did not notice a pixel to the right, and 6 of 50 did not notice a
pixel to the left. Over all places the curve falls from 50 at once to both sides. With digits, all three curves rise
from 0 with the first pixel. After two poolings the change is about half of that after the convolution at one pixel. A
few pixels further it is as large as from one image to another.

**Inference.** Pooling makes the features change later: after two poolings it takes about three pixels to change them
as much as one pixel did before. It does not make a network invariant. The lucky pair would have led me to believe it
does: it was one place and one direction of very many. The filters were random; trained ones may behave somewhat
otherwise.
""",
    "lab06-prediction-by-hand": """\
The gradient went to the winner alone, the 4. The weight met that pixel, so dconv_w is −0.365 times 4, about −1.46.
""",
    "lab06-prediction-first-steps": """\
Both probabilities are about 1/2, so the first loss is log 2, about 0.69.

The network has more weights than there are images. I expect it to learn the 20 images by heart: 20 of 20, or nearly.
""",
    "lab06-prediction-two-digits": """\
0 and 1 look quite different: .99 or more. 6 and 9 are each other's rotation, and the network does not rotate: also
easy, .99. 3 and 8 differ by two short strokes: perhaps .95.

Moved by 6 pixels, I expect the accuracy for 0 and 1 to fall, to .8 perhaps, and further without pooling. Guessing
would give .5.
""",
    "lab06-writeup-two-digits": """\
**Objective.** To find out how well a small convolutional network with one logit tells two digits apart, and whether
its pooling protects it against shifts.

**Hypothesis.** More than .99 for 0 and 1 and for 6 and 9, less for 3 and 8. On test images moved by some pixels the
network with pooling loses less than the one without.

**Experimental description.** Convolution with 8 filters of 3 × 3, ReLU, max pooling by 2, one linear layer with one
logit, binary cross-entropy. 1,200 training images and 400 test images of two digits, pixels from 0 to 1, two epochs
of SGD with learning rate .02, momentum .9 and batches of 16, three seeds for each pair. For 0 and 1 the test images
were also moved by 0 to 8 pixels to the right, and the same was done with a network without pooling.

**Observation.** The mean accuracies were above .995 for 0 and 1, slightly below 1 for 6 and 9, and near .94 for 3 and
8. For 0 and 1, it stayed above .9 up to two pixels, fell below .5 at four, and was below .1 at six, where guessing
gives .5. The network without pooling did about the same up to three pixels, and a little better further out.

**Inference.** The test images, all of them centred, do not show how much the network relies on places. Pooling by 2
did not protect it. One pair of digits and one kind of shift were tried; a network that averages over all places
before its last layer may do otherwise.
""",
}
