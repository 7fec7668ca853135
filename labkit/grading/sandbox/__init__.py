"""Where student code is shut in: levels, and what each is worth.

    level     chooses a level by running real attacks in it
    bwrap     the command line of bubblewrap; judge and notebook say what is seen inside, in either step
    inner     a world within a sandbox, for each notebook of the nbval step
    seccomp   the filter of system calls
"""
