from pathlib import Path

import yaml

import jaxpix
from jaxpix.report.paper.printed import citation


def test_the_citation_names_this_version_and_the_paper():
    text = (Path(__file__).parents[1] / "CITATION.cff").read_text(encoding="utf-8")
    cited = yaml.safe_load(text)
    assert cited["version"] == jaxpix.__version__
    (paper,) = cited["references"]
    assert citation().endswith(f"doi:{paper['doi']}")
    assert paper["title"] in citation()
    assert all(author["family-names"] in citation() for author in paper["authors"])
