#!/usr/bin/env bash
# Gradescope runs this for each submission. It writes results.json whatever happens.
base="${LABKIT_AUTOGRADER:-/autograder}"
python="${LABKIT_PYTHON:-$base/venv/bin/python}"
rm -f "$base/results/results.json"
"$python" -B "$base/source/course/labkit/grading/exports/on_gradescope.py"
status=$?
if [ ! -f "$base/results/results.json" ]; then
    mkdir -p "$base/results"
    printf '%s\n' "{\"score\": 0, \"stdout_visibility\": \"hidden\", \"output\": \"This submission could not be graded. That is no fault of your answers: tell your instructor.\", \"tests\": [{\"name\": \"Why\", \"status\": \"failed\", \"visibility\": \"hidden\", \"output\": \"The autograder ended with status $status before it could say why. Look at its output.\"}]}" > "$base/results/results.json"
fi
