"""The pages can be found: no link leads nowhere, and the table of contents leads to every page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
LINK = re.compile(r"\[[^\]]+\]\(([^)#\s]+)(?:#[^)]*)?\)")


def links(page: Path) -> list[Path]:
    """Pages and files a page links to; addresses on the web are not followed."""
    found = LINK.findall(page.read_text("utf-8"))
    return [(page.parent / target).resolve() for target in found if "://" not in target]


@pytest.mark.parametrize(
    "page", [ROOT / "CHANGELOG.md", *PAGES], ids=lambda page: str(page.relative_to(ROOT))
)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [target for target in links(page) if not target.exists()] == []


def test_the_table_of_contents_leads_to_every_page() -> None:
    listed = {DOCS / "README.md", *links(DOCS / "README.md")}
    assert [str(page.relative_to(DOCS)) for page in PAGES if page not in listed] == []
