"""The second reader, where it is installed; its shape is checked on a stand-in where it is not."""

import sys
from types import SimpleNamespace

import pytest

from isogloss.core.errors import BrokenInput, MissingExtra, UnknownName
from isogloss.survey import anthology_package
from isogloss.survey.anthology import load_anthology
from isogloss.survey.anthology_package import load_with_package


@pytest.fixture
def fixture_clone(clone):
    """Valid by the package's own checks: hashes, keys, ids; no formulas, which the two readers render differently."""

    def volume(name, year, tags, papers):
        venues = "".join(f"<venue>{tag}</venue>" for tag in tags)
        return (
            f'<volume id="{name}" type="proceedings"><meta><booktitle>B</booktitle><year>{year}</year>{venues}'
            f"</meta><frontmatter><bibkey>front-{name}-{year}</bibkey></frontmatter>{papers}</volume>"
        )

    def paper(number, key, title, rest=""):
        return (
            f'<paper id="{number}"><title>{title}</title><author><first>Ada</first><last>Lovelace</last></author>{rest}'
            f"<bibkey>{key}</bibkey></paper>"
        )

    papers = (
        paper(
            1,
            "a-2021-one",
            "<fixed-case>S</fixed-case>afe <i>models</i>",
            "<abstract>We study <b>s</b>afety.</abstract>",
        )
        + paper(2, "a-2021-two", "Two", "<abstract>Text.</abstract><doi>10.1/ABC</doi>")
        + paper(3, "a-2021-three", "Three", "<retracted date='2021-01-01'>An error.</retracted>")
    )
    event = "<event id='acl-2021'><colocated><volume-id>2021.woah-1</volume-id></colocated></event>"
    clone.add("2021.acl", volume("long", 2021, ("acl",), papers), event=event)
    clone.add("2021.woah", volume("1", 2021, ("woah",), paper(1, "a-2021-four", "Four")))
    clone.add("W18", volume("5", 2018, ("ws",), paper(1, "a-2018-five", "Five")))
    (clone.xml / "schema.rnc").write_text("start = Collection\n", "utf-8")
    for tag in ("acl", "woah", "ws"):
        folder = clone.root / "data" / "yaml" / "venues"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{tag}.yaml").write_text(f"acronym: {tag}\nname: {tag}\n", "utf-8")
    return clone


@pytest.mark.filterwarnings("ignore")
def test_both_readers_agree_on_a_fixture(fixture_clone):
    pytest.importorskip("acl_anthology", reason="acl-anthology is not installed (isogloss[anthology])")
    ours = {paper.id: paper for paper in load_anthology(fixture_clone.root)}
    theirs = {paper.id: paper for paper in load_with_package(fixture_clone.root)}
    assert theirs == ours


TRIPLE, OTHER = ("2021.woah", "1", None), ("2021.acl", "long", None)
EXPLICIT, INFERRED = SimpleNamespace(name="EXPLICIT"), SimpleNamespace(name="INFERRED")
# As the package holds the volumes of an event: plain triples, then pairs with the kind of the link, then a mapping.
LINKS = ([TRIPLE], [(TRIPLE, EXPLICIT), (OTHER, INFERRED)], {TRIPLE: EXPLICIT, OTHER: INFERRED})


def stand_in(clone, links=LINKS[0]):
    """What the adapter touches of the package, filled by our own reader: checks the adapter, not the package."""

    def text(value):
        return None if value is None else SimpleNamespace(as_text=lambda: value)

    volumes = {}
    for paper in load_anthology(clone.root):
        first, last = paper.authors[0].split()
        deletion = None if paper.retracted is None else SimpleNamespace(note=paper.retracted)
        made = SimpleNamespace(
            full_id=paper.id,
            title=text(paper.title),
            abstract=text(paper.abstract),
            authors=[SimpleNamespace(name=SimpleNamespace(first=first, last=last))],
            doi=paper.doi,
            revisions=[],
            deletion=deletion,
            is_frontmatter=False,
            type=SimpleNamespace(value="paper"),
        )
        volumes.setdefault(paper.volume, (paper, []))[1].append(made)
    front = SimpleNamespace(is_frontmatter=True, type=SimpleNamespace(value="frontmatter"))
    made_volumes = [
        SimpleNamespace(
            full_id=name,
            collection_id=name.split("-")[0],
            venue_ids=list(paper.venues),
            year=str(paper.year),
            type=SimpleNamespace(value=paper.kind),
            papers=lambda papers=papers: [front, *papers],
        )
        for name, (paper, papers) in volumes.items()
    ]
    event = SimpleNamespace(id="acl-2021", is_explicit=True, colocated_ids=links)
    collection = SimpleNamespace(get_event=lambda: event)
    anthology = SimpleNamespace(volumes=lambda: made_volumes, collections={"2021.acl": collection})

    def open_anthology(datadir, verbose):
        return anthology

    return SimpleNamespace(Anthology=open_anthology)


def install(monkeypatch, package):
    def give(module, *, extra, purpose):
        return package

    monkeypatch.setattr(anthology_package, "import_extra", give)


@pytest.mark.parametrize("links", LINKS)
def test_the_adapter_reads_what_the_package_offers(fixture_clone, monkeypatch, links):
    install(monkeypatch, stand_in(fixture_clone, links))
    assert list(load_with_package(fixture_clone.root)) == list(load_anthology(fixture_clone.root))


def test_a_refusal_of_the_package_is_explained(fixture_clone, monkeypatch):
    def refuse(datadir, verbose):
        raise ValueError("Unsupported element <x>\nand more")

    install(monkeypatch, SimpleNamespace(Anthology=refuse))
    with pytest.raises(BrokenInput, match=r"Unsupported element <x>\. Its version may not fit"):
        list(load_with_package(fixture_clone.root))


def test_without_the_package_the_install_command_is_said(fixture_clone, monkeypatch):
    monkeypatch.setitem(sys.modules, "acl_anthology", None)
    with pytest.raises(MissingExtra, match=r"pip install 'isogloss\[anthology\]'"):
        load_with_package(fixture_clone.root)


def test_a_folder_without_xml_is_refused(tmp_path):
    with pytest.raises(UnknownName, match="acl-anthology"):
        load_with_package(tmp_path)
