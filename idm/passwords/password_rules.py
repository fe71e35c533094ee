"""What the profile asks of passwords, in itself and beside what a directory enforces (controls D4, E4, E5). Pure.

Three schools of ordinary passwords: `nist-2025` is length and no guessable words, and nobody changes a password but on
suspicion (NIST SP 800-63B-4 3.1.1.2); `standard` adds kinds of characters; `legacy-periodic` is for an organisation
whose own rule still demands change after so many days, and says which. A privileged ID is asked for at least as much.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from idm.policy import PasswordRules, PrivilegedRules
from idm.ports import PasswordPolicy
from idm.vocabulary import PASSWORD_RULESET_TITLES, PasswordRuleset

LEGACY, NIST = PasswordRuleset.LEGACY_PERIODIC, PasswordRuleset.NIST_2025


def mistakes_in(ordinary: PasswordRules, privileged: PrivilegedRules) -> Iterator[tuple[str, str]]:
    """Every value of a profile that no single value shows to be wrong: its key, and why."""
    yield from _periodic(ordinary)
    if privileged.minimum_length < ordinary.minimum_length:
        yield "privileged.minimum_length", f"通常のパスワード（{ordinary.minimum_length}文字）以上にしてください"
    if privileged.lockout_after > ordinary.lockout_after:
        yield "privileged.lockout_after", f"通常のパスワード（{ordinary.lockout_after}回）以下にしてください"
    if 0 < ordinary.maximum_age_days < privileged.rotation_days:
        yield "privileged.rotation_days", f"通常のパスワード（{ordinary.maximum_age_days}日）以下にしてください"


def _periodic(rules: PasswordRules) -> Iterator[tuple[str, str]]:
    periodic, named = rules.rules is LEGACY, bool(rules.deviation.strip())
    if periodic and rules.maximum_age_days == 0:
        yield "passwords.maximum_age_days", "legacy-periodic では、何日ごとに変更するかを書いてください"
    if periodic and not named:
        yield "passwords.deviation", "legacy-periodic では、定期変更を求める団体の規程を書いてください"
    if not periodic and rules.maximum_age_days > 0:
        yield "passwords.maximum_age_days", "定期変更は rules が legacy-periodic のときだけです。0 にしてください"
    if not periodic and named:
        yield "passwords.deviation", "rules が legacy-periodic のときだけ書きます。空にしてください"
    if not periodic and rules.spread_days > 0:
        yield "passwords.spread_days", "rules が legacy-periodic のときだけ使います。0 にしてください"
    if periodic and 0 < rules.maximum_age_days <= rules.spread_days:
        yield "passwords.spread_days", f"変更の間隔（{rules.maximum_age_days}日）より短くしてください"


# --- beside a directory ----------------------------------------------------------------------------------------------


class Rule(StrEnum):
    """One rule for passwords."""

    LENGTH = "length"
    LOCKOUT = "lockout"
    PERIOD = "period"
    KINDS = "kinds"
    WORDS = "words"


class RuleVerdict(StrEnum):
    """What a directory does beside what the profile asks for."""

    AGREES = "agrees"
    STRONGER = "stronger"
    """More than is asked for: that is fine."""
    WEAKER = "weaker"
    OTHERWISE = "otherwise"
    """Neither more nor less: it does something that the profile does not want."""
    NOT_READABLE = "not_readable"
    NOT_SHOWN = "not_shown"
    """No directory shows this from outside; it is looked up where the directory is set up."""


RULE_TITLES = {
    Rule.LENGTH: "長さ",
    Rule.LOCKOUT: "続けて間違えたときのロック",
    Rule.PERIOD: "定期変更",
    Rule.KINDS: "文字の種類",
    Rule.WORDS: "推測されやすい言葉",
}
RULE_VERDICT_TITLES = {
    RuleVerdict.AGREES: "規則のとおり",
    RuleVerdict.STRONGER: "規則より強い（問題なし）",
    RuleVerdict.WEAKER: "規則より弱い",
    RuleVerdict.OTHERWISE: "規則と異なる",
    RuleVerdict.NOT_READABLE: "読み取れない",
    RuleVerdict.NOT_SHOWN: "外からは確かめられない",
}
WRONG = frozenset({RuleVerdict.WEAKER, RuleVerdict.OTHERWISE})


@dataclass(frozen=True)
class RuleLine:
    """One rule: what the profile asks for, what the directory does, and what to say of it."""

    rule: Rule
    wanted: str
    seen: str
    verdict: RuleVerdict


def ordinary_lines(rules: PasswordRules, seen: PasswordPolicy) -> tuple[RuleLine, ...]:
    """The profile's rules for ordinary passwords beside what the directory enforces for everybody."""
    return (
        _length(rules.minimum_length, seen), _lockout(rules.lockout_after, seen), _period(rules, seen),
        _kinds(rules, seen), RuleLine(Rule.WORDS, "よく使われる言葉を禁じる", "示されません", RuleVerdict.NOT_SHOWN),
    )  # fmt: skip


