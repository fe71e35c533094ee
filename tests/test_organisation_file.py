"""Organisation files: every name in one exists, no right by post is privileged, no secret stands in it."""

import json
from datetime import date

import pytest

from idm.errors import ConfigurationInvalid
from idm.organisation import Organisation
from idm.organisation_file import effective_text, load_organisation, organisation_from_text
from idm.vocabulary import AuthenticatorKind, Service, Stage, VerifiedBy, Zone
from tests.cast import ORGANISATION

OFFICERS = 'first_officers = [{ role = "ciso", staff_number = "100001" }]\n'
GOOD = OFFICERS + ORGANISATION


def mistakes(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationInvalid) as refusal:
        load_organisation(text, "town.toml")
    return refusal.value.mistakes


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new, 1)


BY_HAND_SYSTEM = """
[[systems]]
code = "koseki"
name = "戸籍附票"
zone = "lgwan"
confidentiality = 3
integrity = 2
availability = 2
manager_unit = "0600"
connector = "work_order"
rights = [{ code = "account", name = "利用者ID", kind = "account" }]

[systems.listing]
login_name = "利用者ID"
enabled = "状態"
disabled = ["停止"]
"""


def test_what_a_list_of_user_ids_looks_like_is_read() -> None:
    listing = load_organisation(GOOD + BY_HAND_SYSTEM, "town.toml").systems[-1].listing
    assert listing is not None
    assert (listing.login_name, listing.disabled, listing.groups, listing.encoding) == (
        "利用者ID", ("停止",), None, "cp932"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        ('connector = "work_order"', 'connector = "memory"', "一覧を取り込めるのは、手作業のシステム"),
        ('disabled = ["停止"]\n', "", "enabled（列の見出し）と disabled（無効を表す語）は、両方書くか"),
        ('enabled = "状態"', 'enabled = "利用者ID"', "systems.koseki.listing: 「利用者ID」が 2 回あります"),
        ('login_name = "利用者ID"\n', "", "listing.login_name: 項目がありません"),
        ('login_name = "利用者ID"', 'login_name = ""', "listing.login_name: 空にはできません"),
    ],
)
def test_a_list_that_could_not_be_read_is_refused_before_it_comes(old: str, new: str, mistake: str) -> None:
    assert old in BY_HAND_SYSTEM
    (found,) = mistakes(GOOD + BY_HAND_SYSTEM.replace(old, new, 1))
    assert mistake in found


SUCCESSOR = """
[[successors]]
unit = "0410"
post = "主事"
new_unit = "0450"
new_post = "主任"
day = 2027-04-01
order = "組織規則の改正（令和9年規則第3号）"
"""


def test_what_came_in_the_place_of_a_unit_or_post_is_read() -> None:
    (line,) = load_organisation(GOOD + SUCCESSOR, "town.toml").successors
    assert (line.unit, line.post, line.new_unit, line.new_post) == ("0410", "主事", "0450", "主任")
    assert line.day == date(2027, 4, 1)
    assert organisation_from_text(effective_text(GOOD + SUCCESSOR, "town.toml")).successors == (line,)


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        ('new_unit = "0450"\nnew_post = "主任"', 'new_unit = "0410"', "successors.0: 前と後が同じです"),
        ('post = "主事"\nnew_unit', "new_unit", "successors.0.new_post: 職名を変えるときは"),
        ("day = 2027-04-01", 'day = "四月"', "successors.0.day: 日付で書いてください"),
        ('order = "組織規則の改正（令和9年規則第3号）"', 'order = ""', "successors.0.order: 空にはできません"),
    ],
)
def test_a_successor_that_could_not_be_followed_is_refused(old: str, new: str, mistake: str) -> None:
    assert old in SUCCESSOR
    (found,) = mistakes(GOOD + SUCCESSOR.replace(old, new, 1))
    assert mistake in found


def test_where_the_password_policy_is_may_be_said() -> None:
    text = changed('name = "ledger"\n\n', 'name = "ledger"\npassword_policy_dn = "cn=default,dc=jp"\n\n')
    assert load_organisation(text, "town.toml").systems[0].settings["password_policy_dn"] == "cn=default,dc=jp"


def test_a_good_file_is_read() -> None:
    organisation = load_organisation(GOOD, "town.toml")
    assert [(system.code, system.zone) for system in organisation.systems] == [
        ("ledger", Zone.LGWAN), ("pension", Zone.MYNUMBER),
    ]  # fmt: skip
    assert organisation.login_names.prefix == "u"


