"""Which values become black and white: one answer for a whole data set, or a question."""

from collections import Counter
from collections.abc import Mapping

from ..data.images import Look
from ..data.prepared_files import Values
from ..data.values import bits_used
from ..errors import InputError
from .contrast import FLAT, NEARLY_ALL

_WORDS = {
    "plain": "8 bits a channel",
    "deep": "values {low:g}..{high:g}",
    "range": "DICOM values {low:g}..{high:g} without a window",
    "windowed": "DICOM values {low:g}..{high:g} with a window of its own",
}


def settle_values(
    looks: Mapping[str, Look], window: tuple[float, float] | None, where: str
) -> tuple[Values | None, list[str]]:
    """What the values of a data set's deep images become, and what a person should know of it.

    Args:
        looks: what was seen, by file.
        window: values chosen to become black and white.
        where: the source, for messages.

    Returns:
        None where all images have 8 bits a channel.

    Raises:
        InputError: the files can be read in two ways, all their values are equal, or a window is given for none.
    """
    deep = {member: one for member, one in looks.items() if one.kind != "plain"}
    if window is not None:
        if not deep:
            raise InputError(f"{where}: --window: no image has more than 8 bits a channel; leave it out")
        return _chosen(deep, len(looks) - len(deep), window)
    # Floating-point images have no defined white; each is told so when it is stored.
    looks = {member: one for member, one in looks.items() if one.kind != "float"}
    deep = {member: one for member, one in deep.items() if one.kind != "float"}
    if not deep:
        return None, []
    _check_alike(looks, where)
    kind = next(iter(deep.values())).kind
    low, high = _span(deep)
    if kind == "windowed":
        return Values(how="windows", low=None, high=None, files=len(deep)), [
            f"values: each DICOM file's own window mapped to 0..255 ({low:g}..{high:g} in all)"
        ]
    if low == high:
        raise InputError(
            f"{where}: all pixels of all images have the value {low:g}: nothing can be seen in them"
        )
    values, note = _evenly(low, high, kind, len(deep))
    return values, [note, *_warning(deep, values["low"], values["high"])]


def _evenly(low: float, high: float, kind: str, num_files: int) -> tuple[Values, str]:
    """The bits that are used, else lowest to highest: of negative and very large values, and of DICOM."""
    bits = bits_used(low, high) if kind == "deep" else None
    if bits is None:
        values = Values(how="range", low=low, high=high, files=num_files)
        return values, f"values: lowest to highest, {low:g}..{high:g}, mapped to 0..255"
    top = (1 << bits) - 1
    values = Values(how="bits", low=0.0, high=float(top), files=num_files)
    return values, f"values: {bits} bits used (0..{top}) of 16, mapped to 0..255 ({low:g}..{high:g} occur)"


def _span(looks: Mapping[str, Look]) -> tuple[float, float]:
    return min(one.low for one in looks.values()), max(one.high for one in looks.values())


def _chosen(
    deep: Mapping[str, Look], num_plain: int, window: tuple[float, float]
) -> tuple[Values, list[str]]:
    low, high = _span(deep)
    note = f"values: the window {window[0]:g}..{window[1]:g} mapped to 0..255 ({low:g}..{high:g} occur)"
    if num_plain:
        note += f"; {num_plain:,} images of 8 bits a channel are stored as they are"
    return Values(how="window", low=window[0], high=window[1], files=len(deep)), [note]


def _check_alike(looks: Mapping[str, Look], where: str) -> None:
    """Files of several kinds have no common black and white."""
    counts = Counter(one.kind for one in looks.values())
    examples = {one.kind: (member, one) for member, one in reversed(list(looks.items()))}
    if len(counts) < 2:
        return
    shown = "; ".join(
        f"{count:,} as {member} ({_WORDS[kind].format(low=one.low, high=one.high)})"
        for kind, count in counts.items()
        for member, one in [examples[kind]]
    )
    low, high = _span({member: one for member, one in looks.items() if one.kind != "plain"})
    raise InputError(
        f"{where}: files of different depth, so that one grey would mean two things: {shown}. --window LOW HIGH says "
        f"which values of the deeper ones become black and white, such as --window {low:g} {high:g}"
    )


def _warning(deep: Mapping[str, Look], low: float | None, high: float | None) -> list[str]:
    """A few bright pixels, such as a marker, can push everything else into the dark."""
    levels = FLAT * ((high or 0.0) - (low or 0.0)) / 255
    narrow = [one.most for one in deep.values() if one.most[1] - one.most[0] < levels]
    if len(narrow) < NEARLY_ALL * len(deep):
        return []
    lowest, highest = min(one[0] for one in narrow), max(one[1] for one in narrow)
    return [
        f"warning: in {len(narrow):,} of {len(deep):,} images all but 2 % of the pixels lie within "
        f"{FLAT} of 255 grey levels; look at overview.png, perhaps choose --window {lowest:g} {highest:g}"
    ]
