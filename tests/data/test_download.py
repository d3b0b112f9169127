"""Downloads from a server of the test's own; nothing leaves the machine."""

import errno
import hashlib
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from data import heart_disease_files
from data.dataset_settings import CENTRES
from data.download import Fingerprint, download
from data.errors import DataError
from data.heart_disease_files import centre_file, fetch, is_present

BODY = bytes(range(256)) * 1200
WHOLE = Fingerprint(hashlib.sha256(BODY).hexdigest(), hashlib.md5(BODY).hexdigest(), len(BODY))


class Handler(BaseHTTPRequestHandler):
    stalled = threading.Event()

    def do_GET(self) -> None:
        name = self.path.rsplit("/", 1)[-1]
        if name == "missing":
            self.send_error(404)
            return
        if name == "stall":
            self.stalled.wait(10)
            return
        body = self.server.files.get(name, BODY)  # type: ignore[attr-defined]
        self.send_response(200)
        if name == "endless":
            self.end_headers()
            while True:
                try:
                    self.wfile.write(BODY)
                except OSError:
                    return
        if name != "unannounced":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if name == "truncated" else body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch) -> Iterator[ThreadingHTTPServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    Handler.stalled.clear()
    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.files = {}  # type: ignore[attr-defined]
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield running
    Handler.stalled.set()
    running.shutdown()
    running.server_close()
    thread.join()


@pytest.fixture
def url(server) -> str:
    return f"http://127.0.0.1:{server.server_port}/"


@pytest.mark.parametrize("name", ["whole", "unannounced"])
def test_a_whole_file_arrives_with_progress(url, tmp_path, name):
    seen: list[tuple[int, int | None]] = []
    target = tmp_path / "new" / "folder" / "file.bin"
    assert download(url + name, target, WHOLE, lambda *step: seen.append(step)) == target
    assert target.read_bytes() == BODY
    assert os.listdir(target.parent) == ["file.bin"]
    assert seen[0] == (0, len(BODY))
    assert seen[-1] == (len(BODY), len(BODY))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert len(seen) > 3


def test_without_a_fingerprint_and_an_announcement_the_total_is_unknown(url, tmp_path):
    seen: list[tuple[int, int | None]] = []
    download(url + "unannounced", tmp_path / "f", Fingerprint(), lambda *step: seen.append(step))
    assert {total for _, total in seen} == {None}


@pytest.mark.parametrize(
    ("name", "fingerprint", "message"),
    [
        ("missing", WHOLE, r"the server answered 404 .* for http://.*/missing; try again later, or fetch .* by hand"),
        ("truncated", WHOLE, r"broke off before the end of its 307,200 bytes; nothing was kept"),
        (
            "file",
            Fingerprint(sha256="0" * 64),
            r"has SHA-256 [0-9a-f]{16}\.\.\., the published file 0{16}\.\.\.: its c",
        ),
        ("file", Fingerprint(md5="0" * 32), r"has MD5 [0-9a-f]{16}\.\.\., the published file 0{16}"),
        (
            "unannounced",
            Fingerprint(size=len(BODY) + 1),
            r"is cut short: 307,200 bytes, the published file has 307,201; nothing was kept",
        ),
        ("file", Fingerprint(size=len(BODY) - 1), r"longer than the published 307,199 bytes"),
        ("endless", Fingerprint(size=len(BODY)), r"longer than the published 307,200 bytes"),
        ("stall", WHOLE, r"127\.0\.0\.1 did not answer within 0\.3 seconds"),
    ],
)
def test_failures_say_what_happened_and_keep_what_was_there(url, tmp_path, name, fingerprint, message):
    target = tmp_path / "file.bin"
    for before in (None, b"an older file"):
        if before is not None:
            target.write_bytes(before)
        with pytest.raises(DataError, match=message) as caught:
            download(url + name, target, fingerprint, timeout=0.3)
        assert caught.value.exit_code == 3
        assert "\n" not in str(caught.value)
        assert os.listdir(tmp_path) == ([] if before is None else ["file.bin"])
        assert before is None or target.read_bytes() == before


def test_no_server_is_told_from_a_wrong_address(url, tmp_path, server):
    server.shutdown()
    server.server_close()
    with pytest.raises(DataError, match=r"cannot reach 127\.0\.0\.1 \(no network, or the server is down\)"):
        download(url + "file", tmp_path / "file", WHOLE)
    with pytest.raises(DataError, match=r"cannot download nonsense \(MissingSchema\)"):
        download("nonsense", tmp_path / "file", WHOLE)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit, MemoryError])
