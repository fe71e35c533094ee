"""The notice of a temporary password on paper: one page of A4 to be cut, folded and closed, and a receipt to sign (E3).

Printed on one side. The lowest part is cut off and kept; the part with the password is folded up onto the pattern, so
that the name stays outside and the password inside. The password is in the bytes that come back, and nowhere else.
"""

from dataclasses import dataclass
from datetime import datetime
from html import escape
from importlib import import_module

from idm.calendar_days import TOKYO
from idm.errors import IdmError
from idm.wareki import format_wareki


@dataclass(frozen=True)
class Notice:
    """All that stands on a notice but the password."""

    handover_id: int
    system_name: str
    login_name: str
    name: str
    kana: str
    officer: str
    issued_at: datetime
    change_by: datetime


class NoticeNotMade(IdmError):
    """This machine cannot lay a notice out: what that needs is not installed."""


def notice_pdf(notice: Notice, password: str) -> bytes:
    """The notice as PDF, with its fonts in it. Raises NoticeNotMade."""
    try:
        # Loading the layout engine takes most of a second and the system's Pango: only who makes a notice pays for it.
        engine = import_module("weasyprint")
        pdf: bytes = engine.HTML(string=_page(notice, password)).write_pdf()
    except (ImportError, OSError) as reason:
        raise NoticeNotMade(
            f"通知書を作れません（{type(reason).__name__}）。このサーバーに Pango と日本語の書体を入れてください。"
        ) from None
    return pdf


def _page(notice: Notice, password: str) -> str:
    shown = {
        "title": "仮パスワード通知書", "number": str(notice.handover_id), "system": notice.system_name,
        "login": notice.login_name, "name": notice.name, "kana": notice.kana, "officer": notice.officer,
        "issued": _moment(notice.issued_at), "deadline": _moment(notice.change_by), "password": password,
        "pattern": PATTERN * 150,
    }  # fmt: skip
    return PAGE.format_map({key: escape(text) for key, text in shown.items()})


def _moment(at: datetime) -> str:
    local = at.astimezone(TOKYO)
    return f"{format_wareki(local.date())} {local.hour}時{local.minute:02}分"


PATTERN = "親展封緘日月火水木金土春夏秋冬"
"""What lies on the password when the paper is folded, so that nobody reads it through the paper."""

PAGE = """<!DOCTYPE html>
<html lang="ja"><head><meta charset="utf-8"><title>{title}</title><style>
@page {{ size: A4; margin: 0 }}
body {{ margin: 0; font: 10pt/1.5 "Noto Sans CJK JP", "BIZ UDGothic", sans-serif; color: #000 }}
section {{ position: absolute; left: 0; width: 178mm; padding: 4mm 16mm; overflow: hidden }}
.outside {{ top: 0; height: 58mm }}
.pattern {{ top: 67mm; height: 55mm; font-size: 7pt; line-height: 1.05; color: #999; word-break: break-all }}
.inside {{ top: 132mm; height: 58mm }}
.receipt {{ top: 200mm; height: 84mm }}
.line {{ position: absolute; left: 8mm; width: 194mm; border-top: .3mm dashed #666; font-size: 7.5pt; color: #444 }}
h1 {{ font-size: 13pt; margin: 0 0 2mm }}
.name {{ font: 16pt/1.4 "IPAmjMincho", "Noto Serif CJK JP", serif }}
.small {{ font-size: 8.5pt; margin: 1mm 0 }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; padding: .8mm 2mm; border-bottom: .2mm solid #999; font-weight: normal }}
th {{ width: 38mm; font-size: 9pt }}
.secret {{ font: bold 15pt/1.4 "Noto Sans Mono CJK JP", monospace; letter-spacing: .6mm }}
.person {{ font-family: "IPAmjMincho", "Noto Serif CJK JP", serif }}
.code {{ font-family: "Noto Sans Mono CJK JP", monospace }}
.receipt td {{ height: 8mm }}
</style></head><body>
<section class="outside"><p class="small">親展　本人だけが開いてください</p>
<p class="name">{name}　様</p><p class="small">{kana}</p>
<p class="small">{title}（{system}）　交付番号 {number}　担当 {officer}</p>
<p class="small">開いた跡があるときは、使わずに担当へ知らせてください。</p></section>
<div class="line" style="top: 65mm">山折り　宛名が外になるように、この上を後ろへ折ります</div>
<section class="pattern">{pattern}</section>
<div class="line" style="top: 131mm">谷折り　この下を上へ折り、三方をのり又は封かんシールで閉じます</div>
<section class="inside"><h1>{title}</h1>
<table><tr><th>情報システム</th><td>{system}</td></tr>
<tr><th>利用者名</th><td class="code">{login}</td></tr>
<tr><th>仮パスワード</th><td class="secret">{password}</td></tr>
<tr><th>変更の期限</th><td>{deadline}</td></tr></table>
<p class="small">初めてサインインするときに、自分だけが知るパスワードに変えてください。
期限までに変えないと、IDは止まります。ほかの人に教えず、変えたあとはこの紙を裁断してください。</p></section>
<div class="line" style="top: 199mm">切り離し　この下は受領書として担当が保管します</div>
<section class="receipt"><h1>仮パスワード受領書</h1>
<table><tr><th>情報システム</th><td>{system}</td></tr>
<tr><th>利用者名・氏名</th><td><span class="code">{login}</span>　<span class="person">{name}</span></td></tr>
<tr><th>交付番号・担当・日時</th><td>{number}　{officer}　{issued}</td></tr>
<tr><th>受領日</th><td>令和　　　年　　　月　　　日</td></tr>
<tr><th>受領者（自署）</th><td></td></tr></table>
<p class="small">本人以外が受け取ったときは、その人が署名し、氏名を担当が記録します。</p></section>
</body></html>
"""
