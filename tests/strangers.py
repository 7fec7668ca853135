"""Code that nobody wrote for the course: a student's notebook, a module, utilities that are innocent."""

import nbformat
from small_course import code, notebook, prose

# A student's notebook, top to bottom: data, plots, a network from scratch, training.
CELLS = {
    "setup": '''
%matplotlib inline
import os, time
import numpy as np
import matplotlib.pyplot as plt
import torch
from tensorflow.keras.datasets import mnist
from tqdm import tqdm
np.random.seed(1)
''',
    "data": '''
(x_train, y_train), (x_test, y_test) = mnist.load_data()
x_train = x_train[:, None] / 255.
!ls -l
plt.imshow(x_train[0, 0])
plt.show()
''',
    "constants": '''
STRIDE = 1
EDGES = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]], dtype=float) / 4
big = np.zeros((60000, 784))
''',
    "pad": '''

def zero_pad(X, pad):
    """ Pad with zeros all images of the batch """
    return np.pad(X, pad, "constant")
''',
    "convolve": '''
def convolve_layer(A, W, bias=None, s=STRIDE, p=0):
    n, c, h, w = A.shape
    f, _, kh, kw = W.shape
    A = np.pad(A, ((0, 0), (0, 0), (p, p), (p, p)))
    oh = (h + 2 * p - kh) // s + 1
    ow = (w + 2 * p - kw) // s + 1
    if oh < 1 or ow < 1:
        raise ValueError("too large")
    Z = np.zeros((n, f, oh, ow), A.dtype)
    flipped = W[:, :, ::-1, ::-1]
    for i in range(oh):
        for j in range(ow):
            window = A[:, :, i * s : i * s + kh, j * s : j * s + kw]
            Z[:, :, i, j] = np.tensordot(window, flipped, axes=([1, 2, 3], [1, 2, 3]))
    if bias is not None:
        Z += bias[None, :, None, None]
    return Z
''',
    "timed filter": '''
%%time
def apply_filter(img, k):
    kh, kw = k.shape
    oh, ow = img.shape[0] - kh + 1, img.shape[1] - kw + 1
    if min(oh, ow) < 1:
        raise ValueError("the kernel is too large")
    out = np.zeros((oh, ow), dtype=img.dtype)
    for i in range(oh):
        for j in range(ow):
            out[i, j] = (img[i:i+kh, j:j+kw] * k).sum()
    return out
''',
    "pool": '''
def max_pool(A, f=2):
    n, c, h, w = A.shape
    return A.reshape(n, c, h // f, f, w // f, f).max(axis=(3, 5))

edges = lambda img: apply_filter(img, EDGES)
''',
    "fails": '''
weights = np.ones(3).reshape(2, 2)
def never_defined_before():
    return weights
assert False, "this is not run"
''',
    "uses what fails": '''
def scaled(x):
    return x * weights.sum()

def on_the_gpu(x, w):
    return torch.conv2d(torch.tensor(x), torch.tensor(w)).numpy()

def classify(image):
    return model.predict(image)
''',
    "training": '''
model = make_model()
losses = []
for epoch in tqdm(range(1000)):
    losses.append(train(model, x_train, y_train))
    while True:
        pass
plt.plot(losses)
torch.save(model, "model.pt")
''',
    "bash": "%%bash\nrm -rf data\n",
    "no python": "print 'accuracy', acc",
}


def student_notebook(**changed: str) -> nbformat.NotebookNode:
    """The notebook, some of its cells changed."""
    cells = [code(source.lstrip("\n") if name == "setup" else source) for name, source in (CELLS | changed).items()]
    return notebook(prose("# My own CNN"), *cells)


