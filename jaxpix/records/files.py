"""Records on disk: a journal while an attack runs and a table at its end.

journal.jsonl            one line per finished experiment, or per handful of images that were passed over
records.parquet          the finished experiments as a table
journal-2-of-4.jsonl, records-2-of-4.parquet   of process 2 of 4, in folders of versions whose processes shared a run
"""

import itertools
import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import InputError
from ..storage.files import write_atomically
from .attacked import SELECTION, UNKNOWN, PassedOver, Selection
from .check import check_record
from .record import SCHEMA, Record, from_json, from_table, to_json, to_table

TABLE = "records.parquet"

_PART = re.compile(r"(journal|records)(-\d+-of-\d+)?\.(jsonl|parquet)")
_PASSED_OVER, _BECAUSE = "passed_over", "because"
# Says that a table holds every experiment of its run, so that no other file need be read.
_IS_WHOLE = b"jaxpix_is_whole"
_ROWS = 4096

# What is raised by a row that is no record: no JSON, other keys, other types.
_NO_RECORD = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


class Journal:
    """A journal opened for appending. Each line is on the disk when the call that wrote it returns."""

    def __init__(self, path: Path):
        self.path = path
        self._stream = path.open("a", encoding="utf-8")

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def add(self, record: Record) -> None:
        """Keep a finished experiment."""
        self._append(to_json(record))

    def pass_over(self, images: Sequence[PassedOver]) -> None:
        """Keep that these images cannot be attacked, and why, so that nobody judges them again."""
        names = [one.image_id for one in images]
        self._append(json.dumps({_PASSED_OVER: names, _BECAUSE: [list(one) for one in images]}))

    def _append(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()
        os.fsync(self._stream.fileno())


def cut_torn_lines(folder: Path) -> None:
    """Cut what a kill left of a last line, in every journal of a run folder that nobody else is writing to."""
    for path in _journals(folder):
        with path.open("r+b") as stream:
            content = stream.read()
            # Shortened in place: a disk that is full has no room for a second journal.
            stream.truncate(content.rfind(b"\n") + 1)
            os.fsync(stream.fileno())


def write_table(path: Path, records: Sequence[Record]) -> None:
    """Write all experiments of a run as a table, atomically."""
    schema = SCHEMA.with_metadata({**(SCHEMA.metadata or {}), _IS_WHOLE: b"yes"})
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        for start in range(0, len(records), _ROWS):
            writer.write_table(
                to_table(records[start : start + _ROWS]).replace_schema_metadata(schema.metadata)
            )
    write_atomically(path, sink.getvalue().to_pybytes())


def each_record(folder: Path) -> Iterator[Record]:
    """All records of a run folder, finished or not; each experiment once.

    Raises:
        InputError: a file is damaged. A torn last line of a journal is what a kill leaves and is passed over.
    """
    table = folder / TABLE
    seen: set[str] = set()
    if table.exists() and _is_whole(table):
        files = [_table_records(table)]
    else:
        files = [_table_records(path) for path in _tables(folder)]
        files += [journal_records(path) for path in _journals(folder)]
    for record in itertools.chain.from_iterable(files):
        if record.image_id not in seen:
            seen.add(record.image_id)
            yield record


def has_results(folder: Path) -> bool:
    """Whether anything that an attack found is kept in a folder: a whole line of a journal, or a table."""
    return bool(_tables(folder)) or any(True for path in _journals(folder) for _ in _lines(path))


def read_passed_over(folder: Path) -> set[str]:
    """Ids of the chosen images that were judged and cannot be attacked.

    Raises:
        InputError: a journal is damaged.
    """
    return {image_id for names, _ in _each_passed_over(Path(folder)) for image_id in names}


def read_reasons(folder: Path) -> list[PassedOver]:
    """Every image that was judged and not attacked: while the images were chosen, and of those chosen.

    Raises:
        InputError: the selection or a journal is damaged.
    """
    folder = Path(folder)
    chosen = Selection.load(folder) if (folder / SELECTION).exists() else None
    found = {one.image_id: one for one in chosen.passed_over} if chosen else {}
    for names, because in _each_passed_over(folder):
        # A journal of an older version has names alone.
        found |= {name: PassedOver(name, UNKNOWN, []) for name in names if name not in found}
        found |= {one.image_id: one for one in because}
    return list(found.values())


def _each_passed_over(folder: Path) -> Iterator[tuple[list[str], list[PassedOver]]]:
    for path in _journals(folder):
        for number, line in _lines(path):
            if _is_passed_over(line):
                try:
                    content = json.loads(line)
                    because = [
                        PassedOver(str(name), str(reason), [str(one) for one in label])
                        for name, reason, label in content.get(_BECAUSE, ())
                    ]
                    yield [str(name) for name in content[_PASSED_OVER]], because
                except _NO_RECORD:
                    raise _damaged(path, number) from None


def _journals(folder: Path) -> list[Path]:
    return _files(folder, "journal", ".jsonl")


def _tables(folder: Path) -> list[Path]:
    return _files(folder, "records", ".parquet")


def _files(folder: Path, stem: str, suffix: str) -> list[Path]:
    """Its own file first, where a process was alone; then those of several."""
    found = (path for path in folder.glob(f"{stem}*{suffix}") if _PART.fullmatch(path.name))
    return sorted(found, key=lambda path: (len(path.name), path.name))


def _is_whole(path: Path) -> bool:
    return _IS_WHOLE in (_opened(path).schema_arrow.metadata or {})


def _opened(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise _damaged_table(path, error) from None


def _table_records(path: Path) -> Iterator[Record]:
    table = _opened(path)
    try:
        for batch in table.iter_batches(_ROWS):
            for record in from_table(pa.Table.from_batches([batch])):
                check_record(record)
                yield record
    except InputError:
        raise
    except (pa.ArrowException, OSError, *_NO_RECORD) as error:
        raise _damaged_table(path, error) from None


def _damaged_table(path: Path, error: Exception) -> InputError:
    journal = path.name.replace("records", "journal").replace(".parquet", ".jsonl")
    return InputError(
        f"{path} is damaged: {error}; the journals ({journal}) hold the same records: delete {path.name}, and "
        f"the command that wrote it writes it again"
    )


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Whole lines with their numbers from 1; what follows the last line break is torn."""
    try:
        with path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                if line.endswith(b"\n"):
                    yield number, line
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None


def _is_passed_over(line: bytes) -> bool:
    return line.startswith(b'{"' + _PASSED_OVER.encode())


def journal_records(path: Path) -> Iterator[Record]:
    """The experiments of one journal.

    Raises:
        InputError: a line is damaged.
    """
    for number, line in _lines(path):
        if _is_passed_over(line):
            continue
        try:
            record = from_json(line.decode("utf-8"))
            check_record(record)
        except InputError:
            raise
        except _NO_RECORD:
            raise _damaged(path, number) from None
        yield record


def _damaged(path: Path, number: int) -> InputError:
    return InputError(f"{path}: line {number} is damaged; delete that line, and its experiment is done again")
