"""What the records say to a checklist's items on methods: threat, victim, data, settings, software."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...labels import aim_text, label_text
from ...metrics.rates import Rate, wilson
from ..paper.differences import DIFFERENT, SAME
from ..runs.provenance import origins_of
from ..runs.sweeps import most_queries

if TYPE_CHECKING:
    from ..runs.reading import AttackResult
    from ..runs.series import Series

# How a split scheme parts images.
_LEVELS = {
    "paper": "by image: one patient may be in several parts",
    "patient": "by patient: nobody is in two parts",
    "lesion": "by lesion: none is in two parts",
    "drawn": "by drawn image, each a case of its own",
    "public": "as its publisher parted it",
    "official": "as its publisher parted it",
    "folders": "by the folders of its user",
    "column": "by a column of its user's table",
    "random": "by image, at random: one patient may be in several parts",
}
_MOST_LINES = 20


def _threat(series: Series) -> list[str]:
    targets = list(dict.fromkeys(aim_text(attack.target) for attack in series.attacks))
    pixels = ", ".join(map(str, series.num_pixels))
    options = series.attacks[0].options
    where = "only where the mask allows" if options.get("mask") else "anywhere in the image, no mask"
    values = "any 8-bit value"
    is_whole = options.get("values") == "all" and series.num_pixels == [1]
    if series.first.exhaustive_flips is not None and not is_whole:
        values = f"the values tried ({options.get('values') or 'corners'})"
    known = "Known of the classifier: its outputs for images of one's choice (confidences)."
    if series.first.preset == "shortlist":
        known = (
            "Known of the classifier: all of it; its gradient is used once an image. Not used: training data."
        )
    else:
        known += " Not used: weights, gradients, training data."
    return [
        f"Pixels changed at once: {pixels}; {where}; each to {values} of its "
        f"{series.dataset['channels']} channel(s).",
        known,
        f"Queries: at most {most_queries(series):,} an image. Aim: {', '.join(targets)}.",
        "Success counts only if the changed image, saved as an 8-bit PNG and read back, is still misclassified.",
    ]


def _victim(series: Series) -> list[str]:
    victim = series.victim
    rule = (
        "each label by itself, above the victim's threshold"
        if series.is_multilabel
        else "the class of highest confidence; no threshold"
    )
    return [
        f"{victim['name']}; architecture: {victim['architecture'] or 'unknown, a function of its user'}.",
        f"Identity (hash of weights and of what is computed with them): {victim['id']}.",
        f"Decision: {rule}.",
    ]


def _clean_accuracy(series: Series) -> list[str]:
    metrics = series.victim["test_metrics"]
    return list(_scores(metrics))[:_MOST_LINES] if isinstance(metrics, Mapping) else []


def _scores(metrics: Mapping[str, Any]) -> Iterator[str]:
    """Only what is there and of the right kind: somebody else's folder may say anything."""
    count = metrics.get("count")
    if not isinstance(count, int) or count < 1:
        return
    for name in ("accuracy", "exact_match"):
        share = metrics.get(name)
        if isinstance(share, int | float) and 0 <= share <= 1:
            rate = wilson(round(share * count), count)
            yield f"{name.replace('_', ' ').capitalize()} on test images: {rate.text()}."
    confusion, classes = metrics.get("confusion"), metrics.get("classes")
    if isinstance(confusion, list) and isinstance(classes, list) and len(classes) == len(confusion):
        for place, (row, one) in enumerate(zip(confusion, classes, strict=True)):
            recall = _recall(row, place)
            if recall is not None and isinstance(one, Mapping):
                yield f"{one.get('class')}: {recall.text()} called so."
    labels = metrics.get("labels")
    for one in labels if isinstance(labels, list) else []:
        if isinstance(one, Mapping) and isinstance(one.get("auroc"), float):
            yield f"{one.get('label')}: AUROC {one['auroc']:.3f}, present in {one.get('count')} images."


def _recall(row: Any, place: int) -> Rate | None:
    is_row = isinstance(row, list) and place < len(row) and all(type(one) is int and one >= 0 for one in row)
    return wilson(row[place], sum(row)) if is_row and sum(row) else None


def _data(series: Series) -> list[str]:
    data = series.dataset
    fingerprints = dict.fromkeys(attack.data_fingerprint or "unknown" for attack in series.attacks)
    lines = [
        f"{data['title']}; source: {(data['citation'] or 'not given').rstrip('.')}.",
        f"Licence: {data['licence'] or 'not given'}.",
        f"Fingerprint of the prepared images: {', '.join(fingerprints)}.",
    ]
    return [*lines, "Synthetic: drawn by jaxpix, of no patient."] if series.is_synthetic else lines


