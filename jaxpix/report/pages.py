"""One HTML page that needs nothing but itself: no server, no network, no other file."""

import base64
import dataclasses
import hashlib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import jinja2
from markupsafe import Markup
from PIL import Image

from .caveats import protocol_of
from .charts import Chart
from .gallery import gallery_of
from .headline import Headline, headlines_of
from .printed import citation
from .provenance import PAPER_ADDRESS, Fact, Origin, origins_of, victim_facts
from .series import Series
from .tables import Table
from .wording import caution_of, is_synthetic

_TEMPLATES = "templates"


@dataclasses.dataclass(frozen=True)
class _Part:
    """What the page shows of one series."""

    series: Series
    title: str
    caution: str
    headlines: list[Headline]
    charts: Sequence[Chart]
    protocol: Table
    victim: list[Fact]
    origins: list[Origin]


def render_page(
    all_series: Sequence[Series], charts: Sequence[Sequence[Chart]], tables: Sequence[Table], command: str
) -> str:
    """The page as HTML.

    Args:
        all_series: what was attacked.
        charts: the figures of each series; their files are read.
        tables: tables over all series.
        command: what writes this report again.
    """
    parts = [_part(series, drawn) for series, drawn in zip(all_series, charts, strict=True)]
    attacks = [attack for series in all_series for attack in series.attacks]
    style, script = _template("style.css"), _template("gallery.js")
    return (
        _environment()
        .get_template("report.html")
        .render(
            parts=parts,
            synthetic=[is_synthetic(series) for series in all_series],
            num_records=sum(len(attack.records) for attack in attacks),
            most_pixels=max(attack.num_pixels for attack in attacks),
            tables=[table for table in tables if not _tells_failures(table)],
            failures=[table for table in tables if _tells_failures(table)],
            gallery=gallery_of(all_series),
            datasets=list({attack.dataset["name"]: attack.dataset for attack in attacks}.values()),
            dates=sorted({str(attack.environment.get("date", "unknown"))[:10] for attack in attacks}),
            versions=sorted({str(attack.environment.get("jaxpix", "unknown")) for attack in attacks}),
            command=command,
            paper=citation(),
            paper_address=PAPER_ADDRESS,
            # Files of this package, not text of a user's.
            style=Markup(style),
            script=Markup(script),
            style_hash=_hash(style),
            script_hash=_hash(script),
        )
    )


def _part(series: Series, charts: Sequence[Chart]) -> _Part:
    return _Part(
        series,
        series.title,
        caution_of(series),
        headlines_of(series),
        charts,
        protocol_of(series),
        victim_facts(series),
        origins_of(series),
    )


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
