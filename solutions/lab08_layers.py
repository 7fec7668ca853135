"""Model answers of lab 8: as plain as the text, to be read by someone who got stuck.

Every class is put whole into its exercise cell of the notebook; ANSWERS fills the cells of prose.
No class uses another, though a learner's may: so a wrong one spoils no other.
"""

import numpy as np


class Linear:
    """x (N, D) times the weights w (K, D), plus the biases b (K,)."""

    def __init__(self, w, b=None):
        self.params = {"weight": w}
        if b is not None:
            self.params["bias"] = b
        self.grads = {name: np.zeros_like(array) for name, array in self.params.items()}

    def forward(self, x):
        self.x = x  # backward needs it
        out = x @ self.params["weight"].T
        if "bias" in self.params:
            out = out + self.params["bias"]
        return out

    def backward(self, dout):
        self.grads["weight"] += dout.T @ self.x  # += changes the array that is there
        if "bias" in self.grads:
            self.grads["bias"] += dout.sum(axis=0)
        return dout @ self.params["weight"]

    def zero_grad(self):
        for name in self.grads:
            self.grads[name][...] = 0

    def train(self):
        self.training = True  # this layer does the same in both modes

    def eval(self):
        self.training = False


class Conv2d:
    """Images x (N, C, H, W) and filters w (F, C, KH, KW), plus the biases b (F,)."""

    def __init__(self, w, b=None, stride=1, padding=0):
        self.params = {"weight": w}
        if b is not None:
            self.params["bias"] = b
        self.grads = {name: np.zeros_like(array) for name, array in self.params.items()}
        self.stride, self.padding = stride, padding

    def pixels(self, padded, i, j, OH, OW):
        """The pixels under place (i, j) of the kernel, for all outputs: a view (N, C, OH, OW)."""
        return padded[:, :, i : i + self.stride * OH : self.stride, j : j + self.stride * OW : self.stride]

    def forward(self, x):
        w, p = self.params["weight"], self.padding
        N, C, H, W = x.shape
        F, _, KH, KW = w.shape
        OH = (H + 2 * p - KH) // self.stride + 1
        OW = (W + 2 * p - KW) // self.stride + 1
        self.x_shape = x.shape
        self.padded = np.zeros((N, C, H + 2 * p, W + 2 * p), dtype=x.dtype)
        self.padded[:, :, p : p + H, p : p + W] = x
        out = np.zeros((N, F, OH, OW), dtype=x.dtype)
        for i in range(KH):
            for j in range(KW):
                part = self.pixels(self.padded, i, j, OH, OW)
                out += np.einsum("nchw,fc->nfhw", part, w[:, :, i, j])
        if "bias" in self.params:
            out += self.params["bias"][:, None, None]
        return out

    def backward(self, dout):
        w, p = self.params["weight"], self.padding
        _, _, KH, KW = w.shape
        _, _, OH, OW = dout.shape
        dpadded = np.zeros_like(self.padded)
        for i in range(KH):
            for j in range(KW):
                part = self.pixels(self.padded, i, j, OH, OW)
                self.grads["weight"][:, :, i, j] += np.einsum("nfhw,nchw->fc", dout, part)
                self.pixels(dpadded, i, j, OH, OW)[...] += np.einsum("nfhw,fc->nchw", dout, w[:, :, i, j])
        if "bias" in self.grads:
            self.grads["bias"] += dout.sum(axis=(0, 2, 3))
        _, _, H, W = self.x_shape
        return dpadded[:, :, p : p + H, p : p + W]

    def zero_grad(self):
        for name in self.grads:
            self.grads[name][...] = 0

    def train(self):
        self.training = True

    def eval(self):
        self.training = False


class Sequential:
    """Layers in a row. Their arrays stand in params and grads under the layer's number and their own name."""

    def __init__(self, layers):
        self.layers = layers
        self.params, self.grads = {}, {}
        for index, layer in enumerate(layers):
            for name in layer.params:
                self.params[f"{index}.{name}"] = layer.params[name]
                self.grads[f"{index}.{name}"] = layer.grads[name]

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dout):
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        return dout

    def zero_grad(self):
        for layer in self.layers:
            layer.zero_grad()

    def train(self):
        for one in self.layers:
            one.train()

    def eval(self):
        for one in self.layers:
            one.eval()


ANSWERS = {
    "lab08-prediction-held": """\
After `+= 5` the array itself is changed. `held` and the dict's entry are two names of that one array, so both show 5.
After `= … + 5` the dict has a new array with 10 in it. `held` is still the old one and shows 5: nobody told it.
""",
    "lab08-prediction-summary": """\
The outputs are 8 × 24 × 24, the same again, 8 × 12 × 12, then 16 × 8 × 8 twice, 16 × 4 × 4, 256 numbers, 64, 64 and
10.

The parameters: 8 · 1 · 25 + 8 = 208 in the first convolution, 16 · 8 · 25 + 16 = 3,216 in the second, 256 · 64 + 64 =
16,448 and 64 · 10 + 10 = 650 in the linear layers, none elsewhere. The first linear layer has most.
""",
    "lab08-prediction-exchange": """\
1. None fails: each part passed its check, and the parts know nothing of each other but the protocol.
2. Those with my `Conv2d` in them: `yours` and `your layers`. The convolution made last sets the stride of both. With one
   convolution there is nothing to mix up, and all comparisons would be the same.
""",
    "lab08-prediction-halves": """\
Added: the loss falls, and the order within the batch makes no difference, because a sum does not know its order. Both
should reach more than .8. Overwritten and shuffled: it falls more slowly, because only a quarter of each batch
counts, and learns nearly as well in the end. Overwritten and sorted: only the last digits are ever learned, so the
loss of the whole batch does not fall, and the accuracy stays at about .2 to .3.
""",
    "lab08-prediction-shared": """\
1. The outputs are the same. Forward, each layer uses the ReLU at once, before the next one writes into it.
2. Backward starts at the end. The last layer comes before any ReLU, and the second layer finds its own `positive`,
   which was written last. The first layer finds the second one's instead of its own: its gradient alone is wrong.
3. It will fall, because two of the three layers learn rightly. With 64 → 32 the shapes do not fit, and it fails at
   once.
""",
    "lab08-writeup": """\
**Objective.** To find out what it costs when `backward` overwrites gradients where it should add to them.

**Hypothesis.** The loss falls more slowly when the parts of a batch are alike, and not at all when they are not.

**Experimental description.** A network 784 → 32 → 10 with a ReLU was trained on 1,000 standardised digits for four
epochs, 25 steps each, with SGD at a learning rate of .1. Each batch of 40 went through in four parts of 10, with one
step after the fourth. Gradients were added, or set back before each part; the batch was in random order, or ordered
by digit. Weights and batches were the same in all four runs, and the accuracy was taken on 2,000 test images.

**Observation.** With added gradients the two orders gave the same curve, and the best accuracy. With overwritten
gradients and random order the loss fell as well, but more slowly, and the accuracy was a little lower. With
overwritten gradients and ordered batches the loss rose, and the accuracy stayed far below the others.

**Inference.** Overwriting leaves the last part of a batch only. While that part looks like the whole, the bug hides
behind a loss that falls; it shows as soon as the parts differ. One run of each kind does not say how large the loss
of accuracy is in general. That two halves give the gradient of the whole can be tested directly, without any
training.
""",
}
