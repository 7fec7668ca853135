#!/usr/bin/env bash
# Gradescope runs this once, when it builds the image of the autograder.
#
# The sandbox of the autograder is written in settings.json. bubblewrap needs user namespaces, and the container may
# not allow them: then every submission comes back as "could not be graded". Build the zip again with
# the sandbox "none", by name, if you accept what that means: a student's code can then read what lies in the
# container (the judge's references too) and can reach what the container can reach.
#
# TORCH_INDEX: the address that PyTorch's install page gives for its CPU build, for a much smaller image.
set -euo pipefail
base="${LABKIT_AUTOGRADER:-/autograder}"
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends bubblewrap
# The course needs Python 3.11 or newer; which one there is depends on the image.
for version in 3.13 3.12 3.11; do
    if apt-get install -y --no-install-recommends "python$version" "python$version-venv"; then
        python="python$version"
        break
    fi
done
"$python" -m venv "$base/venv"
if [ -n "${TORCH_INDEX:-}" ]; then
    "$base/venv/bin/pip" install --no-cache-dir --index-url "$TORCH_INDEX" "$(grep '^torch==' "$base/source/requirements.txt")"
fi
"$base/venv/bin/pip" install --no-cache-dir -r "$base/source/requirements.txt" -c "$base/source/constraints.txt"
