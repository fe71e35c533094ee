"""Names of people: stored exactly as received, found and compared through keys that are made beside them.

Normalising a stored name changes it: Unicode maps compatibility characters (U+FA10 塚) to another written form, and a
person's name in the register is that form. So nothing here gives back a name to store; it gives keys.
"""

import hmac
import re
import unicodedata
from datetime import date
from hashlib import sha256

VARIANTS = (
    "高髙", "崎﨑嵜碕", "辺邊邉", "斉齋齊斎", "浜濱濵", "広廣", "沢澤", "桜櫻", "国國", "島嶋嶌", "徳德", "真眞",
    "瀬瀨", "恵惠", "条條", "栄榮", "蔵藏", "竜龍", "滝瀧", "淵渕渊", "槙槇", "桧檜", "曽曾", "富冨", "円圓", "寿壽",
    "実實", "宝寶", "学學", "応應", "将將", "晋晉", "会會", "来來", "桑桒", "当當", "発發", "尽盡", "穂穗", "豊豐",
    "村邨", "万萬", "遥遙", "鉄鐵", "関關", "鴎鷗", "黒黑", "渋澁澀", "静靜", "顕顯", "県縣", "聡聰", "与與", "勲勳",
    "増增", "壮壯", "寛寬", "岳嶽", "巌巖", "弥彌", "彦彥", "戸戶", "暁曉", "横橫", "歩步", "毎每", "満滿", "済濟",
    "為爲", "礼禮", "祢禰", "稲稻", "緑綠", "緒緖", "縄繩", "旧舊", "荘莊", "芸藝", "薬藥", "芦蘆", "蛍螢", "覚覺",
    "観觀", "譲讓", "頼賴", "達逹", "郷鄕", "鎮鎭", "録錄", "塩鹽", "麦麥", "麹麴", "黄黃", "亀龜", "青靑", "穎頴",
    "雁鴈", "亘亙", "亜亞", "伝傳", "内內", "剣劍劒釼", "呉吳", "喜㐂", "多夛", "奥奧", "峰峯", "恒恆", "悦悅", "慎愼",
    "松枩", "柳栁桺", "栃杤", "橋槗", "浄淨", "清淸", "渓溪", "涛濤", "萌萠", "衛衞", "館舘", "鶴靍靏", "吉𠮷",
    "児兒", "船舩", "土圡", "昇曻", "諌諫", "蝋蠟", "隠隱", "点點", "茎莖", "経經",
)  # fmt: skip
"""Written forms that people search as one: the first of each row is the one the key holds."""

MINIMUM_SECRET_BYTES = 16

_FOLDED = {ord(variant): row[0] for row in VARIANTS for variant in row[1:]}
_KATAKANA = {code: code + 0x60 for code in (*range(0x3041, 0x3097), 0x309D, 0x309E)}
_LARGE_KANA = str.maketrans("ァィゥェォッャュョヮヵヶ", "アイウエオツヤユヨワカケ")
_NOT_SEARCHED = re.compile(r"[\s|・]+")
_SPACES = re.compile(r"[ \u00a0\u3000]+")
_PRIVATE_USE = re.compile("[\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd]")


def fold(text: str) -> str:
    """What a search compares: width, case, kana, written forms and spaces no longer tell two texts apart.

    Folding twice changes nothing more. Never store the result as a name.
    """
    while (folded := _fold_once(text)) != text:
        text = folded
    return text


def search_key(name: str, kana: str) -> str:
    """The key a person is found by: `fold(name)|fold(kana)`; look in it for `fold(query)`."""
    return f"{fold(name)}|{fold(kana)}"


def split_name(name: str) -> tuple[str, str]:
    """The family name and the rest, parted at the first space of either width; a one-part name has no rest."""
    family, *given = _SPACES.split(name.strip(), maxsplit=1)
    return family, given[0] if given else ""


def has_private_use(text: str) -> bool:
    """Whether a text holds 外字: code points whose glyph only the sending system knows."""
    return _PRIVATE_USE.search(text) is not None


def match_key(kana: str, birth_date: date, secret: bytes) -> str:
    """A keyed hash, in hexadecimal, that two employments of one person share (再任用, a new 職員番号).

    Equal keys make a candidate that a person confirms. Small kana count as large: older systems have only those.
    Without the secret neither kana nor birth date can be tried out. Raises ValueError for a missing kana or a short
    secret.
    """
    if len(secret) < MINIMUM_SECRET_BYTES:
        raise ValueError(f"the secret needs at least {MINIMUM_SECRET_BYTES} bytes")
    reading = fold(kana).translate(_LARGE_KANA)
    if not reading:
        raise ValueError("a kana reading is needed")
    return hmac.new(secret, f"{reading}\n{birth_date.isoformat()}".encode(), sha256).hexdigest()


def _fold_once(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).casefold()
    text = "".join(sign for sign in text if not _is_invisible(sign))
    return _NOT_SEARCHED.sub("", text.translate(_KATAKANA).translate(_FOLDED))


def _is_invisible(sign: str) -> bool:
    """Whether a sign only chooses a glyph or a direction: variation selectors and format characters."""
    return "\ufe00" <= sign <= "\ufe0f" or "\U000e0100" <= sign <= "\U000e01ef" or unicodedata.category(sign) == "Cf"
