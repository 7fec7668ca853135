# Shorthands; course.py does the work, on systems without make as well.
PYTHON ?= python3

.PHONY: lab test bench

lab:
	$(PYTHON) course.py lab

test:
	$(PYTHON) course.py test

# With the environment that the other two make; NumPy's and torch's speed is measured in it.
bench:
	@test -x .venv/bin/python || { echo "There is no .venv yet: call 'make test' once, then this again." >&2; exit 2; }
	@test -d benchmarks || { echo "There is no folder benchmarks here: a student's copy has none." >&2; exit 2; }
	.venv/bin/python benchmarks/bench.py
	.venv/bin/python benchmarks/accuracy.py
