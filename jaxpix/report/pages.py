"""One HTML page that needs nothing but itself: no server, no network, no other file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup
from PIL import Image

from .checklist import checklist_of
from .gallery import gallery_of
from .headline import headlines_of
from .printed import address, citation
from .provenance import origins_of, report_command, victim_facts
from .tables import bears_asterisk

if TYPE_CHECKING:
    from .series import Series
    from .tables import Chart, Table

_TEMPLATES = "templates"


def render_page(
    all_series: Sequence[Series],
    charts: Sequence[Sequence[Chart]],
    tables: Sequence[Table],
    protocols: Sequence[Table],
    paths: Sequence[Path],
    out: Path,
) -> str:
    """The page as HTML.

    Args:
        all_series: what was attacked.
        charts: the figures of each series; their files are read.
        tables: tables over all series.
        protocols: the protocol of each series beside the paper's.
        paths, out: what the report was told, so that the page can tell how to write it again.
    """
    style, script = _template("style.css"), _template("gallery.js")
    return (
        _environment()
        .get_template("report.html")
        .render(
            **_totals(all_series),
            parts=_parts(all_series, charts, protocols),
            synthetic=[series.is_synthetic for series in all_series],
            has_asterisk=any(map(bears_asterisk, tables)),
            tables=[table for table in tables if not _tells_failures(table)],
            failures=[table for table in tables if _tells_failures(table)],
            gallery=gallery_of(all_series),
            checklist=checklist_of(all_series),
            command=report_command(paths, out),
            paper=citation(),
            paper_address=address(),
            # Files of this package, not text of a user's.
            style=Markup(style),
            script=Markup(script),
            style_hash=_hash(style),
            script_hash=_hash(script),
        )
    )


def _parts(
    all_series: Sequence[Series], charts: Sequence[Sequence[Chart]], protocols: Sequence[Table]
) -> list[dict[str, Any]]:
    """What the page shows of each series."""
    return [
        {
            "title": series.title,
            "caution": series.caution,
            "doubts": series.doubts,
            "headlines": headlines_of(series),
            "charts": drawn,
            "protocol": protocol,
            "victim": victim_facts(series),
            "origins": origins_of(series),
        }
        for series, drawn, protocol in zip(all_series, charts, protocols, strict=True)
    ]


def _totals(all_series: Sequence[Series]) -> dict[str, Any]:
    """What the page says of all attacks together."""
    attacks = [attack for series in all_series for attack in series.attacks]
    return {
        "num_records": sum(len(attack.records) for attack in attacks),
        "most_pixels": max(attack.num_pixels for attack in attacks),
        "datasets": list({attack.dataset["name"]: attack.dataset for attack in attacks}.values()),
        "dates": sorted({str(attack.environment.get("date", "unknown"))[:10] for attack in attacks}),
        "versions": sorted({str(attack.environment.get("jaxpix", "unknown")) for attack in attacks}),
    }


def _tells_failures(table: Table) -> bool:
    return "-failures-" in table.key or "-control-" in table.key


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"picture": _picture, "picture_size": _picture_size}
    return environment


def _template(name: str) -> str:
    return (resources.files(__package__) / _TEMPLATES / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """What a Content-Security-Policy calls an inline style or script by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


def _picture(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


def _picture_size(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size
