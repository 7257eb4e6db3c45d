"""MedMNIST's files are fetched and checked; without a network it says what to do."""

import hashlib
import http.server
import threading
from pathlib import Path

import pytest
from support import made_trees as made

from jaxpix.config import PrepareConfig
from jaxpix.data import medmnist_files
from jaxpix.errors import InputError
from jaxpix.prepare.preparation import prepare_dataset
from jaxpix.prepare.sources import downloads
from jaxpix.prepare.sources.downloads import download


@pytest.fixture
def server(tmp_path):
    """A real web server for one folder; gives its address, the folder and the requests it saw."""
    requests: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(tmp_path / "www"))

        def log_message(self, *arguments):
            requests.append(self.path)

    (tmp_path / "www").mkdir()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}", tmp_path / "www", requests
        served.shutdown()


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def test_a_file_is_fetched_once_and_kept_under_its_name(server, tmp_path):
    address, folder, requests = server
    published = made.medmnist(folder / "a.npz")
    for _ in range(2):
        path = download(f"{address}/a.npz", "a.npz", md5(published), tmp_path / "downloads")
    assert path.read_bytes() == published.read_bytes()
    assert requests == ["/a.npz"]
    assert [entry.name for entry in (tmp_path / "downloads").iterdir()] == ["a.npz"]


def test_a_wrong_file_is_not_kept(server, tmp_path):
    address, folder, _ = server
    made.medmnist(folder / "a.npz")
    with pytest.raises(InputError, match=r"a\.npz: expected the MD5 sum 0000, got [0-9a-f]{32}"):
        download(f"{address}/a.npz", "a.npz", "0000", tmp_path / "downloads")
    assert not list((tmp_path / "downloads").iterdir())


def test_a_copy_that_is_there_is_not_replaced(server, tmp_path):
    address, folder, requests = server
    made.medmnist(folder / "a.npz")
    (tmp_path / "a.npz").write_text("mine")
    with pytest.raises(InputError, match=r"a\.npz: expected the MD5 sum 0000, got .*delete it, or give"):
        download(f"{address}/a.npz", "a.npz", "0000", tmp_path)
    assert (tmp_path / "a.npz").read_text() == "mine"
    assert not requests


@pytest.fixture
def faltering():
    """A server whose first answer breaks off in the middle, and the second never ends."""
    body, answers, over = b"0123456789", [], threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            answers.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body if len(answers) > 2 else body[:5])
            self.wfile.flush()
            if len(answers) == 2:
                over.wait()

        def log_message(self, *arguments):
            """Says nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}/a", body, answers
        over.set()
        served.shutdown()


def test_a_connection_that_breaks_off_or_stalls_is_tried_again(faltering, tmp_path, monkeypatch):
    address, body, answers = faltering
    monkeypatch.setattr(downloads, "_PATIENCE", (1.0, 0.5))
    (tmp_path / "incomplete.a.killed").mkdir()
    path = download(address, "a", hashlib.md5(body).hexdigest(), tmp_path)
    assert path.read_bytes() == body
    assert len(answers) == 3
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_medmnist_is_prepared_from_the_net(server, tmp_path, monkeypatch):
    address, folder, _ = server
    published = made.medmnist(folder / "breastmnist.npz", "breastmnist")
    monkeypatch.setattr(medmnist_files, "_ADDRESS", f"{address}/{{file}}")
    config = PrepareConfig(data_dir=tmp_path / "data")
    with pytest.raises(InputError, match="expected the MD5 sum 750601b1f35ba3300ea97c75c52ff8f6"):
        prepare_dataset("breastmnist", config)
    member = medmnist_files.MEMBERS["breastmnist"]
    object.__setattr__(member, "md5", (md5(published), *(original := member.md5)[1:]))
    try:
        dataset = prepare_dataset("breastmnist", config)
    finally:
        object.__setattr__(member, "md5", original)
    assert dict(dataset.num_examples) == {"train": 12, "validation": 4, "test": 6}


def test_offline_says_what_to_get_and_where_to_put_it(server, tmp_path, monkeypatch):
    address, _, _ = server
    monkeypatch.setattr(downloads, "_MORE_TRIES", 0)
    monkeypatch.setattr(medmnist_files, "_ADDRESS", f"{address}/nothing/{{file}}")
    config = PrepareConfig(data_dir=tmp_path / "data", image_size=64)
    message = (
        r"breastmnist_64\.npz cannot be downloaded .*Get it from http.*"
        r"--source breastmnist_64\.npz, or put it at .*downloads"
    )
    with pytest.raises(InputError, match=message):
        prepare_dataset("breastmnist", config)
    monkeypatch.setattr(medmnist_files, "_ADDRESS", "http://127.0.0.1:1/{file}")
    with pytest.raises(InputError, match=message):
        prepare_dataset("breastmnist", config)
