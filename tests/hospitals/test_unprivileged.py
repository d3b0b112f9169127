"""A hospital's worker whose user is nobody in particular: it is confined by a user namespace."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from needs_door import needs_door
from test_door import asked, compute, content, make_identities, written

from tff_health.hospitals import confined_launcher
from tff_health.hospitals.connection import ClientIdentity, Connection
from tff_health.hospitals.hospital_process import free_port
from tff_health.hospitals.identity import CERTIFICATE, TLS_KEY
from tff_health.hospitals.nginx import Door
from tff_health.runtime.worker import worker_binary_path

pytestmark = needs_door
NOBODY = 65534
PYTHON = "/usr/bin/python3"


@pytest.fixture(scope="module")
def own() -> Iterator[tuple[Path, Connection]]:
    """The hospital's folder and a connection to its worker, both processes started as nobody."""
    if os.getuid() != 0 or shutil.which("setpriv") is None or not Path(PYTHON).exists():
        pytest.skip("needs root, setpriv and a Python that everybody may run")
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        make_identities(root)
        (root / "work" / "secrets" / "used").mkdir(parents=True)
        (root / "work" / "rows.txt").write_text("41")
        port = free_port("127.0.0.1")
        files = root / "hospital" / CERTIFICATE, root / "hospital" / TLS_KEY, root / "coordinator" / CERTIFICATE
        door = Door(root / "door", f"127.0.0.1:{port}", *files, 9000)
        door.write(as_root=False)
        identity, certificate = ClientIdentity.read(root / "coordinator"), files[0].read_text("ascii")
        for path in [root, *root.rglob("*")]:
            os.chown(path, NOBODY, NOBODY)
        settings = {
            "parent": None,
            "listen": ["127.0.0.1", port],
            "folder": str(root / "work"),
            "writable": str(root / "work" / "secrets" / "used"),
            "covered": [str(root)],
            "worker": [str(worker_binary_path()), "--port=9000"],
            "door": door.command(),
        }
        words = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", PYTHON, "-I", "-S"]
        words += [confined_launcher.__file__, json.dumps(settings)]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert process.stdout is not None
        said = process.stdout.readline()
        if "ermission denied" in said:
            pytest.skip("nobody may not read this checkout")
        assert said == "ready\n"
        yield root, Connection("Nord", f"127.0.0.1:{port}", certificate, identity)
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        process.stdout.close()


def test_it_computes(own):
    assert compute(own[1], 41) == 42


def test_it_is_nobody_in_a_network_of_its_own(own):
    status = asked(own[1], content, "/proc/self/status").decode()
    assert f"Uid:\t{NOBODY}\t{NOBODY}" in status
    assert "NoNewPrivs:\t1" in status
    assert "CapEff:\t0000000000000000" in status
    routes = asked(own[1], content, "/proc/net/dev").decode().splitlines()
    assert [line.split(":")[0].strip() for line in routes[2:]] == ["lo"]


def test_it_sees_its_folder_alone_and_changes_nothing(own):
    root, connection = own
    assert asked(connection, content, "rows.txt") == b"41"
    assert asked(connection, written, "secrets/used/note") == b"text"
    with pytest.raises(Exception, match="No such file"):
        asked(connection, content, str(root / "hospital" / TLS_KEY))
    with pytest.raises(Exception, match="Read-only file system"):
        asked(connection, written, "rows.txt")
