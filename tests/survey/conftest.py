"""Small Anthologies written by the tests."""

from pathlib import Path

import pytest

pytest.importorskip("lxml", reason="lxml is not installed (isogloss[survey])")


def volume_xml(papers, *, name="1", year="2021", venues=("acl",), kind="proceedings", extra=""):
    """One volume in the Anthology's layout; papers are finished elements."""
    tags = "".join(f"<venue>{venue}</venue>" for venue in venues)
    return (
        f'<volume id="{name}" type="{kind}"><meta><booktitle>B</booktitle><year>{year}</year>{tags}</meta>{extra}'
        f"{''.join(papers)}</volume>"
    )


def paper_xml(number, title="T", abstract=None, *, inner="", attributes=""):
    """One paper element; title and abstract are markup."""
    said = "" if abstract is None else f"<abstract>{abstract}</abstract>"
    return f'<paper id="{number}"{attributes}><title>{title}</title>{said}{inner}</paper>'


class Clone:
    """Writes collections into the data/xml folder of a pretended clone."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.xml = root / "data" / "xml"
        self.xml.mkdir(parents=True)

    def add(self, collection: str, *volumes: str, event: str = "") -> Path:
        text = (
            f"<?xml version='1.0' encoding='UTF-8'?>\n<collection id=\"{collection}\">\n"
            + "\n".join(volumes)
            + f"\n{event}</collection>\n"
        )
        return self.write(collection, text)

    def write(self, name: str, text: str) -> Path:
        path = self.xml / f"{name}.xml"
        path.write_text(text, "utf-8")
        return path


@pytest.fixture
def clone(tmp_path) -> Clone:
    return Clone(tmp_path / "acl-anthology")


@pytest.fixture
def make_volume():
    return volume_xml


@pytest.fixture
def make_paper():
    return paper_xml