def test_the_accepted_text_gives_the_same_organisation_again() -> None:
    assert organisation_from_text(effective_text(GOOD, "town.toml")) == load_organisation(GOOD, "town.toml")


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        ('rights = ["account", "enter"]', 'rights = ["account", "admin"]',
         "post_rights.0: 「ledger/admin」は特権です。特権は職からは起案しません。一件ずつ期間を付けて申請してください"),
        ('group = "ledger-enter" }', 'group = "ledger-enter", by_name_only = true }',
         "post_rights.0: 「ledger/enter」は制限された権限（by_name_only）です。職からは起案しません。"),
        ('group = "ledger-enter" }', 'group = "ledger-enter", by_name_only = "yes" }',
         "systems.0.rights.1.by_name_only: true か false で書いてください"),
        ('group = "ledger-enter" }', 'group = "ledger-enter", service = "radio" }',
         "systems.0.rights.1.service: 決められた値のどれかにしてください（"),
        ('zone = "lgwan"', 'zone = "lgwan"\noverlap_days = 11', "systems.0.overlap_days: 大きすぎます"),
        ('zone = "lgwan"', 'zone = "lgwan"\noverlap_days = -1', "systems.0.overlap_days: 小さすぎます"),
        ('zone = "mynumber"', 'zone = "mynumber"\noverlap_days = 1',
         "systems.pension.overlap_days: マイナンバー利用事務系では猶予期間を置けません。"),
        ('rights = ["account", "enter"]', 'rights = ["account", "nothing"]',
         "post_rights.0: 権限「ledger/nothing」がありません"),
        ('[[post_rights]]\nsystem = "ledger"', '[[post_rights]]\nsystem = "nothing"',
         "post_rights.0: 権限「nothing/account」がありません"),
        ('first = "ledger/enter"', 'first = "ledger/nothing"', "conflicts.0: 権限「ledger/nothing」がありません"),
        ('first = "ledger/enter"', 'first = "ledger/approve"', "conflicts.0: 同じ権限が二度書かれています"),
        ('code = "pension"', 'code = "ledger"', "systems: 「ledger」が 2 回あります"),
        ('code = "approve"', 'code = "enter"', "systems.ledger.rights: 「enter」が 2 回あります"),
        ('group = "ledger-approve"', 'group = "ledger-enter"',
         "systems.ledger.rights: グループ: 「ledger-enter」が 2 回あります"),
        ('kind = "account" },\n  { code = "enter"', 'kind = "group" },\n  { code = "enter"',
         "systems.ledger.account: グループ名（group）がありません"),
        ('name = "伝票入力", kind = "group"', 'name = "伝票入力", kind = "account"',
         "systems.ledger.enter: 利用者IDの権限にグループ名（group）は書けません"),
        ('name = "伝票入力", kind = "group"', 'name = "伝票入力", kind = "account"',
         'systems.ledger: 利用者IDの権限（kind = "account"）をちょうど1つ書いてください'),
        ('code = "admin-account", name = "管理用ID", kind = "account", privileged = true',
         'code = "admin-account", name = "管理用ID", kind = "account"',
         'systems.ledger: 利用者IDの権限（kind = "account"）をちょうど1つ書いてください'),
        ('code = "admin-account", name = "管理用ID", kind = "account"',
         'code = "admin-account", name = "管理用ID", kind = "group", group = "ledger-operators"',
         "systems.ledger: 特権の権限「admin-account」がありますが、それを付ける管理用IDの権限"),
        ('name = "システム管理", kind = "group", group = "ledger-admin"', 'name = "システム管理", kind = "account"',
         'systems.ledger: 管理用IDの権限（kind = "account", privileged = true）は1つだけ書いてください'),
        ('[systems.settings]\nname = "ledger"', '[systems.settings]\nbind_password = "x"',
         "systems.ledger.settings.bind_password: 秘密は書けません。credential にファイル名を書いてください"),
        ('[systems.settings]\nname = "ledger"', '[systems.settings]\nClient_Secret = "x"',
         "systems.ledger.settings.Client_Secret: 秘密は書けません。credential にファイル名を書いてください"),
        ('credential = "ledger.password"', 'credential = "../ledger.password"',
         "systems.ledger.credential: 半角の英数字と「.」「_」「-」で、64文字までにしてください"),
        ('manager_unit = "0600"', f'manager_unit = "{"0" * 33}"',
         "systems.ledger.manager_unit: 半角の英数字と「.」「_」「-」で、32文字までにしてください"),
        ('{ code = "0610", parent = "0600" }', '{ code = "0110", parent = "0600" }', "units: 「0110」が 2 回あります"),
        ('zone = "lgwan"', 'zone = "moon"', "systems.0.zone: 決められた値のどれかにしてください（"),
        ("confidentiality = 2", "confidentiality = 4", "systems.0.confidentiality: 大きすぎます"),
        ("integrity = 2", "integrity = true", "systems.0.integrity: 整数で書いてください"),
        ('code = "ledger"', 'code = "LEDGER!"', "systems.0.code: 使えない文字があります"),
        ('name = "小さな組合"', 'name = "小さな組合"\nsign_in_system = "nothing"',
         "sign_in_system: 情報システム「nothing」がありません"),
        ('name = "小さな組合"', 'name = "小さな組合"\nsign_in_system = "pension"',
         "sign_in_system: 「pension」はマイナンバー利用事務系です。"),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_with_file_and_key(old: str, new: str, mistake: str) -> None:
    assert any(line.startswith(f"town.toml: {mistake}") for line in mistakes(changed(old, new)))


