"""What pages have in common that need nothing but themselves: templates, and a style that their policy allows."""

from __future__ import annotations

import base64
import hashlib

import jinja2
from markupsafe import Markup


def environment(*packages: str) -> jinja2.Environment:
    """Templates of some packages, then those of the report's page; what is filled in is escaped."""
    loaders = [jinja2.PackageLoader(name) for name in (*packages, __package__)]
    made = jinja2.Environment(
        loader=jinja2.ChoiceLoader(loaders),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # matplotlib's drawing, rewritten without anything live (`pictures.drawings`); the names in it are escaped.
    made.filters["drawn"] = Markup
    return made


def inline(kind: str, text: str) -> dict[str, str]:
    """A style or script of ours as a template takes it: `kind` itself, and `kind`_hash for the page's policy."""
    # Files of this package, not text of a user's.
    return {kind: Markup(text), f"{kind}_hash": policy_hash(text)}


def policy_hash(text: str) -> str:
    """What a Content-Security-Policy calls an inline style or script by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
