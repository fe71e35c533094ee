"""What may stand in an organisation file as that which verifies two kinds of factor in a system (control B2). Pure."""

import unicodedata
from collections import Counter
from collections.abc import Iterator

from idm.organisation import EnrolmentShape, System, Verification
from idm.vocabulary import AUTHENTICATOR_TITLES, BY_HAND, OWN_SIGN_IN_KINDS, Stage, VerifiedBy, Zone

WRITE_ONE = (
    "マイナンバー利用事務系です。二つの種類の認証要素をこの系の中で確かめるものを"
    ' [systems.verification] に書いてください（by = "smart_card"、"group" 又は "product" と、name）'
)
OWN_SIGN_IN = "は、この画面へのサインインだけの認証要素です。情報システムの二要素認証としては数えません"


def verification_mistakes(where: str, system: System) -> Iterator[str]:
    """What is wrong with what the file says verifies factors in the system, each with its key."""
    verification = system.verification
    if verification is None:
        if system.zone is Zone.MYNUMBER and system.stage is not Stage.OBSERVE:
            yield f"{where}: {WRITE_ONE}"
        return
    where = f"{where}.verification"
    yield from _group_mistakes(where, system, verification)
    yield from _product_mistakes(where, verification)
    if verification.by is not VerifiedBy.PRODUCT and system.connector == BY_HAND:
        yield (
            f'{where}.by: 連携のないシステム（connector = "{BY_HAND}"）では、ディレクトリから読み取れません。'
            'by = "product" とし、製品の一覧を取り込んでください'
        )
    if verification.listing is not None:
        yield from _listing_mistakes(f"{where}.listing", verification.listing)


def _group_mistakes(where: str, system: System, verification: Verification) -> Iterator[str]:
    """The group that demands a second factor is nobody's right: whoever gave or took one would change the demand."""
    if verification.by is not VerifiedBy.GROUP:
        if verification.group is not None:
            yield f'{where}.group: グループ名は by = "group" のときだけ書きます'
    elif verification.group is None or not verification.group.strip():
        yield f"{where}.group: 二要素認証を必須にするグループの名前を書いてください"
    elif verification.group in {right.group for right in system.rights}:
        yield f"{where}.group: 「{verification.group}」は権限のグループです。二要素認証には別のグループを使ってください"


def _product_mistakes(where: str, verification: Verification) -> Iterator[str]:
    """Only a product prints who is enrolled there; of a directory we read it ourselves."""
    product = verification.by is VerifiedBy.PRODUCT
    if product and verification.listing is None:
        yield f"{where}.listing: 製品が出力する登録者一覧の形（[systems.verification.listing]）を書いてください"
    if not product and verification.listing is not None:
        yield f'{where}.listing: 登録者一覧を取り込むのは by = "product" のときだけです'


def _listing_mistakes(where: str, shape: EnrolmentShape) -> Iterator[str]:
    if shape.login_name is None and shape.employee_number is None:
        yield f"{where}: login_name か employee_number（列の見出し）のどちらかを書いてください"
    if (shape.required is None) != (not shape.required_words):
        yield f"{where}: required（列の見出し）と required_words（必須を表す語）は、両方書くか、両方書かないでください"
    headings = (shape.factors, shape.login_name, shape.employee_number, shape.required)
    for heading, times in Counter(heading for heading in headings if heading is not None).items():
        if times > 1:
            yield f"{where}: 「{heading}」が {times} 回あります"
    yield from _word_mistakes(f"{where}.words", shape)


def _word_mistakes(where: str, shape: EnrolmentShape) -> Iterator[str]:
    if not shape.words:
        yield f"{where}: 認証要素を表す語を1つ以上書いてください"
    for word, kind in shape.words.items():
        if kind in OWN_SIGN_IN_KINDS:
            yield f"{where}.{word}: {AUTHENTICATOR_TITLES[kind]}{OWN_SIGN_IN}"
        if shape.separator in word:
            yield f"{where}.{word}: 区切りの文字「{shape.separator}」を含む語は、一覧の中で見つかりません"
    for word, times in Counter(plain_word(word) for word in shape.words).items():
        if times > 1:
            yield f"{where}: 「{word}」が {times} 回あります"


def plain_word(text: str) -> str:
    """A word of a list as words are compared: wide and narrow letters, capitals and spaces make no difference."""
    return "".join(unicodedata.normalize("NFKC", text).split()).casefold()
