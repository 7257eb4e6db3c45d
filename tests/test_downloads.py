"""MedMNIST's files come through TFDS's download manager and are checked; without a network it says what to do."""

import hashlib
import http.server
import threading
from pathlib import Path

import made_trees as made
import pytest

from jaxpix.config import PrepareConfig
from jaxpix.data import medmnist_files
from jaxpix.data.downloads import download
from jaxpix.data.preparation import prepare_dataset
from jaxpix.errors import InputError


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
    assert len(requests) == 2  # one to see whether it is there, one to fetch it
    assert [entry.name for entry in (tmp_path / "downloads").iterdir()] == ["a.npz"]


def test_a_wrong_file_is_not_kept(server, tmp_path):
    address, folder, _ = server
    made.medmnist(folder / "a.npz")
    with pytest.raises(InputError, match=r"a\.npz: expected the MD5 sum 0000, got [0-9a-f]{32}"):
        download(f"{address}/a.npz", "a.npz", "0000", tmp_path / "downloads")
    assert not list((tmp_path / "downloads").iterdir())


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