def test_every_mistake_is_told_at_once() -> None:
    text = changed('rights = ["account", "enter"]', 'rights = ["nothing", "admin"]').replace(
        'first = "ledger/enter"', 'first = "nowhere/enter"'
    )
    assert len(mistakes(text)) == 3


def test_a_file_may_say_restricted_rights_their_service_and_an_overlap() -> None:
    text = changed(
        'group = "ledger-approve" }', 'group = "ledger-approve", by_name_only = true, service = "internet" }'
    ).replace('zone = "lgwan"', 'zone = "lgwan"\noverlap_days = 10')
    ledger, pension = load_organisation(text, "town.toml").systems
    assert [right.code for right in ledger.rights if right.by_name_only] == ["approve"]
    assert {right.code: right.service for right in ledger.rights if right.service} == {"approve": Service.INTERNET}
    assert (ledger.overlap_days, pension.overlap_days) == (10, None)


def test_no_overlap_may_be_written_for_a_mynumber_system() -> None:
    load_organisation(changed('zone = "mynumber"', 'zone = "mynumber"\noverlap_days = 0'), "town.toml")


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", "nonsense"])
def test_a_broken_accepted_text_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationInvalid):
        organisation_from_text(text)


def test_an_accepted_text_is_checked_as_the_file_was() -> None:
    table = json.loads(effective_text(GOOD, "town.toml"))
    table["post_rights"][0]["rights"] = ["admin"]
    with pytest.raises(ConfigurationInvalid, match="誤りが 1 件"):
        organisation_from_text(json.dumps(table))


def test_an_organisation_may_have_nothing_yet() -> None:
    text = 'name = "町"\nprofile = "fukuoka"\nsystems = []\npost_rights = []\nfirst_officers = []\n'
    assert load_organisation(text, "town.toml") == Organisation("町", "fukuoka", (), (), ())


def test_people_do_not_sign_in_with_a_system_that_is_worked_by_hand() -> None:
    text = changed('connector = "memory"', 'connector = "work_order"').replace(
        'name = "小さな組合"', 'name = "小さな組合"\nsign_in_system = "ledger"'
    )
    assert any("手作業のシステムのため" in mistake for mistake in mistakes(text))


def test_a_file_may_name_what_people_sign_in_with_and_our_own_account() -> None:
    text = changed('name = "小さな組合"', 'name = "小さな組合"\nsign_in_system = "ledger"').replace(
        'credential = "ledger.password"', 'credential = "ledger.password"\nservice_account = "svc-idm"', 1
    )
    organisation = load_organisation(text, "town.toml")
    assert organisation.sign_in_system == "ledger"
    assert organisation.systems[0].service_account == "svc-idm"


@pytest.mark.parametrize("written", ["2026-09-30", '"2026-09-30"'])
def test_the_last_day_of_taking_over_is_a_day_and_survives_the_canonical_text(written: str) -> None:
    text = changed('stage = "enforce"', f'stage = "adopt"\nadopt_until = {written}')
    (system, *_) = organisation_from_text(effective_text(text, "town.toml")).systems
    assert (system.stage, system.adopt_until) == (Stage.ADOPT, date(2026, 9, 30))


