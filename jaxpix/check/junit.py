"""Judgements as JUnit XML, which pipelines show as tests: one test case per attack and limit."""

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from .limits import Judgement

# What no XML 1.0 document may hold, not even escaped.
_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_junit(judgements: Sequence[Judgement]) -> str:
    """The judgements as one test suite.

    `failed` is a failure. `undecided` is an error: nothing was shown, which must not look like a test that passed.
    """
    verdicts = [one.verdict for one in judgements]
    counts = {
        "tests": str(len(verdicts)),
        "failures": str(verdicts.count("failed")),
        "errors": str(verdicts.count("undecided")),
    }
    root = ElementTree.Element("testsuites", {"name": "jaxpix check", **counts})
    suite = ElementTree.SubElement(root, "testsuite", {"name": "jaxpix check", **counts})
    for one in judgements:
        suite.append(_case(one))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _case(judgement: Judgement) -> ElementTree.Element:
    limit, rate = judgement.limit, judgement.rate
    name = f"{limit.kind} below {limit.percent:g} %"
    case = ElementTree.Element("testcase", {"classname": _clean(judgement.attack), "name": name})
    properties = ElementTree.SubElement(case, "properties")
    facts = {
        "successes": rate.successes,
        "experiments": rate.experiments,
        "interval_low": f"{rate.low:.6f}",
        "interval_high": f"{rate.high:.6f}",
        "limit": f"{limit.percent / 100:.6g}",
    }
    for fact, value in facts.items():
        ElementTree.SubElement(properties, "property", {"name": fact, "value": str(value)})
    if judgement.verdict != "passed":
        tag, kind = (
            ("failure", "above the limit") if judgement.verdict == "failed" else ("error", "undecided")
        )
        told = ElementTree.SubElement(case, tag, {"type": kind, "message": _clean(judgement.text)})
        told.text = _clean("\n".join([judgement.text, *judgement.reasons]))
    ElementTree.SubElement(case, "system-out").text = _clean(judgement.text)
    return case


def _clean(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)
