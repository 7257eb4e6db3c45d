"""What a TeX would refuse, or set otherwise than it is meant, in documents of a report; found without a TeX."""

import re
from collections.abc import Iterator
from typing import Any

from pylatexenc.latexwalker import (
    LatexCharsNode,
    LatexEnvironmentNode,
    LatexGroupNode,
    LatexMacroNode,
    LatexMathNode,
    LatexSpecialsNode,
    LatexWalker,
    LatexWalkerParseError,
)

# What LaTeX itself, its T1 encoding, booktabs, textcomp and graphicx define.
_DEFINED = {
    *(
        "documentclass",
        "usepackage",
        "item",
        "clearpage",
        "centering",
        "caption",
        "label",
        "resizebox",
        "linewidth",
    ),
    *("toprule", "midrule", "bottomrule", "par", "footnotesize", "\\"),
    *("textbackslash", "textasciitilde", "textasciicircum", "textless", "textgreater", "textbar"),
    *("textquotedbl", "textasciigrave", "{", "}", "&", "%", "$", "#", "_"),
}
_DEFINED_IN_FORMULAS = {"times", "rightarrow", "leq", "geq"}
_ENVIRONMENTS = {"document", "itemize", "table", "tabular"}


def problems_of(document: str) -> list[str]:
    """What is wrong with a document, in a few words each."""
    try:
        nodes, _, _ = LatexWalker(document, tolerant_parsing=False).get_latex_nodes()
    except LatexWalkerParseError as error:
        return [f"no LaTeX: {error.msg}"]
    return list(_problems(nodes, inside="", is_formula=False))


def _problems(nodes: list[Any], inside: str, is_formula: bool) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, LatexCharsNode):
            if not is_formula and (found := re.search(r"[#$%&^_\\{}]", node.chars)):
                yield f"{found[0]} stands in text: {node.chars.strip()[:40]!r}"
        elif isinstance(node, LatexMacroNode):
            yield from _of_macro(node, inside, is_formula)
        elif isinstance(node, LatexSpecialsNode):
            if node.specials_chars == "&" and inside != "tabular":
                yield "& stands outside a table"
        elif isinstance(node, LatexEnvironmentNode):
            if node.environmentname not in _ENVIRONMENTS:
                yield f"environment {node.environmentname} is not defined"
            if node.environmentname == "tabular":
                yield from _of_table(node)
            yield from _problems(node.nodelist, node.environmentname, is_formula)
        elif isinstance(node, LatexGroupNode):
            yield from _problems(node.nodelist, inside, is_formula)
        elif isinstance(node, LatexMathNode):
            yield from _problems(node.nodelist, inside, True)


def _of_macro(node: Any, inside: str, is_formula: bool) -> Iterator[str]:
    if node.macroname not in (_DEFINED_IN_FORMULAS if is_formula else _DEFINED):
        yield f"\\{node.macroname} is not defined"
    arguments = [one for one in (node.nodeargd.argnlist if node.nodeargd else ()) if one is not None]
    yield from _problems(arguments, inside, is_formula)


def _of_table(table: Any) -> Iterator[str]:
    """Every line has as many cells as the table has columns; the last one is ended."""
    (columns,) = (one for one in table.nodeargd.argnlist if one is not None)
    wanted = len(columns.latex_verbatim().strip("{}"))
    cells, rows = 1, 0
    for node in table.nodelist:
        if isinstance(node, LatexSpecialsNode) and node.specials_chars == "&":
            cells += 1
        elif isinstance(node, LatexMacroNode) and node.macroname == "\\":
            if cells != wanted:
                yield f"line {rows + 1} of a table has {cells} cells, not {wanted}"
            cells, rows = 1, rows + 1
    # TeX looks for them behind spaces and line ends, too.
    if re.search(r"(?<!\\)\\\\\s*[\[*]", table.latex_verbatim()):
        yield "a line break takes what follows it for its option"
    if cells != 1 or rows < 1:
        yield "a table ends within a line"
