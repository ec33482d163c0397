"""The channel that the newcomer's page builds is one, and passes the exam with the cases of that page."""

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

from connectors.catalogue import Built, read_accounts
from connectors.exam import Case, Format, read_cases, sit, too_few_of_failures
from connectors.exam.cases import HERE

PAGE = (HERE / "README.md").read_text()
JSON = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
UNPUBLISHED = Format(lambda _: [], lambda *_: [], lambda _: [])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of channels that holds the page's files."""
    folder = tmp_path / "pigeon" / "cases"
    folder.mkdir(parents=True)
    (tmp_path / "pigeon" / "__init__.py").write_text(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0])
    for name, content in zip(("account", "errors", "webhook"), JSON, strict=False):
        (folder / f"{name}.json").write_text(content)
    (folder / "outbound.json").write_text("[]")
    return tmp_path


def built_in(root: Path) -> Built:
    spec = importlib.util.spec_from_file_location("pigeon", root / "pigeon" / "__init__.py")
    assert spec
    assert spec.loader
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Built(module.Settings, module.Pigeon)


async def test_the_channel_of_the_page_passes_its_cases(root: Path) -> None:
    built, cases = built_in(root), read_cases("pigeon", root)
    every = [("errors", case) for case in cases.errors] + [("webhook", case) for case in cases.webhook]
    assert len(every) == 4
    for kind, case in every:
        assert await sit(Case("pigeon", cases.examinee, kind, case), built, UNPUBLISHED) == []
    assert too_few_of_failures(cases) is None


def test_the_configuration_of_the_page_is_read() -> None:
    table = {"token": "1:a", "webhook_secret": "s"}
    assert JSON[-1].count('{"token": "…", "webhook_secret": "…"}') == 2
    assert len(read_accounts({"telegram": {"support": table, "sales": table}}).on) == 2
