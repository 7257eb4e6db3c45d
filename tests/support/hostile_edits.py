"""Changes to sound folders, such as damage or malice leaves them, as values that hypothesis can draw."""

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

_STRUCTURED = (".json", ".jsonl", ".parquet", ".toml")
_DEEP = "\x00deep"


class Edit(NamedTuple):
    """One change: which file and which place in it, as a part 0..1 of all, and what is done there."""

    file: float
    place: float
    kind: str
    value: Any


_values = st.sampled_from(
    [
        *(None, True, False, 0, -1, 1, 2, 7, 1.5, 300, 2**31, 2**63, 10**30, 10**400, -(10**400)),
        *(float("nan"), float("inf"), -float("inf"), 1e308, 1e-320),
        *("", " ", "nonsense", "<img src=x onerror=alert(1)>", "</script><b>", "{{ 7 * 7 }}", "=1+1", "1"),
        *("../../../etc/passwd", "a\0b", "\ud800", "\u202e\x1b[31m", "x" * 5000, "NaN", "2026-01-01"),
        *([], {}, [None], [0], ["a", "a"], [[]], {"a": {"b": [1, "2"]}}, [1, 2, 3], [0.5, "a"], _DEEP),
    ]
)
# Drawn as whole numbers: floats are drawn near 0 and 1 too often to reach every file.
_parts = st.integers(0, 10_000).map(lambda number: number / 10_000)
edits = st.lists(
    st.builds(
        Edit,
        _parts,
        _parts,
        st.sampled_from(
            [
                *["replace"] * 8,
                *["remove", "repeat", "rename"] * 2,
                "bytes",
                "gone",
                "folder",
                "link",
            ]
        ),
        st.tuples(_values, st.lists(st.tuples(_parts, st.binary(min_size=1, max_size=8)), max_size=4)),
    ),
    min_size=1,
    max_size=2,
)


def files_of(folder: Path) -> list[Path]:
    """All files; those that say something in words or numbers three times, so that they are changed more often."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return files + 2 * [path for path in files if path.suffix in _STRUCTURED]


def apply(folder: Path, changes: list[Edit], outside: Path) -> None:
    """Change files of `folder`; a link leads to the file `outside`."""
    for change in changes:
        files = files_of(folder)
        path = files[round(change.file * (len(files) - 1))] if files else None
        # What an earlier change has damaged stays as it is.
        if path and not path.is_symlink():
            with contextlib.suppress(ValueError, RecursionError, pa.ArrowException):
                _change(path, change, outside)


def _change(path: Path, change: Edit, outside: Path) -> None:
    value, pieces = change.value
    if change.kind in ("gone", "folder", "link"):
        path.unlink()
        if change.kind == "folder":
            path.mkdir()
        elif change.kind == "link":
            path.symlink_to(outside)
    elif change.kind == "bytes" or path.suffix not in _STRUCTURED:
        content = path.read_bytes()
        for place, piece in pieces:
            at = round(place * len(content))
            content = content[:at] + piece + content[at + (0 if place > 0.5 else len(piece)) :]
        path.write_bytes(content if change.place < 0.9 else content[: len(content) // 2])
    elif path.suffix == ".json":
        path.write_text(_written(_changed(json.loads(path.read_text()), change, value)))
    elif path.suffix == ".jsonl":
        lines = path.read_text().splitlines()
        at = round(pieces[0][0] * (len(lines) - 1)) if pieces else 0
        lines[at] = _written(_changed(json.loads(lines[at]), change, value))
        path.write_text("".join(f"{line}\n" for line in lines))
    elif path.suffix == ".toml":
        lines = path.read_text().splitlines()
        at = round(change.place * (len(lines) - 1))
        lines[at] = f"{lines[at].partition('=')[0]}= {json.dumps(value)}" if change.kind == "replace" else ""
        path.write_text("\n".join(lines), errors="replace")
    else:
        _change_table(path, change, value)


def _written(content: Any) -> str:
    return json.dumps(content).replace(json.dumps(_DEEP), "[" * 20_000 + "]" * 20_000)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) below a JSON value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(pairs):
        yield value, key
        yield from _places(inner)


def _changed(content: Any, change: Edit, value: Any) -> Any:
    places = list(_places(content))
    if not places:
        return value
    container, key = places[round(change.place * (len(places) - 1))]
    if change.kind == "remove":
        del container[key]
    elif change.kind == "repeat":
        container[key] = [container[key], container[key]]
    elif change.kind == "rename" and isinstance(container, dict):
        container[str(value)[:100]] = container.pop(key)
    else:
        container[key] = value
    return content


def _change_table(path: Path, change: Edit, value: Any) -> None:
    table = pq.read_table(path)
    at = round(change.place * (table.num_columns - 1))
    name = table.column_names[at]
    if change.kind == "remove":
        table = table.remove_column(at)
    elif change.kind == "repeat":
        table = pa.concat_tables([table, table])
    elif change.kind == "rename":
        names = [
            str(value)[:100].encode("utf-8", "replace").decode() if one == name else one
            for one in table.column_names
        ]
        table = table.rename_columns(names)
    else:
        rows = table.column(name).to_pylist()
        rows[round(change.file * (len(rows) - 1))] = value
        try:
            column = pa.array(rows if change.file < 0.7 else [value] * len(rows))
        except (pa.ArrowException, OverflowError, UnicodeEncodeError, TypeError):
            column = pa.nulls(len(rows))
        table = table.set_column(at, name, column)
    pq.write_table(table, path)


def copy(sound: Path, to: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(sound, to))
