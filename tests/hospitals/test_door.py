"""A hospital's worker behind its door: who gets in, who does not, and what is left when something ends."""

from __future__ import annotations

import datetime
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff
from needs_door import needs_door

from data.errors import SettingsError
from tff_health.hospitals import connection
from tff_health.hospitals.connection import ClientIdentity, Connection
from tff_health.hospitals.context import HospitalsContext
from tff_health.hospitals.hospital_process import HospitalProcess
from tff_health.hospitals.identity import CERTIFICATE, TLS_KEY, make_identity
from tff_health.hospitals.nginx import ACCESS_LOG
from tff_health.runtime.context import WorkerContext, execution_context
from tff_health.runtime.worker import WorkerError

pytestmark = needs_door
ROOT = Path(__file__).parent.parent.parent


@dataclass
class Site:
    """A hospital with its door, and the identities of those who may and may not come in."""

    root: Path
    process: HospitalProcess

    def identity(self, whose: str) -> ClientIdentity:
        return ClientIdentity.read(self.root / whose)

    def certificate(self, whose: str) -> str:
        return (self.root / whose / CERTIFICATE).read_text("ascii")

    def connect(self, whose: str = "coordinator", expects: str = "hospital") -> Connection:
        return Connection("Nord", self.process.address, self.certificate(expects), self.identity(whose))

    @property
    def calls(self) -> list[str]:
        path = self.root / "door" / ACCESS_LOG
        return path.read_text("utf-8").splitlines() if path.exists() else []

    def refused_since(self, before: int) -> list[str]:
        """Calls of others than the coordinator, whose earlier connections may still be saying goodbye.

        nginx writes a call down after it has answered it.
        """
        deadline = time.monotonic() + 20
        while not (refused := [line for line in self.calls[before:] if " SUCCESS " not in line]):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return refused


def process_at(root: Path, port: int = 0) -> HospitalProcess:
    (root / "work").mkdir(exist_ok=True)
    return HospitalProcess(
        root / "work",
        root / "door",
        ("127.0.0.1", port),
        certificate=root / "hospital" / CERTIFICATE,
        key=root / "hospital" / TLS_KEY,
        client=root / "coordinator" / CERTIFICATE,
        covered=[root],
    )


def make_identities(root: Path) -> None:
    for whose in ("hospital", "coordinator", "stranger"):
        make_identity(root / whose, whose, masks=False)
    long_ago = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=90)
    make_identity(root / "expired", "coordinator", masks=False, days=30, start=long_ago)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("site")
    make_identities(root)
    (root / "work").mkdir()
    (root / "work" / "rows.txt").write_text("41")
    process = process_at(root)
    process.start()
    yield Site(root, process)
    process.stop()


@tff.tensorflow.computation(np.int32)
def one_more(number):
    return number + 1


def compute(own: Connection, number: int) -> int:
    context = WorkerContext(own)
    try:
        return int(context.invoke(one_more, number))
    finally:
        context.close()
        own.stop()


def descendants(pid: int) -> dict[int, str]:
    """Command lines of a process' children and their children, by process id as seen from here."""
    found = {}
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, path.read_text().split()):
            found[child] = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            found |= descendants(child)
    return found


def worker_pid(process: HospitalProcess) -> int:
    return next(pid for pid, words in descendants(process.pid).items() if words.split()[0].endswith("worker_binary"))


def test_the_coordinator_gets_in(site):
    assert compute(site.connect(), 41) == 42
    assert any(" SUCCESS " in line and "ExecutorGroup/Compute" in line for line in site.calls)


@pytest.mark.parametrize("whose", ["stranger", "hospital"])
def test_a_foreign_certificate_is_refused_and_logged(site, whose):
    before = len(site.calls)
    with pytest.raises(WorkerError, match=r"'Nord' at .* does not accept the coordinator's certificate"):
        compute(site.connect(whose), 1)
    new = site.refused_since(before)
    assert all("FAILED" in line and '" 400 ' in line for line in new), "refused at the door, and nothing computed"


def test_no_certificate_is_refused_and_logged(site):
    before = len(site.calls)
    credentials = grpc.ssl_channel_credentials(site.certificate("hospital").encode())
    options = [("grpc.ssl_target_name_override", connection.SERVER_NAME)]
    with grpc.secure_channel(site.process.address, credentials, options) as channel:
        assert "certificate" in connection._problem(channel, 5)
    new = site.refused_since(before)
    assert all(" NONE " in line and '" 400 ' in line for line in new)


def test_plain_connections_get_nowhere(site):
    with grpc.insecure_channel(site.process.address) as channel:
        assert connection._problem(channel, 5)


def test_another_server_is_not_talked_to(site):
    """Whoever sits at the hospital's address without its key."""
    with pytest.raises(WorkerError, match="'Nord'"):
        compute(site.connect(expects="stranger"), 1)


def test_an_expired_certificate_is_refused(tmp_path):
    make_identities(tmp_path)
    (tmp_path / "coordinator" / CERTIFICATE).write_bytes((tmp_path / "expired" / CERTIFICATE).read_bytes())
    process = process_at(tmp_path)
    process.start()
    try:
        own = Site(tmp_path, process)
        with pytest.raises(WorkerError, match="does not accept the coordinator's certificate"):
            compute(own.connect("expired"), 1)
        assert all("expired" in line for line in own.refused_since(0))
    finally:
        process.stop()


