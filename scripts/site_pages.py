"""A hook of mkdocs: what lies outside docs/ but belongs to the site.

README, CONTRIBUTING, SECURITY, CHANGELOG and the notebooks of examples/ become pages, and other files that a page
links to are copied. So the same links hold in a checkout and on the site, and mkdocs checks those of the pages beside
docs/, too.
"""

import json
import os
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

_PAGES = {name: name.lower() for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")}
_NOTEBOOKS = "examples"
_COPIES = "files"
_LINK = re.compile(r"(?<=\]\()(?P<path>[^)#\s:]+)(?P<anchor>#[^)\s]*)?(?=\))")


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the pages beside docs/ and the files that any page links to."""
    root = Path(config.docs_dir).parent
    for name, page in _PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(root / name)))
    for notebook in sorted((root / _NOTEBOOKS).glob("*.ipynb")):
        files.append(File.generated(config, f"{notebook.stem}.md", content=_page_of(notebook)))
    for file in list(files.documentation_pages()):
        for link in _LINK.finditer(file.content_string):
            place = _place(link["path"], file, config)
            if place and place.startswith(f"{_COPIES}/") and files.get_file_from_path(place) is None:
                files.append(File.generated(config, place, abs_src_path=str(root / place.partition("/")[2])))


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links point at where things lie on the site."""
    home = Path(page.file.src_uri).parent

    def pointed(link: re.Match[str]) -> str:
        place = _place(link["path"], page.file, config)
        return (os.path.relpath(place, home) if place else link["path"]) + (link["anchor"] or "")

    return _LINK.sub(pointed, markdown)


def _page_of(notebook: Path) -> str:
    """The cells of a notebook as a page; outputs are not kept in it."""
    parts = []
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        text = "".join(cell["source"])
        parts.append(text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```")
    return "\n\n".join([*parts, f"*The notebook itself: `examples/{notebook.name}`.*"]) + "\n"


def _place(path: str, file: File, config: MkDocsConfig) -> str | None:
    """Where a link of a page leads, from the root of the site; None where there is no such file."""
    docs = Path(config.docs_dir)
    home = docs.parent if file.src_uri in _PAGES.values() else (docs / file.src_uri).parent
    target = Path(os.path.normpath(home / path))
    if not target.is_file() or not target.is_relative_to(docs.parent):
        return None
    if target.is_relative_to(docs):
        return target.relative_to(docs).as_posix()
    name = target.relative_to(docs.parent).as_posix()
    if target.parent.name == _NOTEBOOKS and target.suffix == ".ipynb":
        return f"{target.stem}.md"
    return _PAGES.get(name, f"{_COPIES}/{name}")
