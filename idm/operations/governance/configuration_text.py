"""From the text somebody wrote to the canonical text that is proposed and accepted (control A16)."""

import re

from idm.errors import InvalidInput
from idm.operations.governance.configuration import ConfigurationText
from idm.organisation_file import effective_text as organisation_text
from idm.policy_file import effective_text, load_profile, shipped_profile
from idm.vocabulary import ConfigurationKind

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MAXIMUM_NAME = 64


def canonical_text(kind: ConfigurationKind, name: str, written: str) -> ConfigurationText:
    """The canonical text of what was written in TOML under that name; a profile with all it inherits.

    Raises InvalidInput for an impossible name, ConfigurationInvalid with every mistake of the text.
    """
    if not _NAME.fullmatch(name) or len(name) > MAXIMUM_NAME:
        message = f"名前は、半角の英小文字・数字と「-」で{MAXIMUM_NAME}文字までにしてください。"
        raise InvalidInput(message, fields={"name": message})
    if kind is ConfigurationKind.FEED:
        return ConfigurationText(kind, name, written)
    if kind is ConfigurationKind.ORGANISATION:
        return ConfigurationText(kind, name, organisation_text(written, f"{name}.toml"))
    profile = load_profile(name, lambda wanted: written if wanted == name else shipped_profile(wanted))
    return ConfigurationText(kind, name, effective_text(profile))
