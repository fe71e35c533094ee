"""A connector of another package: built, installed, found by its entry point, and held to the same contract as ours."""

import importlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from uuid import uuid4
from zipfile import ZipFile

import pytest

from connectors.registry import KINDS, broken_packages, open_directory
from idm.errors import ConfigurationInvalid, TargetError, TargetRefused, TargetUnavailable
from idm.ports import Directory, Outcome, ReadsPasswordState, ReportsLastUse, Step, Writes
from tests.connectors.contract import ConnectorContract
from tests.connectors.reading_contract import FaultContract, LastUseContract
from tests.connectors.target import Facts, RichConnector

PACKAGE = Path(__file__).parent / "example_package"


def now() -> datetime:
    """The folder's own time: this machine's."""
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The example, built as a wheel by its own build system and unpacked where Python looks for packages."""
    source, place = tmp_path_factory.mktemp("source") / "package", tmp_path_factory.mktemp("site-packages")
    shutil.copytree(PACKAGE, source, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel"], cwd=source, check=True)
    [wheel] = (source / "dist").glob("*.whl")
    with ZipFile(wheel) as files:
        files.extractall(place)
    sys.path.insert(0, str(place))
    importlib.invalidate_caches()
    yield place
    sys.path.remove(str(place))
    importlib.invalidate_caches()
    for name in [name for name in sys.modules if name.partition(".")[0] == "idm_csv_directory"]:
        del sys.modules[name]


class CsvTarget:
    """A folder of CSV files with its people; see `target.Target`."""

    facts = Facts()

    def __init__(self, folder: Path) -> None:
        self.place = folder
        folder.mkdir()
        self.folder = importlib.import_module("idm_csv_directory.folder").CsvFolder(folder)

    def connector(self, *, clock: Callable[[], datetime] | None = None) -> RichConnector:
        settings = {"folder": str(self.place), "places": "leavers"}
        return cast(RichConnector, open_directory("csv-folder", settings, None, clock=clock or now))

    def forgetful_connector(self, *, done: Callable[[], bool]) -> RichConnector:
        connector = self.connector()
        perform = connector.perform

        def cut(steps: list[Step]) -> list[Outcome | TargetError]:
            answers = perform(steps)
            connector.perform = perform  # type: ignore[method-assign]
            return [TargetUnavailable("応答が届きませんでした。")] * len(answers) if done() else answers

        connector.perform = cut  # type: ignore[method-assign,assignment]
        return connector

    def exists(self, login_name: str) -> bool:
        return self.folder.read().named(login_name) is not None

    def add_group(self, name: str) -> None:
        with self.folder.change() as books:
            books.groups[str(uuid4())] = name

    def everybodys_groups(self) -> frozenset[str]:
        return frozenset()

    def other_container(self) -> str:
        return "leavers"

    def outside_container(self) -> str:
        return "nowhere"

    def add_foreign_account(self, login_name: str) -> None:
        with self.folder.change() as books:
            books.add(login_name, now())

    def sign_in(self, login_name: str, password: str) -> bool:
        with self.folder.change() as books:
            return bool(books.sign_in(login_name, password, now()))

    def reset_password(self, login_name: str, password: str) -> None:
        self._change(login_name, password=self._sealed(password), must_change="yes")

    def choose_password(self, login_name: str, old: str, new: str) -> None:
        self._change(login_name, password=self._sealed(new), must_change="")

    def set_last_use(self, login_name: str, moment: datetime) -> None:
        self._change(login_name, last_used_at=moment.isoformat())

    def stop(self) -> None:
        self.place.rename(self.place.with_suffix(".away"))

    def start(self) -> None:
        self.place.with_suffix(".away").rename(self.place)

    def _change(self, login_name: str, **values: str) -> None:
        with self.folder.change() as books:
            for key, value in values.items():
                setattr(books.named(login_name), key, value)

    def _sealed(self, password: str) -> str:
        return str(importlib.import_module("idm_csv_directory.folder").sealed(password))


class TestCsvFolder(ConnectorContract, LastUseContract, FaultContract):
    """The contract, through the entry point of an installed package."""

    @pytest.fixture
    def target(self, installed: Path, tmp_path: Path) -> CsvTarget:
        return CsvTarget(tmp_path / "directory")

    def test_has_the_abilities_of_every_directory(self, connector: RichConnector) -> None:
        """A folder has fewer: what it has, it keeps."""
        for ability in (Directory, Writes, ReadsPasswordState, ReportsLastUse):
            assert isinstance(connector, ability)


# --- how packages are found ------------------------------------------------------------------------------------------


def settings_of(folder: Path) -> dict[str, object]:
    return {"folder": str(folder)}


def test_an_installed_package_is_found_and_nothing_is_wrong_with_it(installed: Path) -> None:
    assert broken_packages() == []


def test_mistakes_in_the_settings_are_all_listed(installed: Path) -> None:
    with pytest.raises(ConfigurationInvalid) as caught:
        open_directory("csv-folder", {"colour": "red", "places": 3}, None)
    assert [mistake.partition(":")[0] for mistake in caught.value.mistakes] == ["colour", "folder", "places"]


def test_an_unknown_kind_is_refused_with_the_installed_ones_among_those_known(installed: Path) -> None:
    with pytest.raises(ConfigurationInvalid, match="csv-folder"):
        open_directory("csv-floder", {}, None)


@pytest.fixture
def offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Installs a package of that name that offers kinds, with this code behind them."""

    def offer(package: str, code: str, **kinds: str) -> None:
        place = tmp_path / package
        module = package.replace("-", "_")
        (place / f"{module}-1.0.dist-info").mkdir(parents=True)
        (place / f"{module}.py").write_text(code, encoding="utf-8")
        info = place / f"{module}-1.0.dist-info"
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = "".join(f"{kind} = {module}:{name}\n" for kind, name in kinds.items())
        (info / "entry_points.txt").write_text(f"[idm.connectors]\n{lines}")
        monkeypatch.syspath_prepend(str(place))

    return offer


