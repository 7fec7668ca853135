"""Answers to the exercises, one file a lab, for the tests of the checks.

Each file holds RIGHT (exercise -> right answers, each written differently) and WRONG (exercise -> the
source of one plausible wrong answer, in plain NumPy).
"""

import importlib

import labkit

EXERCISES = labkit.exercises()
LABS = list(dict.fromkeys(one.lab for one in EXERCISES))
FILES = [importlib.import_module(f"answers.{lab}") for lab in LABS]
RIGHT = {name: answers for file in FILES for name, answers in file.RIGHT.items()}
WRONG = {name: source for file in FILES for name, source in file.WRONG.items()}
