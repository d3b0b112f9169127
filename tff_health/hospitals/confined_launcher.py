"""Keeps a hospital's worker where only its door can reach it; a script of its own, started by `hospital_process.py`.

Usage: `python -I -S confined_launcher.py SETTINGS`, with SETTINGS a JSON object:

* `parent`: process id at whose death the kernel ends everything, or null;
* `listen`: [IP address, port] of the door;
* `door`: nginx's command; `worker`: TFF's worker's command; `folder`: in which the worker runs.

The order does it: the door's socket is opened in the machine's network, then this process moves to a new network
namespace, which holds nothing but a loopback interface, and starts both programs there. The door inherits the socket.
So the worker, which listens on every interface it finds, can be reached by the door alone, and reaches nothing. A new
process namespace makes the kernel end both programs, with all that they started, when this one ends in any way.

A worker that ends is started again; when the door ends, everything does. Prints `ready` once both run.
"""

import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time

PR_SET_PDEATHSIG = 1  # linux/prctl.h
CLONE_NEWUSER = 0x10000000  # linux/sched.h
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS = 0x8914  # linux/sockios.h
IFF_UP = 1
BACKLOG = 128
SECONDS_BETWEEN_STARTS = 0.5
SECONDS_BETWEEN_LOOKS = 0.1
CANNOT_CONFINE = 3  # exit status
CANNOT_LISTEN = 4

libc = ctypes.CDLL(None, use_errno=True)


def main(settings: dict) -> int:
    """Starts everything, and waits until the door ends or a signal comes."""
    if settings["parent"] is not None:
        end_with(settings["parent"])
    try:
        door_socket = listening(*settings["listen"])
    except OSError as error:
        print(f"{settings['listen'][0]}:{settings['listen'][1]}: {error.strerror}", file=sys.stderr)
        return CANNOT_LISTEN
    try:
        confine()
    except OSError as error:
        print(error.strerror, file=sys.stderr)
        return CANNOT_CONFINE
    own = os.getpid()
    child = os.fork()
    if child == 0:  # the first process of the new process namespace: the kernel ends all others with it
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        os._exit(serve(settings, door_socket.fileno()) if is_child_of(own) else 1)
    signal.signal(signal.SIGTERM, lambda number, frame: os.kill(child, signal.SIGKILL))
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 0


def serve(settings: dict, descriptor: int) -> int:
    """Runs door and worker until the door ends."""
    bring_loopback_up()

    def start_worker() -> subprocess.Popen:
        return subprocess.Popen(settings["worker"], cwd=settings["folder"], stdin=subprocess.DEVNULL)

    worker = start_worker()
    environment = {**os.environ, "NGINX": f"{descriptor};"}  # how nginx is told of a socket that it need not open
    door = subprocess.Popen(settings["door"], env=environment, pass_fds=[descriptor], stdin=subprocess.DEVNULL)
    print("ready", flush=True)
    while door.poll() is None:
        if worker.poll() is not None:
            print(f"the worker ended with status {worker.returncode}; another is started", file=sys.stderr, flush=True)
            time.sleep(SECONDS_BETWEEN_STARTS)
            worker = start_worker()
        time.sleep(SECONDS_BETWEEN_LOOKS)
    return 1


def is_child_of(parent: int) -> bool:
    """Whether the parent still lived when the kernel was asked; seen from another process namespace its id is 0."""
    return os.getppid() in (parent, 0) and os.path.exists(f"/proc/{parent}")


def end_with(parent: int) -> None:
    """Asks the kernel for SIGKILL at the parent's death."""
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        os._exit(1)


def listening(address: str, port: int) -> socket.socket:
    """A socket that accepts connections."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((address, port))
    made.listen(BACKLOG)
    return made


def confine() -> None:
    """Gives this process a network namespace of its own, and its children a process namespace."""
    user, group = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWNET | CLONE_NEWPID) == 0:
        return
    # Without privileges, a user namespace gives those that the other two need, and no others.
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWPID) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def bring_loopback_up() -> None:
    """A new network namespace has a loopback interface, but switched off."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        fcntl.ioctl(probe, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP))


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
