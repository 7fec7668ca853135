"""Grade what students handed in: intake -> answers -> process -> judge -> journal -> exports.

Student code runs in two places, each with two ends: `process` and `child` for the judge, `nbval` and `nbval_inside` for
the nbval step. `warm` is what the grader's ends share; `sandbox` shuts the others in.
"""
