"""Hostile label tables and lists, in trees that are otherwise in order."""

import gzip
from functools import partial
from pathlib import Path

from hypothesis import strategies as st

from jaxpix.config import PrepareConfig
from jaxpix.data.registry import lookup
from jaxpix.errors import InputError
from jaxpix.prepare.formats import covidx, folder, ham10000, nih
from jaxpix.prepare.listing import Listing
from jaxpix.prepare.sources.trees import Source
from jaxpix.prepare.splits import assign
from support import made_trees as made
from support.hostile import Property, mutated


class Held(Source):
    """Files in memory."""

    def __init__(self, files: dict[str, bytes]):
        self._files = files
        super().__init__(Path("held"), iter(files))

    def size(self, member: str) -> int:
        """Bytes of a file."""
        return len(self._files[member])

    def _read(self, member: str) -> bytes:
        return self._files[member]


_TREES = {
    "derma": (made.derma(), "HAM10000_metadata.csv", ham10000.read, "lesion"),
    "covid": (made.covid(), "train_COVIDx9A.txt", covidx.read, "official"),
    "chest": (made.chest(), "Data_Entry_2017.csv", nih.read, "official"),
    "folder": (made.labelled_images(), "labels.csv", folder.read, "random"),
}
_CELLS = (
    *("nv", "mel", "ISIC_0024001", "HAM_1", "COVID-19", "No Finding", "Hernia|Mass", "scan 1.png", "scan 2"),
    *("", " ", '"', "\0", "=1+1", "a|b|", "../x", "é", "\u2028", "normal", "a" * 40_000, "images/scan 3.png"),
)
_HEADERS = {
    "derma": "lesion_id,image_id,dx",
    "covid": "1 a.png normal rsna",
    "chest": "Image Index,Finding Labels,Patient ID",
    "folder": "image,labels",
}
_lines = st.lists(st.lists(st.one_of(st.sampled_from(_CELLS), st.text(max_size=6)), max_size=4), max_size=6)
_encodings = st.sampled_from(["utf-8", "utf-8-sig", "latin-1", "utf-16"])


def _written(name: str, lines: list[list[str]], separator: str, end: str, encoding: str) -> bytes:
    header = _HEADERS[name].replace(",", separator)
    text = end.join([header, *(separator.join(cells) for cells in lines)])
    return text.encode(encoding, "replace")


def _tables_of(name: str) -> st.SearchStrategy[bytes]:
    files, table = _TREES[name][:2]
    built = st.builds(
        _written,
        st.just(name),
        _lines,
        st.sampled_from([",", "\t", " ", ";"]),
        st.sampled_from(["\n", "\r\n", "\r"]),
        _encodings,
    )
    plain = st.one_of(mutated(st.just(files[table])), built, mutated(built), st.binary(max_size=60))
    return st.one_of(plain, mutated(plain.map(lambda text: gzip.compress(text, 1)), 2))


def table_holds(name: str, content: bytes) -> None:
    """A table is refused, or every image that is listed is there, under a name of its own, with a label."""
    files, table, read, scheme = _TREES[name]
    source = Held(files | {table: content})
    config = PrepareConfig(split=scheme, allow_missing=True)
    try:
        found = read(source, lookup(name), config)
    except InputError:
        return
    _check(found, source)
    parts = assign(found.items, scheme, 0)
    assert sum(map(len, parts.values())) <= len(found.items)


def _check(found: Listing, source: Source) -> None:
    names = [item.image_id for item in found.items]
    assert len(set(names)) == len(names)
    assert not any("/" in name for name in names)
    assert {item.member for item in found.items} <= set(source.images)
    for item in found.items:
        labels = item.label if isinstance(item.label, tuple) else (item.label,)
        assert all(0 <= label < len(found.info.class_names) for label in labels)


PROPERTIES = tuple(
    Property(f"tables of {name}", _tables_of(name), partial(table_holds, name)) for name in _TREES
)