def _preprocessing(series: Series) -> list[str]:
    data = series.dataset
    kind = "grey" if data["channels"] == 1 else "colour"
    size = f"{data['image_size']} x {data['image_size']}"
    note = str(data["note"] or "").strip().rstrip(".")
    lines = [
        f"Attacked as 8-bit {kind} images of {size} pixels, the classifier's own input: one pixel is one of these, "
        "and stands for an area where the image was larger.",
        "What the classifier does to the values comes after the change, within it.",
    ]
    return [*lines, f"Said by whoever prepared the data: {note}."] if note else lines


def _split(series: Series) -> list[str]:
    data = series.dataset
    level = _LEVELS.get(data["split"], "in a way that the records do not know; to be said by the authors")
    lines = [f"Attacked part: {data['subset']}, of the split {data['split']!r}.", f"Parted {level}."]
    trained_on = series.victim["provenance"].get("split")
    if isinstance(trained_on, str):
        same = trained_on == data["split"] and series.victim["provenance"].get("dataset") == data["name"]
        how = (
            "the same split of the same data" if same else f"the split {trained_on!r}, perhaps of other data"
        )
        return [*lines, f"The classifier was trained on {how}."]
    return [*lines, "What the classifier was trained on is not known to the records."]


def _flow(series: Series) -> list[str]:
    return [line for attack in series.attacks for line in _flow_of(attack)][:_MOST_LINES]


def _flow_of(attack: AttackResult) -> Iterator[str]:
    labels = {tuple(record.label_before) for record in attack.records}
    groups = attack.groups if labels <= {tuple(group.label) for group in attack.groups} else ()
    for group in groups:
        records = [record for record in attack.records if tuple(record.label_before) == tuple(group.label)]
        correct = "" if group.correct is None else f", {group.correct:,} correct"
        yield (
            f"{attack.name}, {label_text(group.label)}: {group.available:,} there, {group.examined:,} looked "
            f"at{correct}, {len(records):,} attacked, {sum(record.success for record in records):,} changed."
        )
    if not groups:
        changed = sum(record.success for record in attack.records)
        yield (
            f"{attack.name}: {attack.num_experiments:,} classified correctly and chosen, {len(attack.records):,} "
            f"attacked, {changed:,} changed."
        )


def _settings(series: Series) -> list[str]:
    """What is as published was fixed before; of what is not, only the authors know."""
    published = [f"{one.name} {one.here}" for one in series.differences if one.verdict == SAME]
    others = [
        f"{one.name} {one.here} ({'published: ' + one.paper if one.verdict == DIFFERENT else one.verdict})"
        for one in series.differences
        if one.verdict != SAME
    ]
    lines = [f"Prespecified by the published protocol: {'; '.join(published)}."] if published else []
    heading = "Others, each to be marked as prespecified or exploratory by the authors:"
    return [*lines, *([heading, *(f"{one}." for one in others)] if others else [])]


def _software(series: Series) -> list[str]:
    lines = []
    for attack, origin in zip(series.attacks, origins_of(series), strict=True):
        environment = attack.environment
        packages = environment.get("packages")
        versions = [
            f"jaxpix {environment.get('jaxpix', 'unknown')}",
            f"commit {environment.get('commit') or 'unknown'}",
        ]
        if isinstance(packages, Mapping):
            versions += [
                f"{name} {packages[name]}" for name in ("jax", "evosax", "numpy") if packages.get(name)
            ]
        workers = environment.get("workers")
        by = f", by {len(workers)} workers" if isinstance(workers, list) else ""
        lines += [
            f"{origin.heading}: {', '.join(versions)}; {_listed(environment.get('devices'))}{by}; "
            f"{str(environment.get('date', 'unknown'))[:10]}.",
            f"Seed {attack.records[0].seed}, victim {attack.records[0].victim_id}, data "
            f"{attack.data_fingerprint or 'unknown'}.",
            f"Command: {origin.command}",
        ]
    return lines


def _listed(devices: Any) -> str:
    names: Sequence[Any] = devices if isinstance(devices, list) else []
    return ", ".join(map(str, names)) or "device unknown"


METHODS: Mapping[str, Callable[[Series], list[str]]] = {
    "threat_model": _threat,
    "victim": _victim,
    "clean_accuracy": _clean_accuracy,
    "data": _data,
    "preprocessing": _preprocessing,
    "split": _split,
    "flow": _flow,
    "settings": _settings,
    "software": _software,
}
"""Key of an item to what answers it: lines for people; none where the records know nothing."""
