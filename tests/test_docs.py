"""The documents speak of what exists: every `file:name` and every relative link."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(p for p in ROOT.rglob("*.md") if not set(p.relative_to(ROOT).parts) & {".cache", ".local"})
DECISIONS = ROOT / "docs/decisions"
PLACE = re.compile(r"`([\w./-]+\.py):([A-Za-z_][\w.]*)`")
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def names_in(file: Path) -> set[str]:
    """Functions, classes, methods and constants, as `Class.method`."""
    names: set[str] = set()
    for node in ast.parse(file.read_text()).body:
        names |= _names_of(node)
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{inner}" for child in node.body for inner in _names_of(child)}
    return names


def _names_of(node: ast.stmt) -> set[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return {node.name}
        case ast.Assign():
            return {t.id for t in node.targets if isinstance(t, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
    return set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_place_that_a_document_names_exists(document: Path) -> None:
    places = PLACE.findall(document.read_text())
    assert [f"{file}:{name}" for file, name in places if not _exists(file, name)] == []


def _exists(file: str, name: str) -> bool:
    return (ROOT / file).is_file() and name in names_in(ROOT / file)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_of_a_document_leads_somewhere(document: Path) -> None:
    links = LINK.findall(document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_the_path_of_a_message_names_places_at_all() -> None:
    assert len(PLACE.findall((ROOT / "docs/path-of-a-message.md").read_text())) > 20


def test_every_decision_stands_in_the_list_once_by_its_title() -> None:
    listed = re.findall(
        r"^- \[(\d+)\.\]\((0\d+-[\w-]+\.md)\) (.+)$", (DECISIONS / "README.md").read_text(), re.MULTILINE
    )
    heads = [(file.name, file.read_text().partition("\n")[0]) for file in sorted(DECISIONS.glob("0*.md"))]
    assert sorted((name, f"# {number}. {title}") for number, name, title in listed) == heads
    assert len({name[:4] for name, _ in heads}) == len(heads)
