"""Cells: experiments of one aim and one number of pixels, what was measured in them, and the rows they make."""

import dataclasses
import statistics
from collections.abc import Iterator, Mapping, Sequence

from ...labels import aim_text, label_text
from ...metrics.queries import mean_queries_to_first_hit, median_queries_to_first_hit
from ...metrics.rates import Rate, average_confidence, grouped, null_control_failures, success_rate, wilson
from ...metrics.transformations import Label, dangerous_rate, is_normal, knows_normal
from ...records.record import Record
from ..paper.printed import PrintedRate
from ..table import DASH, MOST_ROWS, others


@dataclasses.dataclass(frozen=True)
class Aim:
    """Images of one label, and the label that the attack should give them; None is any other."""

    before: Label
    target: Label | None

    @property
    def goal(self) -> str:
        """`untargeted`, or `to` the target."""
        return aim_text(self.target)


@dataclasses.dataclass(frozen=True)
class Cell:
    """Experiments of one aim, or of several together, and one number of pixels.

    Attributes:
        records: one per experiment.
        asked: how many were wanted; None: all there are.
        printed: what the paper printed of this aim; of several together it printed nothing.
    """

    records: list[Record]
    asked: int | None
    printed: PrintedRate | None = None

    @property
    def success(self) -> Rate:
        """Success rate (5)."""
        return success_rate(self.records)

    @property
    def average_confidence(self) -> float | None:
        """AvgCL (8), 0..1; None for label sets and without any success."""
        return average_confidence(self.records)

    @property
    def confidence_text(self) -> str:
        """AvgCL, and over how many successes."""
        value = self.average_confidence
        return DASH if value is None else f"{value:.3f}, n = {self.success.successes:,}"

    @property
    def mean_to_hit(self) -> float | None:
        """Mean queries up to the first hit, over the successes."""
        return mean_queries_to_first_hit(self.records)

    @property
    def median_to_hit(self) -> float | None:
        """Median queries up to the first hit, over the successes."""
        return median_queries_to_first_hit(self.records)

    @property
    def mean_queries(self) -> float | None:
        """Mean queries of an experiment, failures too."""
        return statistics.fmean(one.queries for one in self.records) if self.records else None

    @property
    def mean_seconds(self) -> float | None:
        """Mean wall time of an experiment, beside others."""
        return statistics.fmean(one.seconds for one in self.records) if self.records else None

    @property
    def null_control(self) -> Rate:
        """Untouched images that change their label merely by being saved and read back."""
        return wilson(null_control_failures(self.records), len(self.records))

    @property
    def refuted_hits(self) -> int:
        """Candidates that were hits to the search, and not once they were saved."""
        return sum(record.refuted_hits for record in self.records)

    @property
    def refuted(self) -> Rate:
        """Experiments with refuted hits."""
        return wilson(sum(record.refuted_hits > 0 for record in self.records), len(self.records))


@dataclasses.dataclass(frozen=True)
class Row:
    """Aims that a table shows in one row: one, or several of one target together; their cells by K."""

    name: str
    aims: tuple[Aim, ...]
    cells: Mapping[int, Cell]