def test_the_worker_cannot_be_reached_around_the_door(site):
    """It listens on every interface that it sees; here it sees none of this machine's."""
    for address in ("127.0.0.1", socket.gethostbyname(socket.gethostname())):
        with pytest.raises(OSError, match=r"refused|unreachable|timed out"):
            socket.create_connection((address, 9000), timeout=2).close()
    own, theirs = (os.stat(f"/proc/{pid}/ns/net").st_ino for pid in (os.getpid(), worker_pid(site.process)))
    assert own != theirs


@tff.tensorflow.computation(tf.string)
def content(path):
    return tf.io.read_file(path)


@tff.tensorflow.computation(tf.string)
def written(path):
    with tf.control_dependencies([tf.io.write_file(path, "text")]):
        return tf.io.read_file(path)


def asked(own: Connection, comp: tff.Computation, path: str) -> bytes:
    context = WorkerContext(own)
    try:
        return bytes(context.invoke(comp, path))
    finally:
        context.close()
        own.stop()


def test_the_worker_reads_what_is_in_its_folder(site):
    assert asked(site.connect(), content, "rows.txt") == b"41"
    assert asked(site.connect(), content, str(site.root / "work" / "rows.txt")) == b"41"
    assert asked(site.connect(), written, "secrets/used/note") == b"text"


@pytest.mark.parametrize("path", ["hospital/tls.key", "door/nginx.conf", "coordinator/tls.key"])
def test_the_worker_sees_nothing_else_of_the_hospital(site, path):
    assert (site.root / path).exists()
    with pytest.raises(Exception, match="No such file"):
        asked(site.connect(), content, str(site.root / path))


@pytest.mark.parametrize("path", ["rows.txt", "secrets/pairs.bin", "/tmp/note", "../note"])
def test_the_worker_changes_nothing(site, path):
    with pytest.raises(Exception, match="Read-only file system"):
        asked(site.connect(), written, path)


def test_the_worker_sees_no_other_process(site):
    assert asked(site.connect(), content, "/proc/1/cmdline").split(b"\0")[1:3] == [b"-I", b"-S"]  # the launcher's
    with pytest.raises(Exception, match="No such file"):
        asked(site.connect(), content, f"/proc/{os.getpid()}/environ")


def test_a_killed_worker_is_started_again(site):
    assert compute(site.connect(), 1) == 2
    before = worker_pid(site.process)
    os.kill(before, signal.SIGKILL)
    assert compute(site.connect(), 2) == 3
    assert worker_pid(site.process) != before


def test_a_frozen_worker_is_noticed(site, monkeypatch):
    monkeypatch.setattr(connection, "_SILENCE", 2.0)
    own = site.connect()
    own.ensure_running()
    context = WorkerContext(own)
    pid = worker_pid(site.process)
    started = time.monotonic()
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises((WorkerError, grpc.RpcError)):
            context.invoke(one_more, 1)
    finally:
        os.kill(pid, signal.SIGCONT)
        context.close()
        own.stop()
    assert time.monotonic() - started < 60
    assert compute(site.connect(), 1) == 2


def test_a_round_survives_a_worker_that_was_frozen(site, monkeypatch):
    monkeypatch.setattr(connection, "_SILENCE", 2.0)
    own = site.connect()
    own.ensure_running()

    @tff.federated_computation(tff.FederatedType(np.int32, tff.CLIENTS))
    def total(values):
        return tff.federated_sum(tff.federated_map(one_more, values))

    pid = worker_pid(site.process)
    hospital = WorkerContext(own)
    with execution_context() as coordinator:
        context = HospitalsContext(coordinator, {"Nord": hospital})
        os.kill(pid, signal.SIGSTOP)
        waking = threading.Timer(4.0, os.kill, (pid, signal.SIGCONT))  # after the connection was given up
        waking.start()
        try:
            assert context.invoke(total, [41]) == 42
        finally:
            waking.join()
            context.close()
            hospital.close()
            own.stop()
    assert own.generation > 1


def test_an_address_in_use_is_named(site, tmp_path):
    make_identities(tmp_path)
    process = process_at(tmp_path, int(site.process.address.rpartition(":")[2]))
    with pytest.raises(SettingsError, match=f"{site.process.address} cannot be listened on"):
        process.start()


def all_five(launcher: int) -> set[int]:
    """Launcher, first process of the namespace, worker, nginx and nginx's worker, once they run."""
    deadline = time.monotonic() + 20
    while len(found := {launcher, *descendants(launcher)}) < 5:
        assert time.monotonic() < deadline, descendants(launcher)
        time.sleep(0.05)
    return found


@pytest.mark.parametrize("end", ["stop", "kill launcher", "kill parent"])
def test_nothing_is_left(tmp_path, end):
    make_identities(tmp_path)
    if end == "kill parent":
        script = f"""
            from pathlib import Path
            from test_door import process_at
            process = process_at(Path({str(tmp_path)!r}))
            process.start()
            print(process.pid, flush=True)
            input()
        """
        parent = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, Path(__file__).parents[:2]))},
        )
        launcher = int(parent.stdout.readline())
        left = {launcher, *descendants(launcher)}
        parent.kill()
        parent.wait()
    else:
        process = process_at(tmp_path)
        process.start()
        left = all_five(process.pid)
        if end == "stop":
            process.stop()
        else:
            os.kill(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(_runs(pid) for pid in left):
        time.sleep(0.05)
    assert not [pid for pid in left if _runs(pid)]
    if end == "kill launcher":
        process.stop()


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except FileNotFoundError:
        return False
