"""The records of an attack together: a list that a notebook shows as a table with pictures."""

from __future__ import annotations

import functools
import html
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, SupportsIndex, overload

from ..errors import InputError
from ..records.files import each_record, read_reasons
from ..records.record import Record, to_table
from .viewers import HEADER, Pictures, SavedPictures, row_of

if TYPE_CHECKING:
    import pandas

    from ..records.attacked import PassedOver

_MOST_ROWS = 20


class Records(list[Record]):
    """A list of records that knows which images were passed over, and shows itself.

    Args:
        records: of one attack or of several.
        passed_over: images that were looked at and not attacked; or what reads them, on first use.
        viewer: shows the records' pictures.
    """

    def __init__(
        self,
        records: Iterable[Record] = (),
        passed_over: Iterable[PassedOver] | Callable[[], Iterable[PassedOver]] = (),
        viewer: Pictures | None = None,
    ):
        super().__init__(records)
        self._passed_over = passed_over
        self._viewer = viewer
        if viewer is not None:
            for record in self:
                record.seen_by(viewer)

    @property
    def passed_over(self) -> list[PassedOver]:
        """Images that were not attacked: name, reason, and the label that the victim said."""
        if callable(self._passed_over):
            self._passed_over = self._passed_over()
        self._passed_over = list(self._passed_over)
        return self._passed_over

    @overload
    def __getitem__(self, index: SupportsIndex) -> Record: ...

    @overload
    def __getitem__(self, index: slice) -> Records: ...

    def __getitem__(self, index: SupportsIndex | slice) -> Record | Records:
        if isinstance(index, slice):
            return Records(super().__getitem__(index), self._passed_over, self._viewer)
        return super().__getitem__(index)

    def __repr__(self) -> str:
        return f"<Records: {self._summary()}>"

    def _summary(self) -> str:
        successes = sum(record.success for record in self)
        passed_over = f"; {len(self.passed_over):,} images passed over" if self.passed_over else ""
        return f"{len(self):,} experiments, {successes:,} successes{passed_over}"

    def to_pandas(self) -> pandas.DataFrame:
        """One row an experiment, with the columns of `records.parquet`.

        Raises:
            InputError: pandas is not installed.
        """
        try:
            import pandas  # noqa: F401
        except ImportError:
            raise InputError(
                "to_pandas needs pandas, which is not installed: pip install pandas "
                "(dataclasses.asdict(record) gives a record as a dictionary without it)"
            ) from None
        return to_table(self).to_pandas()

    def _repr_html_(self) -> str:
        synthetic = " Synthetic images, drawn by jaxpix." if any(record.synthetic for record in self) else ""
        parts = [f"<p>{self._summary()}.{synthetic}</p>"]
        if self:
            parts.append(_table(HEADER, [row_of(record, self._viewer) for record in list(self)[:_MOST_ROWS]]))
            parts += _rest(len(self))
        if self.passed_over:
            rows = [
                [html.escape(one.image_id), html.escape(one.reason), html.escape(", ".join(one.label_said))]
                for one in self.passed_over[:_MOST_ROWS]
            ]
            table = _table(("image", "passed over, since it is", "the victim says"), rows)
            more = "".join(_rest(len(self.passed_over)))
            parts.append(f"<details><summary>passed over</summary>{table}{more}</details>")
        return "<div>" + "".join(parts) + "</div>"


def _rest(count: int) -> list[str]:
    """What is said below a table that does not show everything."""
    return [f"<p>… and {count - _MOST_ROWS:,} more</p>"] if count > _MOST_ROWS else []


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of cells that are HTML already."""
    head = "".join(f"<th style='text-align:left'>{cell}</th>" for cell in header)
    body = "".join(
        "<tr>" + "".join(f"<td style='text-align:left'>{cell}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def read_records(folder: Path | str) -> Records:
    """All records of a run folder, finished or not, of all its processes; each experiment once.

    Successes find their pictures in the folder. `passed_over` is read on first use.

    Raises:
        InputError: a file is damaged. A torn last line of a journal is what a kill leaves and is passed over.
    """
    path = Path(folder)
    return Records(each_record(path), functools.partial(read_reasons, path), SavedPictures(path))