MODULE = '''\
"""A convolutional network from scratch, for my blog."""

from __future__ import annotations

import functools
try:
    import cupy as xp
except ImportError:
    import numpy as xp
import numpy as np


def conv_general(x: Tensor, w: Tensor, b=None, stride=1, padding=0):
    n, c, h, width = x.shape
    f, c, kh, kw = w.shape
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    oh, ow = (h + 2 * padding - kh) // stride + 1, (width + 2 * padding - kw) // stride + 1
    if oh < 1 or ow < 1:
        raise ValueError("the kernel does not fit")
    out = xp.zeros((n, f, oh, ow), x.dtype)
    for i in range(oh):
        for j in range(ow):
            window = x[:, None, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
            out[:, :, i, j] = (window * w).sum(axis=(2, 3, 4))
    return out if b is None else out + b[:, None, None]


def turned(x, w, *args):
    return conv_general(x, w[..., ::-1, ::-1], *args)


conv_layer = functools.partial(conv_general)
out_width = lambda w, k, s, p: (w - k + 2 * p) // s
same = lambda k: k // 2

class Net:
    def forward(self, x):
        return turned(x, self.w)

if __name__ == "__main__":
    import time
    net = Net()
    while True:
        net.forward(None)
'''

# Nothing here answers an exercise, and nothing may be said about it.
UTILITIES = '''\
import math
import os
from collections import Counter

import numpy as np

EPS = 1e-8


def identity(x):
    return x


def anything(*args, **keywords):
    return args[0]


def first(x, y):
    return x


def second(x, y):
    return y


def zeros_like(x):
    return np.zeros_like(x)


def as_array(x, dtype=None):
    return np.array(x)


def copied(x, n=1):
    return np.array(x, copy=True)


def nothing(x, y=None):
    pass


def minus(a, b):
    return a - b


def plus(a, b):
    return a + b


def times(a, b):
    return a * b


def matmul(a, b):
    return a @ b


def divide(a, b):
    return a / b


def half(n):
    return n // 2


def previous(n):
    return n - 1


def square(x):
    return x**2


def absolute(x):
    return np.abs(x)


def positive(x):
    return x > 0


def exponential(x):
    return np.exp(x)


def flatten(x):
    return x.reshape(len(x), -1)


def transpose(x):
    return x.T


def clip(x, low=0, high=1):
    return np.clip(x, low, high)


def unit_range(x):
    return (x - x.min()) / (x.max() - x.min() + EPS)


def largest_difference(a, b):
    return np.max(np.abs(a - b))


def mean_square(a, b):
    return np.mean((a - b) ** 2)


def moving_average(x, n=3):
    return np.convolve(x, np.ones(n) / n, "valid")


def smooth(x, w):
    return np.convolve(x, w, "valid")


def crop(x, margin):
    return x[..., margin:-margin, margin:-margin]


def repeat(x, times):
    return np.repeat(x, times, axis=-1)


def rows_to_one(x):
    return x / x.sum(axis=-1, keepdims=True)


def distance(a, b):
    return float(np.sqrt(((a - b) ** 2).sum()))


def diagonal(x):
    return np.diag(x)


def is_prime(n):
    return n > 1 and all(n % k for k in range(2, math.isqrt(n) + 1))


def clamp(value, low, high):
    return max(low, min(high, value))


def linear_map(x, x0, x1, y0, y1):
    return y0 + (x - x0) * (y1 - y0) / (x1 - x0)


def progress(done, total, width=10, mark=1):
    return int(width * done / max(total, 1)) * mark


def most_common(values):
    return Counter(np.ravel(values).tolist()).most_common(1)[0][0]


def remove(path):
    os.remove(path)


def count_up(n):
    total = 0
    for i in range(n):
        total += i
    return total


def always_one(x, y, z=0):
    return 1
'''

HOSTILE = '''\
import os, sys
import numpy as np

print("x" * 10**7)
while True: os._exit(0)

def corr2d(image, kernel):
    os._exit(0)

def zero_pad(x, padding):
    while True: pass

def same_padding(kernel):
    print("y" * 10**7)
    raise RuntimeError("\\x1b[31mred\\x07 \\u202e" + "z" * 10**6)

def convolve(x, w, stride=1, padding=0):
    sys.exit(3)

def turning(x, padding):
    while True: pass

def wipe(x, padding):
    import shutil
    shutil.rmtree("/nowhere")

class Hanging:
    while True: pass

def output_size(size, kernel, stride=1, padding=0):
    if kernel > size + 2 * padding:
        raise ValueError
    return (size + 2 * padding - kernel) // stride + 1
'''
