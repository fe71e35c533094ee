"""Readings of names in which kana alone mislead: where a word begins inside them, and where small kana stand.

いのうえ is い＋の＋うえ, so its う is no long vowel: inoue, while the plain rule says inoe (井上). The same happens
wherever 上・内・浦・海・梅 (う…) or 岡・織・臣 (お…) follows a sound that ends in o or u. `|` marks the border; vowels
within each part stay long as the rule says (オオ|…). Readings that different families divide differently (コウラ
小浦・甲良) are left out: the plain rule holds for them, and an organisation's own file may say otherwise.

Older systems write no small kana: ハツトリ. A reading that is no name with large kana is given in its true form here.
Every row changes something; readings that the rule spells rightly are not listed.
"""

from collections.abc import Iterator, Mapping

from idm.names.romaji import BORDER, large

_BORDERS = """
イノ|ウエ タノ|ウエ オノ|ウエ キノ|ウエ ノノ|ウエ ヒノ|ウエ ミゾ|ウエ モト|ウエ クボ|ウエ ツボ|ウエ サカノ|ウエ
カワノ|ウエ ヤマノ|ウエ
イケノ|ウエ イシノ|ウエ モリノ|ウエ ハシノ|ウエ イエノ|ウエ オカノ|ウエ ニシノ|ウエ ハラノ|ウエ マツ|ウエ
タキノ|ウエ タケノ|ウエ シマノ|ウエ マエノ|ウエ キシノ|ウエ
コ|ウチ コ|ウチワ タノ|ウチ キノ|ウチ イノ|ウチ ヒノ|ウチ ヤノ|ウチ ノ|ウチ ミノ|ウチ オノ|ウチ タケノ|ウチ ヤマノ|ウチ
ホリノ|ウチ イケノ|ウチ カキノ|ウチ テラノ|ウチ マツノ|ウチ ミヤノ|ウチ オカノ|ウチ モリノ|ウチ サカノ|ウチ タテノ|ウチ
ツボ|ウチ クボ|ウチ ヨコ|ウチ サト|ウチ モト|ウチ セト|ウチ カド|ウチ キド|ウチ イド|ウチ ムロ|ウチ シロ|ウチ ヒロ|ウチ
クロ|ウチ ホソ|ウチ イソ|ウチ ミゾ|ウチ シモ|ウチ トモ|ウチ トヨ|ウチ サコ|ウチ フル|ウチ フク|ウチ マル|ウチ マツ|ウチ
ツル|ウチ
マツ|ウラ カツ|ウラ フク|ウラ オク|ウラ ムツ|ウラ トク|ウラ ミツ|ウラ ミノ|ウラ タノ|ウラ ヒノ|ウラ ソノ|ウラ ノ|ウラ
コノ|ウラ オ|ウラ ニシノ|ウラ ウチノ|ウラ ヨコ|ウラ イソ|ウラ モト|ウラ ソト|ウラ セト|ウラ キド|ウラ ツボ|ウラ
シモ|ウラ トモ|ウラ モモ|ウラ トヨ|ウラ キヨ|ウラ ヒロ|ウラ ヤマノ|ウラ キタノ|ウラ
コ|ウミ ヨコ|ウミ ニシノ|ウミ ヒロ|ウミ アツ|ウミ コ|ウメ マツ|ウメ クズ|ウ
ヒロ|オカ トヨ|オカ キヨ|オカ モロ|オカ トモ|オカ モト|オカ ヨコ|オカ シモ|オカ ホソ|オカ イソ|オカ クロ|オカ シロ|オカ
ソト|オカ トノ|オカ ノ|オカ シノ|オカ サト|オカ アオ|オカ カド|オカ ミト|オカ イト|オカ モト|オリ
"""

_SMALL_KANA = """
ハットリ ホッタ ニッタ ハッチョウ キッカワ キッタカ ベップ ベッショ サイショ ショウジ ショウダ キョウゴク リュウザキ
ジョウ チョウ ホンジョウ シンジョウ キンジョウ ナンジョウ ホウジョウ トウジョウ カミジョウ ナカジョウ シモジョウ
ニジョウ クジョウ イチジョウ シュドウ ジュウモンジ ミョウジン
"""

_GIVEN = """
ヒロ|オミ トモ|オミ キヨ|オミ トヨ|オミ モト|オミ ナオ|オミ ヒロ|オキ トモ|オキ モト|オキ キヨ|オキ
コ|ウメ
"""

_ALSO_GIVEN = """
リョウ ショウ ジュン シュン リュウ キョウコ リョウコ ショウコ ジュンコ キョウヘイ リョウヘイ ショウヘイ ジュンペイ
シュンペイ リョウタ ショウタ ジュンイチ シュンイチ リョウイチ ショウイチ リュウイチ リョウスケ ショウスケ シュンスケ
リュウスケ ジュンジ リュウジ ショウジ リョウジ キョウスケ イッペイ テッペイ
"""


def _by_reading(*forms: str) -> Iterator[tuple[str, str]]:
    """Each reading as files write it, with its true form."""
    for form in forms:
        bare = form.replace(BORDER, "")
        yield large(bare), form
        yield bare, form


SURNAMES: Mapping[str, str] = dict(_by_reading(*_BORDERS.split(), *_SMALL_KANA.split()))
"""Reading of a family name in katakana → its true form with `|` where a word begins."""

GIVEN_NAMES: Mapping[str, str] = dict(_by_reading(*_GIVEN.split(), *_ALSO_GIVEN.split()))
"""The same for given names."""
