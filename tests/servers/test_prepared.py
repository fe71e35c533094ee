"""What is made once per machine is made once, finished or not at all; and addresses belong to one."""

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.servers import prepared as place
from tests.servers.addresses import OwnAddress
from tests.servers.prepared import fingerprint, prepared

PORT = 20_389


@pytest.fixture
def _own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "STORE", tmp_path)


@pytest.mark.usefixtures("_own_store")
def test_of_several_who_come_at_once_one_makes_and_all_find_it_finished() -> None:
    makers: list[Path] = []

    def make(folder: Path) -> None:
        makers.append(folder)
        (folder / "half").touch()
        (folder / "whole").touch()

    def use(_: int) -> bool:
        with prepared("kind", "1", make) as ready:
            return (ready / "whole").exists()

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(use, range(8)))
    assert len(makers) == 1


@pytest.mark.usefixtures("_own_store")
def test_what_failed_half_way_is_never_taken_for_finished_and_leaves_nothing_behind() -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError("disk full")

    def make(folder: Path) -> None:
        (folder / "whole").touch()

    with pytest.raises(OSError, match="disk full"), prepared("kind", "1", fail):
        pass
    with prepared("kind", "1", make) as ready:
        assert [path.name for path in ready.iterdir()] == ["whole"]
        assert list(ready.parent.glob("*kind-*")) == [ready]


@pytest.mark.usefixtures("_own_store")
def test_a_new_version_takes_the_place_of_the_old_one() -> None:
    with prepared("kind", fingerprint("4.17", "recipe"), Path.touch) as old:
        assert old.exists()
    with prepared("kind", fingerprint("4.18", "recipe"), Path.touch) as new:
        assert new.exists()
    assert not old.exists()


@pytest.mark.usefixtures("_own_store")
def test_a_store_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    place.store().chmod(0o777)
    with pytest.raises(RuntimeError, match="not ours alone"), prepared("kind", "1", Path.touch):
        pass


def test_nobody_gets_an_address_that_another_has_until_it_is_released() -> None:
    first, second = OwnAddress([PORT]), OwnAddress([PORT])
    assert first.host != second.host
    first.release()
    again = OwnAddress([PORT])
    assert again.host != second.host
    second.release()
    again.release()


def test_an_address_where_somebody_listens_is_passed_over() -> None:
    free = OwnAddress([PORT])
    with socket.create_server((free.host, PORT)):
        free.release()
        other = OwnAddress([PORT])
    assert other.host != free.host
    other.release()
