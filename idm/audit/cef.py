"""Audit records as CEF:0 in RFC 5424 messages, framed by counting octets (RFC 5425 4.3; the table is in docs/siem.md).

What somebody typed can end no field and begin no message: every sign that means something in CEF is escaped, line ends
as well, and a frame says its length before it begins (ASVS 16.4.1).
"""

from datetime import UTC
from ipaddress import ip_address
from unicodedata import category

from idm.audit.events import AuditEvent

FACILITY_LOG_AUDIT = 13
NOTICE, WARNING = 5, 4
SEVERITY_DONE, SEVERITY_REFUSED = 3, 6
"""Of ten, as CEF counts."""
_STEERING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Categories of signs that are written nowhere: controls, steering of direction, halves of pairs, ends of lines.

Signs of private use are none of these: names are written with them."""
_DATE_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


def framed(message: bytes) -> bytes:
    """The message with its length before it."""
    return b"%d %b" % (len(message), message)


def syslog_message(event: AuditEvent, *, host: str, version: str) -> bytes:
    """The record as one RFC 5424 message of that host; UTF-8 without a byte order mark, as CEF is."""
    priority = FACILITY_LOG_AUDIT * 8 + (WARNING if event.refused else NOTICE)
    at = event.at.astimezone(UTC).strftime(_DATE_FORMAT)
    name = "".join(sign for sign in host if "!" <= sign <= "~")[:255] or "-"
    head = f'<{priority}>1 {at} {name} idm - {event.action[:32]} [meta sequenceId="{event.sequence}"] '
    return (head + cef(event, version=version)).encode("utf-8", "backslashreplace")


def cef(event: AuditEvent, *, version: str) -> str:
    """The record as CEF:0."""
    severity = SEVERITY_REFUSED if event.refused else SEVERITY_DONE
    header = ["CEF:0", "idm", "idm", version, event.action, event.action, str(severity)]
    fields = " ".join(f"{key}={_value(text)}" for key, text in _fields(event).items() if text is not None)
    return "|".join([header[0], *(_header(text) for text in header[1:]), fields])


def _fields(event: AuditEvent) -> dict[str, str | None]:
    return {
        "rt": str(int(event.at.timestamp() * 1000)),
        "externalId": str(event.sequence),
        "act": event.action,
        "outcome": "failure" if event.refused else "success",
        "reason": event.code,
        "suid": str(event.actor_id) if event.actor_id is not None else None,
        "suser": event.actor,
        "duid": event.object_id if event.object_kind == "person" else None,
        **_address(event.source_ip),
        "cs1Label": "object", "cs1": f"{event.object_kind}/{event.object_id}",
        "cs2Label": "trace", "cs2": event.act,
        "cs3Label": "seal", "cs3": event.seal,
    }  # fmt: skip


def _address(source: str | None) -> dict[str, str | None]:
    if source is None:
        return {}
    if ip_address(source).version == 4:
        return {"src": source}
    return {"c6a2Label": "source", "c6a2": source}


def _header(text: str) -> str:
    return _one_line(text).replace("\\", "\\\\").replace("|", "\\|")


def _value(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("=", "\\=").replace("\r", "\\r").replace("\n", "\\n")
    return _one_line(escaped)


def _one_line(text: str) -> str:
    """The text without a sign that ends a line or steers a terminal; names keep every sign that they are written in."""
    return "".join(" " if category(sign) in _STEERING else sign for sign in text)