@pytest.mark.parametrize("written", ['"soon"', "2026-09-30T10:00:00", "true"])
def test_a_last_day_that_is_none_is_refused_in_words_for_an_office(written: str) -> None:
    told = mistakes(changed('stage = "enforce"', f'stage = "adopt"\nadopt_until = {written}'))
    assert [mistake.rpartition(": ")[2] for mistake in told] == ["日付で書いてください（例 2026-09-30）"]


# --- what verifies factors -------------------------------------------------------------------------------------------

GROUP = 'verification = { by = "group", name = "年金システムの二要素認証", group = "pension-two-factor" }'
PRODUCT = """
[systems.verification]
by = "product"
name = "端末の製品"

[systems.verification.listing]
login_name = "ID"
factors = "認証"
required = "必須"
required_words = ["はい"]
words = { "ICカード" = "ic_card", "顔" = "biometric" }
"""


def by_product(old: str = "", new: str = "") -> str:
    """The hand-worked system with a product that verifies its factors; `old` of the product's table replaced."""
    assert old in PRODUCT
    return GOOD + BY_HAND_SYSTEM + PRODUCT.replace(old, new, 1)


def test_what_verifies_factors_is_read() -> None:
    *_, pension = load_organisation(GOOD, "town.toml").systems
    product = load_organisation(by_product(), "town.toml").systems[-1].verification
    assert pension.verification is not None
    assert (pension.verification.by, pension.verification.group) == (VerifiedBy.GROUP, "pension-two-factor")
    assert product is not None
    assert product.listing is not None
    assert product.listing.words == {"ICカード": AuthenticatorKind.IC_CARD, "顔": AuthenticatorKind.BIOMETRIC}


@pytest.mark.parametrize("stage", ["adopt", "enforce"])
def test_a_mynumber_system_that_nothing_verifies_factors_for_is_refused_and_told_what_to_write(stage: str) -> None:
    head, _, tail = GOOD.partition('code = "pension"')
    text = head + 'code = "pension"' + tail.replace(GROUP, "").replace('stage = "enforce"', f'stage = "{stage}"')
    (told,) = mistakes(text)
    assert told.startswith("town.toml: systems.pension: マイナンバー利用事務系です。")
    assert "[systems.verification]" in told


def test_a_mynumber_system_may_be_observed_before_anything_verifies_factors() -> None:
    head, _, tail = GOOD.partition('code = "pension"')
    text = head + 'code = "pension"' + tail.replace(GROUP, "").replace('stage = "enforce"', 'stage = "observe"')
    assert load_organisation(text, "town.toml").systems[1].verification is None


@pytest.mark.parametrize(
    ("new", "mistake"),
    [
        (GROUP.replace(', group = "pension-two-factor"', ""),
         "systems.pension.verification.group: 二要素認証を必須にするグループの名前を書いてください"),
        (GROUP.replace('"pension-two-factor"', '" "'),
         "systems.pension.verification.group: 二要素認証を必須にするグループの名前を書いてください"),
        (GROUP.replace('"group"', '"smart_card"'),
         'systems.pension.verification.group: グループ名は by = "group" のときだけ書きます'),
        ('verification = { by = "product", name = "製品" }',
         "systems.pension.verification.listing: 製品が出力する登録者一覧の形"),
        ('verification = { by = "smart_card", name = "カード", listing = '
         '{ login_name = "ID", factors = "認証", words = { "カード" = "smart_card" } } }',
         'systems.pension.verification.listing: 登録者一覧を取り込むのは by = "product" のときだけです'),
        ('verification = { by = "totp", name = "画面" }',
         "systems.1.verification.by: 決められた値のどれかにしてください（'smart_card', 'group' or 'product'）"),
    ],
)  # fmt: skip
def test_what_could_not_verify_factors_is_refused(new: str, mistake: str) -> None:
    (told,) = mistakes(changed(GROUP, new))
    assert told.startswith(f"town.toml: {mistake}")


def test_a_smart_card_needs_nothing_else_to_be_written() -> None:
    text = changed(GROUP, 'verification = { by = "smart_card", name = "職員カード" }')
    verification = load_organisation(text, "town.toml").systems[1].verification
    assert verification is not None
    assert verification.by is VerifiedBy.SMART_CARD


