"""A hospital's worker and its door, started, watched and ended together."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from data.errors import SettingsError
from tff_health.hospitals import confined_launcher
from tff_health.hospitals.hospital_folder import DOOR, WORK, key_files, read_hospital
from tff_health.hospitals.nginx import Door
from tff_health.runtime.spawning import SpawningThread
from tff_health.runtime.worker import WorkerError, worker_binary_path
from tff_health.secure_aggregation.secrets_file import USED_FOLDER

_READY = 30.0  # seconds; a start takes less than one
_LOOK = 0.02
_PASSED_ON = ("PATH", "LANG", "LC_", "TZ", "TF_")
_WORKER_PORT = 9000  # in a network namespace of its own no other program has it


class HospitalProcess:
    """The worker of one hospital, confined behind its door; ends with this process, whatever ends it.

    Args:
        folder: in which the worker runs, and in which it may write to `USED_FOLDER` alone.
        door_folder: of the door's configuration and logs.
        listen: IP address and port of the door; port 0: a free one.
        certificate, key: the hospital's, PEM files.
        client: the coordinator's certificate, a PEM file.
        covered: folders that the worker must not see, whatever it is sent, but for `folder` where that is below.
    """

    def __init__(
        self,
        folder: Path,
        door_folder: Path,
        listen: tuple[str, int],
        *,
        certificate: Path,
        key: Path,
        client: Path,
        covered: Sequence[Path] = (),
    ) -> None:
        self._folder = folder.resolve()
        self._covered = [str(path.resolve()) for path in covered]
        self._door_folder = door_folder.resolve()
        self._listen = listen
        self._files = certificate.resolve(), key.resolve(), client.resolve()
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the launcher, None where none runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def address(self) -> str:
        """HOST:PORT of the door."""
        host, port = self._listen
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def start(self) -> None:
        """Starts both and waits until the door is open.

        Raises:
            SettingsError: nginx is missing, the address cannot be used, or the worker cannot be confined here.
            WorkerError: something ended at its start.
        """
        if self._listen[1] == 0:
            self._listen = (self._listen[0], free_port(self._listen[0]))
        used = self._folder / USED_FOLDER
        used.mkdir(mode=0o700, parents=True, exist_ok=True)
        door = Door(self._door_folder, self.address, *self._files, _WORKER_PORT)
        command = door.command()
        door.write(as_root=os.geteuid() == 0)
        settings = {
            "parent": os.getpid(),
            "listen": self._listen,
            "folder": str(self._folder),
            "writable": str(used),
            "covered": self._covered,
            "worker": [str(worker_binary_path()), f"--port={_WORKER_PORT}"],
            "door": command,
        }
        self._log = log = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        # Whatever the worker is sent may read its environment: it gets what it needs.
        environment = {name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)}
        environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
        environment.setdefault("TF_NUM_INTRAOP_THREADS", "1")

        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                [sys.executable, "-I", "-S", confined_launcher.__file__, json.dumps(settings)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=environment,
            )

        self._process = SpawningThread.shared().popen(start)
        self._await_ready(self._process)

    def stop(self) -> None:
        """Ends both and waits for it. May be called again."""
        process, self._process = self._process, None
        if process is not None:
            if process.poll() is None:
                process.kill()  # the kernel ends everything in its process namespace
            process.wait()
        if self._log is not None:
            self._log.close()
            self._log = None

    def said(self) -> str:
        """What the processes have printed."""
        if self._log is None:
            return ""
        return os.pread(self._log.fileno(), 4000, 0).decode("utf-8", "replace").strip()

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _READY
        while time.monotonic() < deadline:
            if "ready" in self.said().splitlines():
                return
            status = process.poll()
            if status is not None:
                said = self.said()
                self.stop()
                raise _explained(status, said, self.address)
            time.sleep(_LOOK)
        said = self.said()
        self.stop()
        raise WorkerError(f"the hospital's worker at {self.address} was not ready within {_READY:.0f} seconds. {said}")


def _explained(status: int, said: str, address: str) -> Exception:
    if status == confined_launcher.CANNOT_LISTEN:
        return SettingsError(f"{address} cannot be listened on ({said}): choose another address or port.")
    if status == confined_launcher.CANNOT_CONFINE:
        return SettingsError(
            f"the worker cannot be confined on this machine ({said}): it runs any graph that is sent to it, so it "
            "needs a network namespace of its own. Run as root, or allow user namespaces "
            "(kernel.unprivileged_userns_clone)."
        )
    if status == confined_launcher.CANNOT_HIDE:
        return SettingsError(f"the worker cannot be confined on this machine ({said}): it needs Linux 5.12 or later.")
    return WorkerError(f"the hospital's worker ended at its start with status {status}. {said}")


def hospital_process(folder: Path) -> HospitalProcess:
    """The process of a hospital's folder, not started yet.

    Raises:
        SettingsError: the folder lacks its settings, or a roster.
    """
    settings = read_hospital(folder)
    sources = [folder / held.folder for held in settings.datasets.values()]
    elsewhere = [path for path in sources if path.is_dir() and not path.resolve().is_relative_to(folder.resolve())]
    return HospitalProcess(
        folder / WORK, folder / DOOR, settings.listens_on, **key_files(folder), covered=[folder, *elsewhere]
    )


def free_port(host: str) -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
