"""Fast layers in NumPy alone, with torch's words, torch's results and torch's names.

    from labkit.layers import Conv2d, CrossEntropyLoss, Flatten, Linear, MaxPool2d, ReLU, SGD, Sequential, fit

    rng = np.random.default_rng(0)
    model = Sequential([Conv2d(1, 8, 5, rng=rng), ReLU(), MaxPool2d(2), Flatten(), Linear(1152, 10, rng=rng)])
    print(model.summary((1, 28, 28)))
    history = fit(model, CrossEntropyLoss(), SGD(model, lr=0.02, momentum=0.9), x, y, 3, 32, rng)

layer.py says what a layer is. One file a family, forward and backward side by side: linear, conv, pool,
activation, batchnorm, dropout, reshape, loss. Then sequential, optim and fit.
"""

from labkit.layers.activation import LeakyReLU, LogSoftmax, ReLU, Sigmoid, Softmax, Tanh
from labkit.layers.batchnorm import BatchNorm1d, BatchNorm2d
from labkit.layers.conv import Conv2d
from labkit.layers.dropout import Dropout
from labkit.layers.fit import Evaluation, History, evaluate, fit
from labkit.layers.layer import Layer
from labkit.layers.linear import Linear
from labkit.layers.loss import BCEWithLogitsLoss, CrossEntropyLoss
from labkit.layers.optim import SGD, Adam
from labkit.layers.pool import AvgPool2d, MaxPool2d
from labkit.layers.reshape import Flatten
from labkit.layers.sequential import Sequential

__all__ = [
    "SGD",
    "Adam",
    "AvgPool2d",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "Conv2d",
    "CrossEntropyLoss",
    "Dropout",
    "Evaluation",
    "Flatten",
    "History",
    "Layer",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "MaxPool2d",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "evaluate",
    "fit",
]
