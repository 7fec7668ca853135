# Shorthands; course.py does the work, on systems without make as well.
PYTHON ?= python3

.PHONY: lab test

lab:
	$(PYTHON) course.py lab

test:
	$(PYTHON) course.py test