def privileged_lines(rules: PrivilegedRules, seen: PasswordPolicy) -> tuple[RuleLine, ...]:
    """The profile's rules for privileged passwords beside what is in force for one such ID (FK 6-2(3)⑤).

    The product changes what is in its keeping; a directory that lets it expire before that would lock the ID.
    """
    early = seen.maximum_age is not None and seen.maximum_age < timedelta(days=rules.rotation_days)
    period = RuleLine(
        Rule.PERIOD, f"{rules.rotation_days}日以内に変更する", _age(seen.maximum_age),
        RuleVerdict.OTHERWISE if early else RuleVerdict.AGREES,
    )  # fmt: skip
    return _length(rules.minimum_length, seen), _lockout(rules.lockout_after, seen), period


def unreadable_lines(lines: Sequence[tuple[Rule, str]]) -> tuple[RuleLine, ...]:
    """Of each rule what the profile asks for, and that the directory does not let us read what it does."""
    return tuple(RuleLine(rule, wanted, "読み取れません", RuleVerdict.NOT_READABLE) for rule, wanted in lines)


def asked_for(rules: PasswordRules) -> list[tuple[Rule, str]]:
    """What the profile asks of ordinary passwords, rule by rule."""
    return [(line.rule, line.wanted) for line in ordinary_lines(rules, NOTHING)]


def asked_of_privileged(rules: PrivilegedRules) -> list[tuple[Rule, str]]:
    """What the profile asks of privileged passwords, rule by rule."""
    return [(line.rule, line.wanted) for line in privileged_lines(rules, NOTHING)]


NOTHING = PasswordPolicy(
    name="", is_default=True, minimum_length=None, complex=None, history=None, maximum_age=None, lockout_after=None,
    lockout_for=None,
)  # fmt: skip
"""A directory that demands nothing."""


def _length(wanted: int, seen: PasswordPolicy) -> RuleLine:
    has = seen.minimum_length or 0
    verdict = RuleVerdict.WEAKER if has < wanted else RuleVerdict.AGREES if has == wanted else RuleVerdict.STRONGER
    return RuleLine(Rule.LENGTH, f"{wanted}文字以上", f"{has}文字以上" if has else "決まりがありません", verdict)


def _lockout(wanted: int, seen: PasswordPolicy) -> RuleLine:
    after = seen.lockout_after
    if after is None:
        return RuleLine(Rule.LOCKOUT, f"{wanted}回以内", "ロックしません", RuleVerdict.WEAKER)
    verdict = RuleVerdict.WEAKER if after > wanted else RuleVerdict.AGREES if after == wanted else RuleVerdict.STRONGER
    return RuleLine(Rule.LOCKOUT, f"{wanted}回以内", f"{after}回", verdict)


def _period(rules: PasswordRules, seen: PasswordPolicy) -> RuleLine:
    if rules.maximum_age_days == 0:
        verdict = RuleVerdict.AGREES if seen.maximum_age is None else _forced(rules)
        return RuleLine(Rule.PERIOD, "求めない（疑いのあるときだけ）", _age(seen.maximum_age), verdict)
    limit = timedelta(days=rules.maximum_age_days)
    if seen.maximum_age is None or seen.maximum_age > limit:
        verdict = RuleVerdict.WEAKER
    else:
        verdict = RuleVerdict.AGREES if seen.maximum_age == limit else RuleVerdict.STRONGER
    return RuleLine(Rule.PERIOD, f"{rules.maximum_age_days}日以内に変更する", _age(seen.maximum_age), verdict)


def _forced(rules: PasswordRules) -> RuleVerdict:
    return RuleVerdict.OTHERWISE if rules.rules is NIST else RuleVerdict.STRONGER


def _kinds(rules: PasswordRules, seen: PasswordPolicy) -> RuleLine:
    shown = {None: "示されません", True: "求めます", False: "求めません"}[seen.complex]
    if rules.rules is NIST:
        verdict = RuleVerdict.STRONGER if seen.complex else RuleVerdict.AGREES
        return RuleLine(Rule.KINDS, "求めない", shown, verdict)
    verdicts = {None: RuleVerdict.NOT_READABLE, True: RuleVerdict.AGREES, False: RuleVerdict.WEAKER}
    return RuleLine(Rule.KINDS, "求める", shown, verdicts[seen.complex])


def _age(age: timedelta | None) -> str:
    return "求めません" if age is None else f"{age.days}日ごとに求めます"


# --- in words --------------------------------------------------------------------------------------------------------

_REPAIR = {
    Rule.LENGTH: "最小の長さ", Rule.LOCKOUT: "ロックまでの回数", Rule.PERIOD: "パスワードの有効期間",
    Rule.KINDS: "複雑さの要件",
}  # fmt: skip


def wrong_lines(lines: Sequence[RuleLine]) -> list[RuleLine]:
    """Those in which the directory is weaker than the rule, or does what the rule does not want."""
    return [line for line in lines if line.verdict in WRONG]


def in_words(lines: Sequence[RuleLine]) -> tuple[str, str]:
    """What is wrong, and what to do about it."""
    what = "。".join(f"{RULE_TITLES[one.rule]}：規則は「{one.wanted}」、ディレクトリは「{one.seen}」" for one in lines)
    repair = "・".join(_REPAIR[one.rule] for one in lines if one.rule in _REPAIR)
    return f"{what}。", f"ディレクトリの{repair}を、規則に合わせる"


def ruleset_in_words(rules: PasswordRules) -> str:
    """Which school ordinary passwords follow, and on which rule it rests where it departs from current advice."""
    title = PASSWORD_RULESET_TITLES[rules.rules]
    return f"{title}。根拠：{rules.deviation}" if rules.deviation else title
