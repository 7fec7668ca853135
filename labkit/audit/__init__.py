"""The known mistakes looked for in anybody's code: source -> fitting -> trying -> telling -> words.

It stands on `grading`, whose processes run the functions, and on `checks`, which judge them.
"""

import argparse


def audit_command(args: argparse.Namespace) -> int:
    """`labkit audit`. Returns 0 if nothing wrong was found, else 1. Raises CommandError."""
    from labkit.audit.words import command  # needs rich, later torch

    return command(args)
