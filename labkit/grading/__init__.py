"""Grade what students handed in: intake -> answers -> process -> judge -> gradebook.

`process` and `child` are the two ends of the one place where student code runs.
"""

import argparse


def grade_command(args: argparse.Namespace) -> int:
    """`labkit grade`. Returns 0 if every submission was graded, else 1. Raises CommandError."""
    from labkit.grading.batch import command  # needs nbformat, later torch

    return command(args)
