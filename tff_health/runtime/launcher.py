"""Runs a program that the kernel kills together with its parent; a script of its own, started by `worker.py`.

Usage: `python -I -S launcher.py PARENT_PID PROGRAM [ARGUMENT...]`. It imports nothing of the project, so it
starts in milliseconds, and it becomes the program (`exec`), so the process id stays the same.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h
PARENT_GONE = 125  # exit status: the parent had died before the request took effect


def main(arguments: list[str]) -> None:
    """Asks the kernel for SIGKILL at the parent's death, then becomes the program.

    Args:
        arguments: the parent's process id, the program's path and the program's own arguments.
    """
    parent, program = int(arguments[0]), arguments[1:]
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    # The parent may have died between fork and prctl; then nobody would ever send the signal.
    if os.getppid() != parent:
        os._exit(PARENT_GONE)
    os.execv(program[0], program)


if __name__ == "__main__":
    main(sys.argv[1:])
