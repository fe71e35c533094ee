"""How a person is employed (任用形態): the closed list every personnel system's own codes are mapped to."""

from enum import StrEnum


class EmploymentKind(StrEnum):
    """Kind of employment; which rights and which default end follow from it is for rules elsewhere."""

    REGULAR = "regular"
    FIXED_TERM = "fixed_term"
    REAPPOINTED = "reappointed"
    FISCAL_YEAR_FULL = "fiscal_year_full"
    FISCAL_YEAR_PART = "fiscal_year_part"
    DISPATCHED = "dispatched"
    MEMBER = "member"
    COMMITTEE = "committee"
    CONTRACTOR = "contractor"
    EXTERNAL = "external"


EMPLOYMENT_KIND_TITLES = {
    EmploymentKind.REGULAR: "正規職員",
    EmploymentKind.FIXED_TERM: "任期付職員",
    EmploymentKind.REAPPOINTED: "再任用職員",
    EmploymentKind.FISCAL_YEAR_FULL: "会計年度任用職員（フルタイム）",
    EmploymentKind.FISCAL_YEAR_PART: "会計年度任用職員（パートタイム）",
    EmploymentKind.DISPATCHED: "派遣職員",
    EmploymentKind.MEMBER: "議員",
    EmploymentKind.COMMITTEE: "委員",
    EmploymentKind.CONTRACTOR: "委託事業者",
    EmploymentKind.EXTERNAL: "その他の外部者（実習生など）",
}

KINDS_WITH_TERM = frozenset(EmploymentKind) - {EmploymentKind.REGULAR, EmploymentKind.DISPATCHED}
"""Kinds whose employment always has a last day (任期満了日); one without it deserves a look."""

OUTSIDE_KINDS = frozenset(
    {
        EmploymentKind.DISPATCHED,
        EmploymentKind.MEMBER,
        EmploymentKind.COMMITTEE,
        EmploymentKind.CONTRACTOR,
        EmploymentKind.EXTERNAL,
    }
)
"""Kinds that can be registered by hand, with a sponsor and an end, because no personnel system names them."""