def test_the_group_that_demands_factors_is_nobodys_right() -> None:
    text = changed('credential = "ledger.password"', 'credential = "ledger.password"\n'
                   'verification = { by = "group", name = "二要素", group = "ledger-enter" }')  # fmt: skip
    (told,) = mistakes(text)
    assert told.startswith("town.toml: systems.ledger.verification.group: 「ledger-enter」は権限のグループです。")


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        ('login_name = "ID"\n', "", ": login_name か employee_number（列の見出し）のどちらかを書いてください"),
        ('required = "必須"\n', "", ": required（列の見出し）と required_words（必須を表す語）は、両方書くか"),
        ('required_words = ["はい"]\n', "", ": required（列の見出し）と required_words（必須を表す語）は、両方書くか"),
        ('factors = "認証"', 'factors = "ID"', ": 「ID」が 2 回あります"),
        ('"顔" = "biometric"', '"アプリ" = "totp"', ".words.アプリ: 認証アプリは、この画面へのサインインだけの"),
        ('"顔" = "biometric"', '"鍵" = "passkey"', ".words.鍵: パスキーは、この画面へのサインインだけの"),
        ('"顔" = "biometric"', '"顔・指" = "biometric"', ".words.顔・指: 区切りの文字「・」を含む語は"),
        ('"顔" = "biometric"', '"ＩＣ カード" = "biometric"', ".words: 「icカード」が 2 回あります"),
        ('{ "ICカード" = "ic_card", "顔" = "biometric" }', "{}", ".words: 認証要素を表す語を1つ以上書いてください"),
    ],
)
def test_a_list_of_who_is_enrolled_that_could_not_be_read_is_refused(old: str, new: str, mistake: str) -> None:
    (told,) = mistakes(by_product(old, new))
    assert told.startswith(f"town.toml: systems.koseki.verification.listing{mistake}")


@pytest.mark.parametrize("by", ['"smart_card"', '"group", group = "two-factor"'])
def test_a_system_without_an_interface_shows_its_factors_by_a_list_only(by: str) -> None:
    text = BY_HAND_SYSTEM.replace(
        "\n[systems.listing]", f'verification = {{ by = {by}, name = "二要素" }}\n[systems.listing]'
    )
    (told,) = mistakes(GOOD + text)
    assert told.startswith("town.toml: systems.koseki.verification.by: 連携のないシステム")


def test_access_from_outside_never_follows_from_a_post() -> None:
    (told,) = mistakes(changed('group = "ledger-enter" }', 'group = "ledger-enter", external_access = true }'))
    assert told.startswith("town.toml: post_rights.0: 「ledger/enter」は外部からの利用の権限（external_access）です。")


PROVIDER = """sign_in_provider = { name = "庁内認証", authority = "https://login.example.jp/tenant/v2.0", \
client_id = "idm", credential = "oidc.secret" }"""


def with_provider(old: str = "", new: str = "") -> str:
    assert old in PROVIDER
    return changed('name = "小さな組合"', 'name = "小さな組合"\n' + PROVIDER.replace(old, new, 1))


def test_a_service_to_sign_in_with_is_read() -> None:
    provider = load_organisation(with_provider(), "town.toml").sign_in_provider
    assert provider is not None
    assert (provider.authority, provider.entra) == ("https://login.example.jp/tenant/v2.0", False)


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        ("https://login", "http://login", "authority: https:// で始まる URL を書いてください"),
        (
            "https://login.example.jp",
            "https://who@login.example.jp",
            "authority: https:// で始まる URL を書いてください",
        ),
        ("/v2.0", "/v2.0?policy=x", "authority: https:// で始まる URL を書いてください"),
        ('"oidc.secret"', '"../oidc.secret"', "credential: 半角の英数字と「.」「_」「-」で、64文字までにしてください"),
        ('"oidc.secret"', '"/etc/passwd"', "credential: 半角の英数字と「.」「_」「-」で、64文字までにしてください"),
        ("/tenant/v2.0", "", "authority: ホスト名のあとにパスのある発行者（issuer）だけを使えます"),
        ("/tenant/v2.0", "/", "authority: ホスト名のあとにパスのある発行者（issuer）だけを使えます"),
        ('v2.0"', 'v2.0", entra = true', "authority: Entra ID では https://login.microsoftonline.com/"),
    ],
)
def test_a_service_to_sign_in_with_is_reached_over_https_and_its_secret_stands_in_a_file(
    old: str, new: str, mistake: str
) -> None:
    (told,) = mistakes(with_provider(old, new))
    assert told.startswith(f"town.toml: sign_in_provider.{mistake}")
