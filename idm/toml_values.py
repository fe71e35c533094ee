"""From a TOML text to frozen values: every mistake at once, with file and key, in words an office understands.

Nothing is converted: "30" is no number and 1 is no yes. Values are judged as JSON, where strictness knows lists and
closed lists, and which is also the form that is proposed and accepted.
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from idm.errors import ConfigurationInvalid

Values = TypeVar("Values")

REASONS = {
    "missing": "項目がありません",
    "extra_forbidden": "知らない項目です",
    "unexpected_keyword_argument": "知らない項目です",
    "int_type": "整数で書いてください",
    "int_from_float": "整数で書いてください",
    "float_type": "数で書いてください",
    "string_type": "文字列で書いてください",
    "bool_type": "true か false で書いてください",
    "tuple_type": "一覧（[ ]）で書いてください",
    "frozen_set_type": "一覧（[ ]）で書いてください",
    "dict_type": "表（[ ]）で書いてください",
    "dataclass_type": "表（[ ]）で書いてください",
    "greater_than": "小さすぎます",
    "greater_than_equal": "小さすぎます",
    "less_than_equal": "大きすぎます",
    "string_too_short": "空にはできません",
    "too_short": "空にはできません",
    "string_pattern_mismatch": "使えない文字があります",
    "date_from_datetime_parsing": "日付で書いてください（例 2026-09-30）",
    "date_parsing": "日付で書いてください（例 2026-09-30）",
    "date_type": "日付で書いてください（例 2026-09-30）",
    "enum": "決められた値のどれかにしてください",
    "literal_error": "決められた値のどれかにしてください",
}


def parse_toml(text: str, file: str) -> dict[str, Any]:
    """The tables of a TOML text. Raises ConfigurationInvalid naming file and line."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as mistake:
        raise ConfigurationInvalid(
            f"{file} は TOML として読めません。", mistakes=(f"{file}: {_place(mistake)}",)
        ) from None


def _place(mistake: tomllib.TOMLDecodeError) -> str:
    """Where the text is no TOML; what the parser says of it stands in brackets for whoever knows TOML."""
    line = re.search(r"line (\d+)", str(mistake))
    where = f"{line[1]}行目" if line else "最後の行"
    return f"{where}: TOML の書き方ではありません（{mistake}）"


def read_values(
    kind: type[Values], table: Mapping[str, Any], file: str, *, file_of: Callable[[str], str] | None = None
) -> Values:
    """The frozen values of `kind` that the table holds. Raises ConfigurationInvalid with every mistake in it.

    `file_of` says from which file a dotted key came, where that is not always `file`.
    """
    try:
        return TypeAdapter(kind).validate_json(json.dumps(table, default=str), strict=True)
    except ValidationError as mistakes:
        found = tuple(_sentence(file_of or (lambda _: file), mistake, kind) for mistake in mistakes.errors())
        raise ConfigurationInvalid(f"{file} に誤りが {len(found)} 件あります。", mistakes=found) from None


def _sentence(file_of: Callable[[str], str], mistake: Any, kind: type[Any]) -> str:
    key = ".".join(str(part) for part in mistake["loc"])
    reason = REASONS.get(mistake["type"], mistake["msg"])
    if mistake["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        near = nearest(str(mistake["loc"][-1]), _names(kind, mistake["loc"][:-1]))
        reason += f"（「{near}」のことですか）" if near else ""
    expected = mistake.get("ctx", {}).get("expected")
    return f"{file_of(key)}: {key}: {reason}" + (f"（{expected}）" if expected else "")


def _names(kind: Any, path: tuple[int | str, ...]) -> list[str]:
    fields = getattr(kind, "__dataclass_fields__", {})
    if not path:
        return list(fields)
    inner = fields.get(path[0])
    return _names(inner.type, path[1:]) if inner is not None else []


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like the given one, if any is like it."""
    found = get_close_matches(name, list(known), n=1)
    return found[0] if found else None
