"""labkit: convolutional networks from scratch in NumPy, every function checked against PyTorch.

In a notebook:

    from labkit import check, hint, progress, reveal
    check(conv2d_forward)

`import labkit` loads NumPy and nothing heavier; torch is loaded by the first check.
"""

from labkit.asked import exercises
from labkit.checks import CheckFailed, check, examine
from labkit.hints import hint, reveal
from labkit.logbook import progress

__version__ = "0.1.0"
__all__ = ["CheckFailed", "check", "examine", "exercises", "hint", "progress", "reveal"]
