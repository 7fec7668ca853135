"""Grade what students handed in: intake -> answers -> process -> judge -> journal -> exports.

`process` and `child` are the two ends of the one place where student code runs; `sandbox` shuts it in.
"""
