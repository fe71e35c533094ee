"""Registers in the demonstration: an external service, devices of people's own, an official account (I2, I4, I6)."""

from datetime import timedelta

from idm.calendar_days import day_of
from idm.operations.external_services import applications as services
from idm.operations.external_services.applications import WantedService
from idm.operations.official_accounts import applications as official_accounts
from idm.operations.official_accounts import keeping
from idm.operations.official_accounts.applications import WantedOfficialAccount
from idm.operations.own_devices import applications as own_devices
from idm.operations.own_devices.applications import WantedDevice
from idm.queries.governance.configuration import policy_in_force
from idm.queries.outsiders.outside_scope import units_of_person
from jobs.demo.acting import act_as, person_id_of
from jobs.installation import Installation

PERMIT = {"permit": True, "note": "申請の内容と、対策を確認した"}


def fill_registers(installation: Installation) -> None:
    """Afterwards one service, one device and one account are in use, and another device waits for the CISO."""
    _service(installation)
    _devices(installation)
    _official_account(installation)


def _service(installation: Installation) -> None:
    with installation.database.reading() as session:
        questions = policy_in_force(session, now=installation.clock()).external_services.questions
    wanted = WantedService(
        name="日程調整サービス", provider="那珂川電算", purpose="会議の日程の調整", users="総務課の職員",
        information="会議の名称と日時", confidential=False, place="日本国内、日本法",
        answers=dict.fromkeys(questions, "提供者の回答書（令和8年3月）で確認した"),
    )  # fmt: skip
    person = ("person", person_id_of(installation, "security"))
    made = act_as(installation, "security", "external_service.ask", person, services.ask, wanted).id
    act_as(
        installation, "chief", "external_service.answer", ("external_service", made), services.answer, made, **PERMIT,
        administrator_id=person_id_of(installation, "colleague"),
    )  # fmt: skip


def _devices(installation: Installation) -> None:
    first, _waiting = (
        act_as(
            installation, who, "own_device.ask", ("person", person_id_of(installation, who)), own_devices.ask,
            _device(installation, who),
        ).id
        for who in ("colleague", "staff")
    )  # fmt: skip
    for who in ("ciso", "security"):
        act_as(
            installation, who, "own_device.answer", ("own_device", first), own_devices.answer, first, **PERMIT
        )  # fmt: skip


def _device(installation: Installation, who: str) -> WantedDevice:
    now = installation.clock()
    with installation.database.reading() as session:
        policy, person_id = policy_in_force(session, now=now), person_id_of(installation, who)
        unit = min(units_of_person(session, person_id, day_of(now)))
    return WantedDevice(
        unit_code=unit, contact="内線 210", contract_holder="本人", maker="那珂川電子", model="N-1", os="Android",
        os_version="16", purpose="災害のときの参集の連絡", information="参集の連絡網", confidentiality=2, place="自宅",
        line="携帯電話会社の回線", connects_inside=False, begins_on=day_of(now),
        ends_on=day_of(now) + timedelta(days=180), answers=dict.fromkeys(policy.own_devices.questions, "設定した"),
    )  # fmt: skip


def _official_account(installation: Installation) -> None:
    with installation.database.reading() as session:
        day = day_of(installation.clock())
        unit = min(units_of_person(session, person_id_of(installation, "security"), day))
    wanted = WantedOfficialAccount(
        unit_code=unit, service="さえずり", handle="@kumiai", address="https://saezuri.example/kumiai",
        purpose="催しと手続の案内", own_page="組合のウェブサイトの「公式アカウント」", same_elsewhere="なし",
        custody="封をして総務課の金庫。鍵は総務課長", two_factors=True, recovery="総務課の金庫", only_public=True,
        responsible_id=person_id_of(installation, "colleague"),
    )  # fmt: skip
    person = ("person", person_id_of(installation, "security"))
    made = act_as(installation, "security", "official_account.ask", person, official_accounts.ask, wanted).id
    place = ("official_account", made)
    act_as(installation, "chief", "official_account.answer", place, official_accounts.answer, made, **PERMIT)
    act_as(
        installation, "colleague", "official_account.name_poster", place, keeping.name_poster, made,
        person_id_of(installation, "staff"),
    )  # fmt: skip