@dataclasses.dataclass(frozen=True)
class Cells:
    """Cells by aim, then by K; aims in the order of the classes, untargeted first."""

    cells: Mapping[Aim, Mapping[int, Cell]]

    @property
    def num_pixels(self) -> list[int]:
        """Every K, ascending."""
        return sorted({count for cells in self.cells.values() for count in cells})

    @property
    def first(self) -> Record:
        """Some record: classes, task, fitness and preset are the same in all."""
        return next(cell.records[0] for row in self.cells.values() for cell in row.values() if cell.records)

    @property
    def is_multilabel(self) -> bool:
        """Labels are sets."""
        return self.first.task == "multilabel"

    @property
    def knows_normal(self) -> bool:
        """Somebody said which classes are no disease."""
        return knows_normal([self.first])

    def is_normal(self, label: Label) -> bool | None:
        """Whether a label is no disease; None where nobody said which classes are."""
        return is_normal(label, self.first) if self.knows_normal else None

    def cell(self, num_pixels: int, aims: Sequence[Aim] | None = None) -> Cell | None:
        """The cells of these aims (None: all) with K pixels as one; None where there is none."""
        aims = list(self.cells) if aims is None else aims
        there = [self.cells[aim][num_pixels] for aim in aims if num_pixels in self.cells[aim]]
        if len(aims) == 1 or not there:
            return there[0] if there else None
        wanted = [cell.asked for cell in there if cell.asked is not None]
        # Together, classes are short of experiments if any of them is.
        asked = sum(wanted) if len(wanted) == len(there) else None
        return Cell([record for cell in there for record in cell.records], asked)

    def records(self, num_pixels: int, aims: Sequence[Aim] | None = None) -> list[Record]:
        """All experiments of these aims (None: all) with K pixels."""
        cell = self.cell(num_pixels, aims)
        return [] if cell is None else cell.records

    def free_aims(self) -> list[Aim]:
        """Aims whose result is not prescribed: the untargeted ones.

        Of two classes the other one is the only result anyway, so targeted attacks stand in.
        """
        untargeted = [aim for aim in self.cells if aim.target is None]
        if not untargeted and not self.is_multilabel and len(self.first.class_names) == 2:
            return list(self.cells)
        return untargeted

    def dangerous_aims(self) -> list[Aim]:
        """Aims with experiments that begin with a disease and may end in Normal.

        None where nobody said what is normal.
        """
        attacked = [aim for aim, cells in self.cells.items() if any(cell.records for cell in cells.values())]
        ill = [aim for aim in attacked if self.is_normal(aim.before) is False]
        return [aim for aim in ill if aim.target is None or self.is_normal(aim.target)]

    def dangerous(self, num_pixels: int) -> Rate | None:
        """How often disease was called normal with K pixels, all targets together; None where nothing could be."""
        aims = self.dangerous_aims()
        records = self.records(num_pixels, aims) if aims else []
        return dangerous_rate(records) if records else None

    def rows(self, aims: Sequence[Aim] | None = None) -> list[Row]:
        """A row for each of `aims` (None: all), in their order.

        Of more than `MOST_ROWS` at one target, those have rows that the paper printed or that have the most
        experiments, in this order; the others are one row at the end.
        """
        aims = list(self.cells if aims is None else aims)
        ranked = sorted(aims, key=self._rank)
        hidden = []
        for target in dict.fromkeys(aim.target for aim in aims):
            further = [aim for aim in ranked if aim.target == target][MOST_ROWS:]
            if further:
                hidden.append(self._row(Aim((others(len(further)),), target), further))
        without = {aim for row in hidden for aim in row.aims}
        shown = [aim for aim in (ranked if hidden else aims) if aim not in without]
        return [self._row(aim, [aim]) for aim in shown] + hidden

    def together(self, name: str, aims: Sequence[Aim]) -> list[Row]:
        """A row `name` for each target that several of `aims` have: all of these."""
        targets = self.by_target(aims).items()
        return [self._row(Aim((name,), target), group) for target, group in targets if len(group) > 1]

    def by_target(self, aims: Sequence[Aim] | None = None) -> dict[Label | None, list[Aim]]:
        """These aims (None: all) by their target."""
        return grouped(self.cells if aims is None else aims, lambda aim: aim.target)

    def filled(self) -> Iterator[tuple[Row, int, Cell]]:
        """Rows and numbers of pixels with any experiments."""
        for row in self.rows():
            for num_pixels, cell in row.cells.items():
                if cell.records:
                    yield row, num_pixels, cell

    def _row(self, heading: Aim, aims: Sequence[Aim]) -> Row:
        """A heading: the class, and what it should become if any of the cells has a target."""
        name = label_text(heading.before)
        if heading.target is not None:
            name = f"{name} {heading.goal}"
        elif any(other.target is not None for other in self.cells):
            name = f"{name} ({heading.goal})"
        cells = {count: self.cell(count, aims) for count in self.num_pixels}
        return Row(name, tuple(aims), {count: cell for count, cell in cells.items() if cell is not None})

    def _rank(self, aim: Aim) -> tuple[bool, int]:
        cells = self.cells[aim].values()
        return not any(cell.printed for cell in cells), -sum(len(cell.records) for cell in cells)
