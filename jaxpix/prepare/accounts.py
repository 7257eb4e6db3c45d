"""The books of a preparation: what was stored where, what was left out, what leaks between splits."""

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from ..data.fingerprints import Fingerprint
from ..data.prepared_files import Duplicates, Leaks, Settings, Skipped, Summary, write_index, write_summary
from ..errors import InputError
from ..version import __version__
from .contrast import Contrast
from .listing import Listing, Skip, indices_of
from .storing import Outcome

_LISTED_PER_REASON = 20
_CORRUPT = "corrupt: "


class Ledger:
    """Keeps one row an image while a data set is stored, and writes summary and index at the end."""

    def __init__(self, listing: Listing, splits: list[str], max_corrupt: int):
        self._listing, self._info, self._max_corrupt = listing, listing.info, max_corrupt
        self._rows: dict[str, list[Any]] = {
            name: [] for name in ("split", "image_id", "group", "label", "source_sha256")
        }
        self._corrupt: list[Skip] = []
        self._contrast = Contrast()
        self._corrupt_labels: set[tuple[str, int]] = set()
        self._fingerprint = Fingerprint(listing.info, splits)

    def enter(self, split_name: str, outcome: Outcome) -> bool:
        """Book one image; False where it was corrupt and is skipped.

        Raises:
            InputError: more are corrupt than `max_corrupt`.
        """
        if outcome.problem:
            self._corrupt.append(Skip(outcome.item.member, f"{_CORRUPT}{outcome.problem}"))
            if len(self._corrupt) > self._max_corrupt:
                listed = "".join(f"\n  {skip.member}: {skip.reason}" for skip in self._corrupt)
                raise InputError(
                    f"{len(self._corrupt)} corrupt image{'s' * (len(self._corrupt) > 1)}, "
                    f"{self._max_corrupt} allowed (--max-corrupt):{listed}"
                )
            if isinstance(outcome.label, int):
                self._corrupt_labels.add((split_name, outcome.label))
            return False
        self._contrast.enter(outcome)
        label = indices_of(outcome.label)
        item = outcome.item
        values = (split_name, item.image_id, item.group, list(label), outcome.source_hash)
        for column, value in zip(self._rows.values(), values, strict=True):
            column.append(value)
        self._fingerprint.add(split_name, item.image_id, item.group, label, outcome.pixel_hash)
        return True

    def close(self, folder: Path, scheme: str, image_size: int, settings: Settings, note: str | None) -> None:
        """Write the side files into `folder`.

        Raises:
            InputError: a split lost all its images, a class all that it had in a split, or nearly all images are
                nearly constant.
        """
        listing, num_examples = self._listing, dict(Counter(self._rows["split"]))
        if not {"train", "test"} <= num_examples.keys():
            raise InputError(f"too many corrupt images: a split is empty, left are {num_examples}")
        self._contrast.check(listing.values)
        self._check_classes()
        summary = Summary(
            info=self._info,
            scheme=scheme,
            image_size=image_size,
            num_examples=num_examples,
            fingerprint=str(self._fingerprint),
            settings=settings,
            classes=self._class_counts(),
            num_missing=listing.num_missing,
            skipped=_by_reason(listing.skipped + self._corrupt),
            duplicates=self._duplicates(),
            leaks=self._leaks(),
            notes=listing.notes,
            understood=[list(line) for line in listing.understood],
            note=note,
            values=listing.values,
            dicom_tags=listing.dicom_tags,
            jaxpix=__version__,
        )
        write_index(folder, self._rows)
        write_summary(folder, summary)

    def _check_classes(self) -> None:
        left = {
            (split, labels[0])
            for split, labels in zip(self._rows["split"], self._rows["label"], strict=True)
            if labels
        }
        for split, label in sorted(self._corrupt_labels - left):
            raise InputError(
                f"too many corrupt images: all of the class {self._info.class_names[label]} in {split} are, "
                f"--max-corrupt never drops a class"
            )

    def _class_counts(self) -> dict[str, dict[str, int]]:
        counts = {split: dict.fromkeys(self._info.counted, 0) for split in dict.fromkeys(self._rows["split"])}
        for split, labels in zip(self._rows["split"], self._rows["label"], strict=True):
            for name in self._info.names_of(labels):
                counts[split][name] += 1
        return counts

    def _duplicates(self) -> Duplicates:
        same = _where(self._rows["source_sha256"])
        labels = self._rows["label"]
        ids = self._rows["image_id"]
        return {
            "images": sum(len(rows) - 1 for rows in same),
            "sets": len(same),
            "sets_with_different_labels": sum(len({tuple(labels[r]) for r in rows}) > 1 for rows in same),
            "examples": [[ids[row] for row in rows] for rows in same[:_LISTED_PER_REASON]],
        }

    def _leaks(self) -> Leaks:
        split = self._rows["split"]

        def crossing(column: str) -> list[list[int]]:
            return [rows for rows in _where(self._rows[column]) if len({split[row] for row in rows}) > 1]

        identical, groups = crossing("source_sha256"), crossing("group")
        return {
            "test_images_identical_to_another_splits": _in_test(identical, split),
            "groups": len(set(self._rows["group"]) - {""}),
            "groups_in_several_splits": len(groups),
            "test_images_of_such_groups": _in_test(groups, split),
        }


def _where(values: list[str]) -> list[list[int]]:
    """Rows of each value that occurs more than once; "" counts as unknown."""
    rows = defaultdict(list)
    for row, value in enumerate(values):
        if value:
            rows[value].append(row)
    return [found for found in rows.values() if len(found) > 1]


def _in_test(sets: list[list[int]], split: list[str]) -> int:
    return sum(split[row] == "test" for rows in sets for row in rows)


def _by_reason(skipped: list[Skip]) -> dict[str, Skipped]:
    """Counts and first members of each reason; corrupt images are all listed with theirs."""
    reasons: dict[str, Skipped] = {}
    for skip in skipped:
        corrupt = skip.reason.startswith(_CORRUPT)
        entry = reasons.setdefault("corrupt" if corrupt else skip.reason, {"count": 0, "files": []})
        entry["count"] += 1
        if corrupt:
            entry["files"].append(f"{skip.member} ({skip.reason.removeprefix(_CORRUPT)})")
        elif skip.member and len(entry["files"]) < _LISTED_PER_REASON:
            entry["files"].append(skip.member)
    return reasons