def test_an_interruption_leaves_nothing_behind(url, tmp_path, interruption):
    def interrupt(done: int, total: int | None) -> None:
        if done > 100_000:
            # The final name never holds a part of the file.
            assert not (tmp_path / "file").exists()
            raise interruption

    with pytest.raises(interruption):
        download(url + "file", tmp_path / "file", WHOLE, interrupt)
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_written(url, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match=r"cannot write .*; free some space or choose another folder"):
        download(url + "file", tmp_path / "file" / "below", WHOLE)


def test_a_full_disk(url, tmp_path, monkeypatch):
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("data.download.os.fsync", full)
    with pytest.raises(DataError, match=r"cannot write .*: No space left on device; free some space"):
        download(url + "file", tmp_path / "file", WHOLE)
    assert os.listdir(tmp_path) == []


def test_fingerprint_of_bytes_and_of_a_file_agree(tmp_path):
    path = tmp_path / "f"
    for content in (BODY, BODY[:-1], BODY[:-1] + b"x", BODY + b"x", b""):
        path.write_bytes(content)
        assert WHOLE.problem(content) == WHOLE.problem(path)
        assert (WHOLE.problem(content) is None) == (content == BODY)
    assert "cut short: 0 bytes, the published file has 307,200" in str(WHOLE.problem(b""))
    assert "too long" in str(WHOLE.problem(BODY + b"x"))


@pytest.fixture
def fake_centres(server, monkeypatch) -> dict[str, bytes]:
    """Four made-up files on the server, under fingerprints of their own."""
    files = {centre: f"{centre}\n".encode() * 500 for centre in CENTRES}
    server.files = {centre_file(centre): content for centre, content in files.items()}
    prints = {
        centre: Fingerprint(hashlib.sha256(content).hexdigest(), size=len(content)) for centre, content in files.items()
    }
    monkeypatch.setattr(heart_disease_files, "FINGERPRINTS", prints)
    return files


def test_fetch_gets_four_files_with_progress_over_all(url, tmp_path, fake_centres):
    seen: list[tuple[int, int | None]] = []
    assert not is_present(tmp_path)
    folder = fetch(tmp_path, lambda *step: seen.append(step), base_url=url)
    assert folder == tmp_path / "heart_disease"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        centre_file(centre): content for centre, content in fake_centres.items()
    }
    total = sum(map(len, fake_centres.values()))
    assert {step[1] for step in seen} == {total}
    assert seen[-1][0] == total
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert is_present(tmp_path)


def test_fetch_again_only_replaces_what_is_damaged(url, tmp_path, fake_centres, server):
    folder = fetch(tmp_path, base_url=url)
    damaged: Path = folder / centre_file("va")
    damaged.write_bytes(b"damaged")
    server.files = {damaged.name: fake_centres["va"]}
    whole = folder / centre_file("cleveland")
    before = whole.stat().st_mtime_ns
    fetch(tmp_path, base_url=url)
    assert damaged.read_bytes() == fake_centres["va"]
    assert whole.stat().st_mtime_ns == before


def test_a_failed_fetch_keeps_the_files_that_arrived(url, tmp_path, fake_centres, server):
    server.files[centre_file("switzerland")] = b"another file"
    with pytest.raises(DataError, match=r"processed\.switzerland\.data is cut short: 12 bytes"):
        fetch(tmp_path, base_url=url)
    kept = sorted(path.name for path in (tmp_path / "heart_disease").iterdir())
    assert kept == [centre_file("cleveland"), centre_file("hungarian")]
