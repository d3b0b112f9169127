"""Keeps a hospital's worker where only its door can reach it; a script of its own, started by `hospital_process.py`.

Usage: `python -I -S confined_launcher.py SETTINGS`, with SETTINGS a JSON object:

* `parent`: process id at whose death the kernel ends everything, or null;
* `listen`: [IP address, port] of the door;
* `door`: nginx's command; `worker`: TFF's worker's command; `folder`: in which the worker runs;
* `writable`: the one folder below it that the worker may write to;
* `covered`: folders whose content the worker must not see, but for `folder`.

The order does it: the door's socket is opened in the machine's network, then this process moves to a new network
namespace, which holds nothing but a loopback interface, and starts both programs there. The door inherits the socket.
So the worker, which listens on every interface it finds, can be reached by the door alone, and reaches nothing. A new
process namespace makes the kernel end both programs, with all that they started, when this one ends in any way.

The worker runs whatever it is sent, so it sees little: a mount namespace of its own in which everything but one folder
is read-only, keys and other files of the hospital are covered, and only its own processes are listed. Started by root,
it runs as the owner of its folder.

A worker that ends is started again; when the door ends, everything does. Prints `ready` once both run.
"""

import ctypes
import fcntl
import json
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import time

PR_SET_PDEATHSIG = 1  # linux/prctl.h
PR_SET_NO_NEW_PRIVS = 38
CLONE_NEWNS = 0x00020000  # linux/sched.h
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 4096, 16384, 1 << 18  # linux/mount.h
SYS_MOUNT_SETATTR = 442  # since Linux 5.12, the same number everywhere
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
MOUNT_ATTR_RDONLY = 1
SIOCSIFFLAGS = 0x8914  # linux/sockios.h
IFF_UP = 1
BACKLOG = 128
SECONDS_BETWEEN_STARTS = 0.5
SECONDS_BETWEEN_LOOKS = 0.1
CANNOT_CONFINE = 3  # exit status
CANNOT_LISTEN = 4
CANNOT_HIDE = 5  # of the worker

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
        return subprocess.Popen(
            settings["worker"],
            cwd="/",
            stdin=subprocess.DEVNULL,
            preexec_fn=lambda: shut_in(settings["folder"], settings["writable"], settings["covered"]),
        )

    worker = start_worker()
    environment = {**os.environ, "NGINX": f"{descriptor};"}  # how nginx is told of a socket that it need not open
    door = subprocess.Popen(settings["door"], env=environment, pass_fds=[descriptor], stdin=subprocess.DEVNULL)
    time.sleep(SECONDS_BETWEEN_LOOKS)
    if worker.poll() != CANNOT_HIDE:
        print("ready", flush=True)
    while door.poll() is None:
        if worker.poll() == CANNOT_HIDE:
            return CANNOT_HIDE
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
    checked(libc.unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWPID))
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def shut_in(folder: str, writable: str, covered: list) -> None:
    """Takes from this process, which will be the worker, all that it does not need; ends it where that fails."""
    try:
        owner = os.stat(folder)
        view_of(folder, writable, covered)
        os.chdir(folder)
        if os.getuid() == 0 and owner.st_uid != 0:
            os.setgroups([])
            os.setgid(owner.st_gid)
            os.setuid(owner.st_uid)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold secrets
        checked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    except OSError as error:
        print(f"the worker's view of files cannot be narrowed: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(CANNOT_HIDE)


def view_of(folder: str, writable: str, covered: list) -> None:
    """Gives this process a view of files of its own."""
    checked(libc.unshare(CLONE_NEWNS))
    checked(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    own = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    for place in covered:
        checked(libc.mount(b"tmpfs", place.encode(), b"tmpfs", MS_NOSUID | MS_NODEV, b"size=64k,mode=755"))
        if not os.path.isdir(folder):  # it was below: it is put back
            os.makedirs(folder)
            checked(libc.mount(f"/proc/self/fd/{own}".encode(), folder.encode(), None, MS_BIND | MS_REC, None))
    os.close(own)
    checked(libc.mount(b"proc", b"/proc", b"proc", MS_NOSUID | MS_NODEV, None))
    checked(libc.mount(writable.encode(), writable.encode(), None, MS_BIND, None))
    set_attributes(b"/", AT_RECURSIVE, MOUNT_ATTR_RDONLY, 0)
    set_attributes(writable.encode(), 0, 0, MOUNT_ATTR_RDONLY)


def set_attributes(path: bytes, flags: int, attributes: int, cleared: int) -> None:
    """mount_setattr(2), which the C library does not have."""
    words = struct.pack("QQQQ", attributes, cleared, 0, 0)
    checked(libc.syscall(SYS_MOUNT_SETATTR, AT_FDCWD, path, flags, words, ctypes.c_size_t(len(words))))


def checked(result: int) -> None:
    """Raises what a function of the C library has noted, where its result says that it failed."""
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def bring_loopback_up() -> None:
    """A new network namespace has a loopback interface, but switched off."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        fcntl.ioctl(probe, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP))


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
