"""Where student code is shut in: levels, and what each is worth.

level.py chooses one by running real attacks (attacks.py) in it; bwrap.py is the command line of
bubblewrap, seccomp.py the filter of system calls.
"""
