"""Everything that reads or writes a notebook: tidy, graft, solve, run, release."""