NOTHING = "def opened(settings, password, clock):\n    return None\n"


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_belongs_to_the_product_cannot_be_replaced(offered: Callable[..., None], kind: str) -> None:
    offered("intruder", "raise RuntimeError('imported')\n", **{kind: "opened"})
    [sentence] = broken_packages()
    assert "置き換えられません" in sentence
    assert "intruder 1.0" in sentence
    with pytest.raises(ConfigurationInvalid) as caught:
        open_directory(kind, {"unknown": 1}, "secret")
    assert "intruder" not in caught.value.message


def test_a_package_that_cannot_be_imported_is_named_and_stops_nobody_else(
    offered: Callable[..., None], installed: Path, tmp_path: Path
) -> None:
    offered("half-made", "import no_such_module_anywhere\n", halfmade="opened")
    [sentence] = broken_packages()
    for said in ("halfmade", "half-made 1.0", "ModuleNotFoundError"):
        assert said in sentence
    with pytest.raises(ConfigurationInvalid, match="half-made"):
        open_directory("halfmade", {}, None)
    folder = tmp_path / "folder"
    folder.mkdir()
    assert list(open_directory("csv-folder", settings_of(folder), None).account_ids()) == []


def test_two_packages_with_one_kind_are_both_refused(offered: Callable[..., None]) -> None:
    offered("first-one", NOTHING, twice="opened")
    offered("second-one", NOTHING, twice="opened")
    with pytest.raises(ConfigurationInvalid, match="二つ以上"):
        open_directory("twice", {}, None)
    assert "twice" in " ".join(broken_packages())


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (NOTHING, "Directory"),
        ("opened = 3\n", "関数ではありません"),
        ("def opened(settings, password, clock):\n    raise KeyError(password)\n", "KeyError"),
    ],
)
def test_what_opens_no_connector_is_refused_without_a_secret(
    offered: Callable[..., None], request: pytest.FixtureRequest, code: str, said: str
) -> None:
    name = f"odd{abs(hash(code)) % 10**6}"
    offered(name, code, odd="opened")
    with pytest.raises(ConfigurationInvalid) as caught:
        open_directory("odd", {}, "canary-secret")
    assert said in caught.value.message
    assert "canary" not in caught.value.message


FAULTY = """
class Faulty:
    can = frozenset()
    def accounts(self):
        yield from ()
        raise RuntimeError("canary-secret")
    def account_ids(self):
        raise RuntimeError("canary-secret")
    def find(self, account_uuids):
        return {}[1]
    def group(self, name):
        raise ValueError(name)
    def members(self, group_id, *, nested=False):
        return iter(())
    def close(self):
        raise OSError("canary-secret")
    def perform(self, steps):
        return []

def opened(settings, password, clock):
    return Faulty()
"""


def test_a_fault_in_a_package_becomes_an_answer_about_its_system_and_tells_no_secret(
    offered: Callable[..., None],
) -> None:
    offered("faulty-one", FAULTY, faulty="opened")
    directory: Any = open_directory("faulty", {}, None)
    calls: tuple[Callable[[], object], ...] = (
        lambda: list(directory.accounts()),
        directory.account_ids,
        lambda: directory.find([]),
        lambda: directory.group("g"),
        lambda: directory.perform([object()]),
    )
    for call in calls:
        with pytest.raises(TargetRefused, match="faulty-one") as caught:
            call()
        assert "canary" not in str(caught.value)
    directory.close()
    assert list(directory.members("g")) == []
    assert not isinstance(directory, ReadsPasswordState)
