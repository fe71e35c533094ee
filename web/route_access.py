"""Endpoint → who may open it. Every route stands in this one table, or the application does not start.

What is looked at is judged here, by the gate (`web.session`): a page that is not for somebody answers 404, as if it
were not there. What is sent is judged by its operation, in a unit of work that also records the refusal; whoever may do
none of the actions that the form is for is shown no page by it, not even one that tells of mistakes in what they typed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from flask import Flask

from idm.operations.signing_in.web_sessions import Stage
from idm.permissions import Action, may
from idm.vocabulary import Role


class Who(StrEnum):
    """How much must be known of somebody before an endpoint answers them."""

    STRANGERS = "strangers"
    ON_THE_WAY = "on_the_way"
    """Nobody but those whose sign-in has come to one of the stages named, or is complete."""
    SIGNED_IN = "signed_in"
    MACHINES = "machines"
    """Systems that come with a token of their own; no cookie counts, and no form is asked for (`web.scim`)."""


@dataclass(frozen=True)
class Access:
    """Who may open one endpoint, by any of its methods.

    `opens`: the roles of one of these actions, on top of a complete sign-in; empty = no role. `judged_by`: the actions
    one of which is needed to send something; empty = none. `relation`: what the page or the operation asks besides, in
    words (one's own, the seat). `instead`: who needs none of the actions, in words; then the operation judges alone.
    """

    who: Who
    stages: frozenset[Stage] = frozenset()
    opens: tuple[Action, ...] = ()
    judged_by: tuple[Action, ...] = ()
    relation: str = ""
    instead: str = ""

    def lets_in(self, stage: Stage | None) -> bool:
        """Whether somebody at this stage (None = a stranger) comes as far as the page or its operation."""
        return self.who in (Who.STRANGERS, Who.MACHINES) or stage is Stage.SIGNED_IN or stage in self.stages

    def may_be_sent_by(self, roles: frozenset[Role]) -> bool:
        """Whether somebody signed in with these roles may do any of what the form is for, as far as roles can tell."""
        return not self.judged_by or bool(self.instead) or any(may(roles, action) for action in self.judged_by)


class RouteNotJudged(RuntimeError):
    """The application has a route of which nobody has said who may open it; it does not start."""


def strangers(relation: str = "") -> Access:
    """For everybody, signed in or not."""
    return Access(Who.STRANGERS, relation=relation)


def on_the_way(*stages: Stage, relation: str = "") -> Access:
    """For those whose sign-in has come to one of these stages, and for those who are signed in."""
    return Access(Who.ON_THE_WAY, stages=frozenset(stages), relation=relation)


def looking(*actions: Action, relation: str = "") -> Access:
    """A page that exists only for those who may do one of these actions; without any, for everybody signed in."""
    return Access(Who.SIGNED_IN, opens=actions, relation=relation)


def sending(*actions: Action, relation: str = "", instead: str = "") -> Access:
    """A form for those who may do one of these actions; without any, its operation judges by the relation alone."""
    return Access(Who.SIGNED_IN, judged_by=actions, relation=relation, instead=instead)


def by_token(relation: str) -> Access:
    """For systems with a token; their own gate asks for it."""
    return Access(Who.MACHINES, relation=relation)


_OWN_APPLICATION = "申請した人、対象者、決裁欄に就く人、すべての申請を閲覧できる人"
_APPLICANT = "申請した人"
_APPLYING = "プロファイルが認める人: 本人、所属の課長、人事担当者"
_SEAT = "その時点で決裁欄に就く人（職務分離の規則に反しない人）"
_REGISTER = "受入担当者、所管の課、外部者登録簿の全体を見る人"
_ANY_STAGE = (Stage.CODE_NEEDED, Stage.FACTOR_NEEDED)

_FOR_EVERYBODY = {
    "static": strangers(),
    "health.alive": strangers(),
    "health.ready": strangers(),
    "help.index": strangers(),
    "sign_in.start": strangers(),
    "sign_in.give_password": strangers(),
    "sign_in.timed_out": strangers(),
    "enrolment.enrol": strangers("案内を受け取った人（リンクの秘密）"),
    "enrolment.set_password": strangers("案内を受け取った人（リンクの秘密）"),
    "provider_sign_in.begin": strangers(),
    "provider_sign_in.begin_linking": strangers("案内を受け取った人（リンクの秘密）"),
    "provider_sign_in.answer": strangers("サインインのサービスへ進んだブラウザー"),
}
_ON_THE_WAY = {
    "sign_in.code": on_the_way(Stage.CODE_NEEDED),
    "sign_in.give_code": on_the_way(Stage.CODE_NEEDED),
    "sign_in.sign_out": on_the_way(*_ANY_STAGE),
    "enrolment.second_factor": on_the_way(Stage.FACTOR_NEEDED),
    "enrolment.confirm_second_factor": on_the_way(Stage.FACTOR_NEEDED),
    "enrolment.new_secret": on_the_way(Stage.FACTOR_NEEDED),
    "enrolment.new_secret_by_link": on_the_way(*_ANY_STAGE, relation="案内を受け取った人（リンクの秘密）"),
    "passkeys.back": on_the_way(Stage.CODE_NEEDED),
    "passkeys.ask": on_the_way(Stage.CODE_NEEDED),
    "passkeys.answer": on_the_way(Stage.CODE_NEEDED),
    "passkeys.new": on_the_way(Stage.FACTOR_NEEDED),
    "passkeys.ask_to_enrol": on_the_way(Stage.FACTOR_NEEDED),
    "passkeys.enrol": on_the_way(Stage.FACTOR_NEEDED),
    "passkeys.new_by_link": on_the_way(*_ANY_STAGE, relation="案内を受け取った人（リンクの秘密）"),
    "passkeys.ask_by_link": on_the_way(*_ANY_STAGE, relation="案内を受け取った人（リンクの秘密）"),
    "passkeys.enrol_by_link": on_the_way(*_ANY_STAGE, relation="案内を受け取った人（リンクの秘密）"),
    "without_factor.code": on_the_way(Stage.CODE_NEEDED),
    "without_factor.give_code": on_the_way(Stage.CODE_NEEDED),
    "without_factor.lost": on_the_way(Stage.CODE_NEEDED),
    "without_factor.report": on_the_way(Stage.CODE_NEEDED),
    "enrolment.confirm_by_link": on_the_way(*_ANY_STAGE, relation="案内を受け取った人（リンクの秘密）"),
}
_ONES_OWN = {
    "home.index": looking(),
    "me.index": looking(),
    "notices.index": looking(),
    "notices.choose": sending(relation="本人"),
    "own_factors.confirm_removal": looking(relation="本人"),
    "own_factors.removal": sending(relation="本人"),
    "own_factors.codes": looking(),
    "own_factors.make_codes": sending(relation="本人"),
    "giving_back.confirm": looking(relation="本人"),
    "giving_back.give_back": sending(relation="本人"),
    "giving_back.ending": looking(),
    "giving_back.renew": sending(relation=_APPLYING),
    "own_password.show": looking(),
    "own_password.change": sending(relation="本人（いまのパスワード）"),
    "signed_in_places.end_own": sending(relation="本人"),
    "signed_in_places.end_others": sending(relation="本人"),
    "fresh_factor.show": looking(),
    "fresh_factor.give": sending(relation="本人"),
}
_APPLICATIONS = {
    "requests.index": looking(),
    "requests.show": looking(relation=_OWN_APPLICATION),
    "requests.received": looking(relation=_OWN_APPLICATION),
    "requests.printed": looking(relation=_OWN_APPLICATION),
    "requests.confirm_withdrawal": looking(relation=_APPLICANT),
    "requests.withdraw": sending(relation=_APPLICANT),
    "application_wizard.start": looking(),
    "application_wizard.begin_again": looking(),
    "application_wizard.take_step": sending(relation=_APPLYING),
    "application_wizard.finish": sending(Action.APPLY_FOR_ANYONE, Action.APPLY_FOR_OWN_UNIT, instead=_APPLYING),
    "approvals.index": looking(),
    "approvals.history": looking(),
    "approvals.decide": sending(relation=_SEAT),
    "approvals.permit_exception": sending(Action.PERMIT_EXCEPTION),
    "standing.index": looking(Action.SEE_SYSTEMS),
    "standing.new": looking(Action.PROPOSE_STANDING),
    "standing.show": looking(relation="情報システムを閲覧できる人、提案した人、決裁欄に就く人"),
    "standing.propose": sending(Action.PROPOSE_STANDING),
    "standing.approve": sending(relation=_SEAT),
    "standing.refuse": sending(relation=_SEAT),
    "standing.end": sending(relation="承認した人、CISO、人事担当者"),
}
_PERSONNEL = {
    "hr.index": looking(Action.SEE_FEED),
    "hr.draft": looking(Action.SEE_FEED),
    "hr.drop": sending(Action.SUBMIT_DRAFT),
    "hr.submit_draft": sending(Action.SUBMIT_DRAFT),
    "account_names.of_draft": looking(Action.SUBMIT_DRAFT),
    "account_names.choose": sending(Action.SUBMIT_DRAFT),
    "feed_uploads.new": looking(Action.UPLOAD_FEED),
    "feed_uploads.show": looking(Action.UPLOAD_FEED),
    "feed_uploads.rows": looking(Action.UPLOAD_FEED),
    "feed_uploads.send": sending(Action.UPLOAD_FEED),
    "feed_uploads.confirm": sending(Action.UPLOAD_FEED),
    "feed_uploads.discard": sending(Action.UPLOAD_FEED),
    "feed_uploads.propose_batch": sending(Action.PROPOSE_BATCH),
    "pushed_people.take_up": sending(Action.UPLOAD_FEED),
    "feed_answers.matches": looking(Action.ANSWER_FEED),
    "feed_answers.match": looking(Action.ANSWER_FEED),
    "feed_answers.check_match": looking(Action.ANSWER_FEED),
    "feed_answers.answer_match": sending(Action.ANSWER_FEED),
    "feed_answers.gaiji": looking(Action.ANSWER_FEED),
    "feed_answers.map_form": looking(Action.ANSWER_FEED),
    "feed_answers.check_gaiji": sending(Action.ANSWER_FEED),
    "feed_answers.map_gaiji": sending(Action.ANSWER_FEED),
    "batches.index": looking(Action.PROPOSE_BATCH, Action.PERMIT_BATCH),
    "batches.show": looking(Action.PROPOSE_BATCH, Action.PERMIT_BATCH),
    "batches.new": looking(Action.PROPOSE_BATCH),
    "batches.propose": sending(Action.PROPOSE_BATCH),
    "batches.permit": sending(Action.PERMIT_BATCH),
    "batches.refuse": sending(Action.PERMIT_BATCH),
    "calendar.index": looking(Action.SEE_CALENDAR),
    "calendar.day": looking(Action.SEE_CALENDAR),
    "leaving.index": looking(Action.SETTLE_LEAVING),
    "leaving.show": looking(Action.SETTLE_LEAVING),
    "leaving.settle": sending(Action.SETTLE_LEAVING),
    "leaving.correct": sending(Action.SETTLE_LEAVING),
}
_PUSHING = "職員を送るシステム（トークン）"
_MACHINES = {
    f"scim.{name}": by_token(_PUSHING)
    for name in (
        "about", "resource_types", "one_resource_type", "all_schemas", "one_schema", "people", "push", "person",
        "replace", "change", "withdraw", "groups", "refuse_group", "elsewhere",
    )
}  # fmt: skip
_PEOPLE = {
    "people.index": looking(Action.SEE_PEOPLE),
    "people.show": looking(Action.SEE_PEOPLE),
    "signed_in_places.end_of_person": sending(Action.END_SESSIONS),
    "signed_in_places.everybody": looking(Action.END_EVERYBODYS_SESSIONS),
    "signed_in_places.end_of_everybody": sending(Action.END_EVERYBODYS_SESSIONS),
    "people.invitation": sending(Action.INVITE, Action.INVITE_OFFICER),
    "provider_sign_in.end": sending(Action.INVITE, Action.INVITE_OFFICER),
    "outside.index": looking(relation=_REGISTER),
    "outside.show": looking(relation=_REGISTER),
    "outside.new": looking(Action.REGISTER_OUTSIDE),
    "outside.take_step": sending(Action.REGISTER_OUTSIDE),
    "outside.name_sponsor": sending(Action.REGISTER_OUTSIDE),
    "outside.renew": sending(Action.REGISTER_OUTSIDE, instead="受入担当者"),
    "outside.end": sending(Action.REGISTER_OUTSIDE, instead="受入担当者"),
    "outside.hand_over": sending(Action.REGISTER_OUTSIDE, instead="受入担当者"),
    "outside.accept": sending(relation="指名された受入担当者"),
    "outside_contracts.index": looking(Action.SEE_OUTSIDE),
    "outside_contracts.show": looking(Action.SEE_OUTSIDE),
    "outside_contracts.new": looking(Action.REGISTER_OUTSIDE),
    "outside_contracts.register": sending(Action.REGISTER_OUTSIDE),
    "outside_contracts.extend": sending(Action.REGISTER_OUTSIDE),
    "outside_contracts.end": sending(Action.REGISTER_OUTSIDE),
    "outside_duties.consents": looking(Action.SEE_OUTSIDE),
    "outside_duties.services": looking(Action.SEE_OUTSIDE),
    "outside_duties.record_consent": sending(Action.RECORD_CONSENT),
    "outside_duties.report": sending(Action.REPORT_NOT_NEEDED),
    "outside_duties.lift": sending(Action.REPORT_NOT_NEEDED),
}
_SYSTEMS = {
    "systems.index": looking(Action.SEE_SYSTEMS),
    "systems.show": looking(Action.SEE_SYSTEMS),
    "systems.right": looking(Action.SEE_SYSTEMS),
    "systems.factors": looking(Action.SEE_SYSTEMS),
    "systems.password_rules": looking(Action.SEE_FINDINGS),
    "found_accounts.index": looking(Action.SETTLE_FOUND, Action.SEE_FINDINGS),
    "found_accounts.show": looking(Action.SETTLE_FOUND, Action.SEE_FINDINGS),
    "found_accounts.application": looking(Action.SETTLE_FOUND),
    "found_accounts.settle": sending(Action.SETTLE_FOUND),
    "found_accounts.submit": sending(Action.SETTLE_FOUND),
    "found_accounts.take_inventory": sending(Action.SETTLE_FOUND),
    "findings.index": looking(Action.SEE_FINDINGS),
    "findings.show": looking(Action.SEE_FINDINGS),
    "findings.sweeps": looking(Action.SEE_FINDINGS),
    "sweep_sign_offs.index": looking(relation="点検結果を見る人、その時点で確認欄に就く人"),
    "sweep_sign_offs.show": looking(relation="点検結果を見る人、その時点で確認欄に就く人"),
    "sweep_sign_offs.sign": sending(relation="その時点で確認欄に就く人"),
    "sweep_sign_offs.failures": looking(Action.SEE_FINDINGS),
    "unused_ids.index": looking(Action.SEE_FINDINGS),
    "unused_ids.reopen": sending(Action.REPAIR_FINDING, relation="持ち主でない人"),
    "findings.repair": sending(Action.REPAIR_FINDING),
    "findings.justify": sending(Action.JUSTIFY_FINDING),
    "findings.accept_risk": sending(Action.ACCEPT_RISK),
    "findings.take_back": sending(Action.ACCEPT_RISK),
    "findings.assign": sending(Action.CARE_FOR_FINDING),
    "findings.move_due": sending(Action.CARE_FOR_FINDING, relation="担当でない人"),
    "findings.add_note": sending(Action.CARE_FOR_FINDING),
    "finding_overview.index": looking(Action.SEE_FINDINGS),
    "finding_overview.of_system": looking(Action.SEE_FINDINGS),
    "finding_overview.table": looking(Action.SEE_FINDINGS),
    "work_orders.index": looking(Action.DO_WORK, Action.CONFIRM_WORK, Action.SEE_AUDIT),
    "work_orders.history": looking(Action.DO_WORK, Action.CONFIRM_WORK, Action.SEE_AUDIT),
    "work_orders.show": looking(Action.DO_WORK, Action.CONFIRM_WORK, Action.SEE_AUDIT),
    "work_orders.sheet": looking(Action.DO_WORK, Action.CONFIRM_WORK, Action.SEE_AUDIT),
    "work_orders.tick": sending(Action.DO_WORK),
    "work_orders.confirm": sending(Action.CONFIRM_WORK),
    "work_orders.confirm_ticked": sending(Action.CONFIRM_WORK),
    "work_orders.send_back": sending(Action.CONFIRM_WORK),
    "listings.index": looking(Action.UPLOAD_LISTING),
    "listings.new": looking(Action.UPLOAD_LISTING),
    "listings.show": looking(Action.UPLOAD_LISTING),
    "listings.send": sending(Action.UPLOAD_LISTING),
    "listings.take_over": sending(Action.UPLOAD_LISTING),
    "listings.discard": sending(Action.UPLOAD_LISTING),
    "enrolment_lists.index": looking(Action.UPLOAD_ENROLMENTS),
    "enrolment_lists.new": looking(Action.UPLOAD_ENROLMENTS),
    "enrolment_lists.send": sending(Action.UPLOAD_ENROLMENTS),
    "external_access.index": looking(Action.SEE_SYSTEMS),
    "external_access.table": looking(Action.SEE_SYSTEMS),
    "handovers.index": looking(Action.HAND_OVER),
    "handovers.show": looking(Action.HAND_OVER, relation="依頼した人"),
    "handovers.history": looking(Action.HAND_OVER, Action.SEE_AUDIT),
    "handovers.overdue": looking(Action.HAND_OVER, Action.SEE_AUDIT, Action.REPORT_LEAK),
    "handovers.ask": sending(Action.HAND_OVER),
    "handovers.reveal": sending(Action.HAND_OVER, relation="依頼した人"),
    "handovers.receive": sending(Action.HAND_OVER, relation="依頼した人"),
    "locks.show": looking(Action.UNLOCK_ACCOUNT),
    "locks.ask": sending(Action.UNLOCK_ACCOUNT),
}
_LOSABLE = "本人、所属の課長、窓口の担当者、情報セキュリティ責任者"
_AUTHENTICATORS = {
    "authenticators.index": looking(Action.SEE_AUTHENTICATORS),
    "authenticators.table": looking(Action.SEE_AUTHENTICATORS),
    "authenticators.show": looking(Action.SEE_AUTHENTICATORS),
    "authenticators.new": looking(Action.KEEP_AUTHENTICATORS),
    "authenticators.issue": sending(Action.KEEP_AUTHENTICATORS),
    "authenticators.activate": sending(Action.KEEP_AUTHENTICATORS),
    "authenticators.collect": sending(Action.KEEP_AUTHENTICATORS),
    "authenticators.recover": sending(Action.KEEP_AUTHENTICATORS),
    "authenticators.remove": sending(Action.KEEP_AUTHENTICATORS),
    "authenticators.destroy": sending(Action.KEEP_AUTHENTICATORS),
    "authenticators.witness": sending(Action.WITNESS_DESTRUCTION),
    "authenticators.deny": sending(Action.WITNESS_DESTRUCTION),
    "leaks.new": looking(relation=_LOSABLE),
    "leaks.report": sending(Action.REPORT_LEAK, instead=_LOSABLE),
    "leaks.index": looking(Action.REPORT_LEAK, Action.SEE_AUDIT),
    "losses.new": looking(relation=_LOSABLE),
    "losses.progress": looking(relation=_LOSABLE),
    "losses.report": sending(Action.REPORT_LOSS, instead=_LOSABLE),
    "losses.index": looking(Action.SEE_AUTHENTICATORS),
    "losses.show": looking(Action.SEE_AUTHENTICATORS),
    "losses.close": sending(Action.CLOSE_LOSS),
}
_STOPS = {
    "stops.index": looking(Action.SEE_STOPS),
    "stops.show": looking(Action.SEE_STOPS),
    "stops.progress": looking(Action.SEE_STOPS),
    "stops.new_person": looking(Action.ORDER_STOP),
    "stops.new_system": looking(Action.ORDER_STOP),
    "stops.new_card": looking(Action.ORDER_STOP),
    "stops.new_accounts": looking(Action.ORDER_STOP),
    "stops.order_person": sending(Action.ORDER_STOP),
    "stops.order_system": sending(Action.ORDER_STOP),
    "stops.order_card": sending(Action.ORDER_STOP),
    "stops.order_accounts": sending(Action.ORDER_STOP),
    "stops.ask_to_lift": sending(Action.LIFT_STOP),
    "stops.confirm": sending(Action.LIFT_STOP),
    "stops.keep": sending(Action.LIFT_STOP),
    "stops.lift": sending(Action.LIFT_STOP),
    "violations.index": looking(Action.REPORT_VIOLATION, Action.SEE_AUDIT),
    "violations.show": looking(Action.REPORT_VIOLATION, Action.SEE_AUDIT, relation="本人の違反を除く"),
    "violations.new": looking(Action.REPORT_VIOLATION, relation="本人を除く"),
    "violations.report": sending(Action.REPORT_VIOLATION, relation="本人を除く"),
    "violations.guide": sending(Action.REPORT_VIOLATION, relation="本人を除く"),
    "violations.failed": sending(Action.REPORT_VIOLATION, relation="本人を除く"),
    "violations.close": sending(Action.REPORT_VIOLATION, relation="本人を除く"),
    "violations.stop": sending(Action.STOP_FOR_VIOLATION, relation="本人を除く、プロファイルが定める職"),
}
_PERMITTING = "プロファイルが定める職の人とその代決者（職務分離の規則に反しない人）"
_TO_DO_WITH_USE = "利用する人、申し出た人、立ち会う人、許可できる人、特権ID登録簿を閲覧できる人"
_PRIVILEGED_USES = {
    "privileged_register.index": looking(Action.SEE_PRIVILEGED),
    "privileged_register.system": looking(Action.SEE_PRIVILEGED),
    "privileged_register.printed": looking(Action.SEE_PRIVILEGED),
    "privileged_register.table": looking(Action.SEE_PRIVILEGED),
    "privileged_register.registered": looking(Action.SEE_PRIVILEGED),
    "privileged_register.new": looking(Action.PROPOSE_REGISTERED_ID),
    "privileged_register.propose": sending(Action.PROPOSE_REGISTERED_ID),
    "privileged_register.accept": sending(Action.ACCEPT_REGISTERED_ID),
    "privileged_register.refuse": sending(Action.ACCEPT_REGISTERED_ID),
    "privileged_register.renew": sending(Action.ACCEPT_REGISTERED_ID),
    "privileged_register.end": sending(Action.PROPOSE_REGISTERED_ID),
    "registered_people.used": looking(Action.SEE_PRIVILEGED),
    "registered_people.propose_owner": sending(Action.PROPOSE_REGISTERED_ID),
    "registered_people.accept_owner": sending(Action.ACCEPT_REGISTERED_ID),
    "registered_people.refuse_owner": sending(Action.ACCEPT_REGISTERED_ID),
    "registered_people.changed_by_hand": sending(Action.PROPOSE_REGISTERED_ID),
    "privileged_uses.index": looking(),
    "privileged_uses.new": looking(relation="いまそのIDの利用を申し出られる人"),
    "privileged_uses.new_emergency": looking(relation="いまそのIDの利用を申し出られる人"),
    "privileged_uses.show": looking(relation=_TO_DO_WITH_USE),
    "privileged_uses.ask": sending(relation="いまそのIDの利用を申し出られる人"),
    "privileged_uses.ask_in_emergency": sending(relation="いまそのIDの利用を申し出られる人"),
    "privileged_uses.bring_key": sending(relation="利用する人"),
    "privileged_uses.reveal": sending(relation="利用する人"),
    "privileged_uses.withdraw": sending(relation="利用する人、申し出た人"),
    "privileged_uses.give_back": sending(relation="利用する人"),
    "privileged_uses.report": sending(relation="利用する人"),
    "privileged_use_oversight.index": looking(),
    "privileged_use_oversight.history": looking(Action.SEE_PRIVILEGED),
    "privileged_use_oversight.table": looking(Action.SEE_PRIVILEGED),
    "privileged_use_oversight.permit": sending(relation=_PERMITTING),
    "privileged_use_oversight.refuse": sending(relation=_PERMITTING),
    "privileged_use_oversight.attend": sending(relation="指名された立会いの職員"),
    "privileged_use_oversight.stop": sending(Action.STOP_USE, instead="指名された立会いの職員"),
    "privileged_use_oversight.check": sending(Action.CHECK_WORK_REPORT, Action.RECEIVE_EMERGENCY_REPORT),
    "vault.index": looking(Action.SEE_PRIVILEGED),
    "vault.show": looking(Action.SEE_PRIVILEGED),
    "vault.rotate": sending(Action.ROTATE_KEPT),
}
_ASKED = "いまその棚卸しの回答を求められている人、すでに回答した人"
_ANSWERING = "いまその権限の棚卸しの回答を求められている人（職務分離の規則に反しない人）"
_REVIEWS = {
    "reviews.index": looking(),
    "reviews.new": looking(Action.OPEN_REVIEW),
    "reviews.begin": sending(Action.OPEN_REVIEW),
    "reviews.show": looking(Action.SEE_REVIEWS),
    "reviews.result": looking(Action.SEE_REVIEWS),
    "reviews.close": sending(Action.OPEN_REVIEW),
    "reviews.withdraw": sending(Action.OPEN_REVIEW),
    "review_answers.index": looking(relation=_ASKED),
    "review_answers.check": sending(relation=_ASKED),
    "review_answers.give": sending(relation=_ANSWERING),
    "review_answers.save": looking(relation=_ASKED),
    "review_answers.send": sending(relation=_ANSWERING),
}
_KEEPING = "外部サービス管理者"
_ANSWERING_FOR = "責任者"
_SPEAKING = "責任者、投稿する人"
_OFFICIAL_ACCOUNTS = {
    "official_accounts.index": looking(Action.SEE_OFFICIAL_ACCOUNTS),
    "official_accounts.printed": looking(Action.SEE_OFFICIAL_ACCOUNTS),
    "official_accounts.table": looking(Action.SEE_OFFICIAL_ACCOUNTS),
    "official_accounts.show": looking(relation="閲覧できる職、責任者、又は投稿する人"),
    "official_accounts.new": looking(Action.ASK_OFFICIAL_ACCOUNT),
    "official_accounts.ask": sending(Action.ASK_OFFICIAL_ACCOUNT),
    "official_accounts.answer": sending(Action.PERMIT_OFFICIAL_ACCOUNT),
    "official_accounts.name_responsible": sending(Action.PERMIT_OFFICIAL_ACCOUNT),
    "official_accounts.withdraw": sending(relation="申請した人"),
    "official_accounts.change_custody": sending(Action.KEEP_OFFICIAL_ACCOUNTS, instead=_ANSWERING_FOR),
    "official_accounts.name_poster": sending(Action.KEEP_OFFICIAL_ACCOUNTS, instead=_ANSWERING_FOR),
    "official_accounts.end_poster": sending(Action.KEEP_OFFICIAL_ACCOUNTS, instead=_ANSWERING_FOR),
    "official_accounts.check": sending(Action.KEEP_OFFICIAL_ACCOUNTS, instead=_ANSWERING_FOR),
    "official_accounts.settle": sending(Action.KEEP_OFFICIAL_ACCOUNTS, instead=_ANSWERING_FOR),
    "official_accounts.confirm_recovery": sending(Action.KEEP_OFFICIAL_ACCOUNTS, instead=_ANSWERING_FOR),
    "official_accounts.give_up": sending(Action.KEEP_OFFICIAL_ACCOUNTS, instead=_ANSWERING_FOR),
    "official_accounts.confirm_end": sending(Action.KEEP_OFFICIAL_ACCOUNTS, instead=_ANSWERING_FOR),
    "official_accounts.password_changed": sending(Action.KEEP_OFFICIAL_ACCOUNTS, instead=_SPEAKING),
    "official_accounts.step_done": sending(Action.KEEP_OFFICIAL_ACCOUNTS, instead=_SPEAKING),
    "official_accounts.report": sending(Action.SEE_OFFICIAL_ACCOUNTS, instead=_SPEAKING),
}
_HOLDER = "本人"
_OWN_DEVICES = {
    "my_devices.index": looking(),
    "my_devices.new": looking(),
    "my_devices.ask": sending(relation="在籍する本人（委託事業者を除く）"),
    "own_devices.index": looking(Action.SEE_OWN_DEVICES),
    "own_devices.printed": looking(Action.SEE_OWN_DEVICES),
    "own_devices.table": looking(Action.SEE_OWN_DEVICES),
    "own_devices.show": looking(relation="本人、許可を求められている人、又は閲覧できる職"),
    "own_devices.answer": sending(Action.PERMIT_OWN_DEVICE),
    "own_devices.withdraw": sending(relation="本人"),
    "own_devices.check": sending(Action.KEEP_OWN_DEVICES),
    "own_devices.confirm": sending(Action.KEEP_OWN_DEVICES),
    "own_devices.settle": sending(Action.KEEP_OWN_DEVICES),
    "own_devices.end": sending(Action.KEEP_OWN_DEVICES, instead=_HOLDER),
    "own_devices.cleared": sending(Action.KEEP_OWN_DEVICES, instead=_HOLDER),
    "own_devices.lost": sending(Action.KEEP_OWN_DEVICES, instead=_HOLDER),
    "own_devices.found_again": sending(Action.KEEP_OWN_DEVICES, instead=_HOLDER),
}
_EXTERNAL_SERVICES = {
    "external_services.index": looking(Action.SEE_EXTERNAL_SERVICES),
    "external_services.printed": looking(Action.SEE_EXTERNAL_SERVICES),
    "external_services.table": looking(Action.SEE_EXTERNAL_SERVICES),
    "external_services.show": looking(relation="閲覧できる職、又は外部サービス管理者"),
    "external_services.new": looking(Action.ASK_EXTERNAL_SERVICE),
    "external_services.ask": sending(Action.ASK_EXTERNAL_SERVICE),
    "external_services.answer": sending(Action.PERMIT_EXTERNAL_SERVICE),
    "external_services.name_administrator": sending(Action.PERMIT_EXTERNAL_SERVICE),
    "external_services.withdraw": sending(relation="申請した人"),
    "external_services.check": sending(Action.KEEP_EXTERNAL_SERVICES, instead=_KEEPING),
    "external_services.plan_end": sending(Action.KEEP_EXTERNAL_SERVICES, instead=_KEEPING),
    "external_services.call_off_end": sending(Action.KEEP_EXTERNAL_SERVICES, instead=_KEEPING),
    "external_services.close": sending(Action.KEEP_EXTERNAL_SERVICES, instead=_KEEPING),
    "external_services.name_account": sending(Action.KEEP_EXTERNAL_SERVICES, instead=_KEEPING),
    "external_services.account_done": sending(Action.KEEP_EXTERNAL_SERVICES, instead=_KEEPING),
    "external_services.account_confirmed": sending(Action.KEEP_EXTERNAL_SERVICES, instead=_KEEPING),
}
_EXCEPTIONS = {
    "exceptions.index": looking(Action.SEE_EXCEPTIONS),
    "exceptions.printed": looking(Action.SEE_EXCEPTIONS),
    "exceptions.table": looking(Action.SEE_EXCEPTIONS),
    "exceptions.show": looking(Action.SEE_EXCEPTIONS),
    "exceptions.new": looking(Action.ASK_EXCEPTION),
    "exceptions.ask": sending(Action.ASK_EXCEPTION),
    "exceptions.report": sending(Action.ASK_EXCEPTION),
    "exceptions.answer": sending(Action.PERMIT_EXCEPTION, instead="その時点でCISOに代わって答える人"),
    "exceptions.end": sending(Action.END_EXCEPTION, instead="申請した人（許可の前）"),
    "exceptions.check": sending(Action.CHECK_EXCEPTIONS),
}
_OVERSIGHT = {
    "notices.everybody": looking(Action.SEE_NOTICES),
    "officers.index": looking(Action.SEE_SYSTEMS),
    "privilege_deputies.index": looking(Action.SEE_PRIVILEGED),
    "privilege_deputies.name": sending(Action.NAME_PRIVILEGE_DEPUTY),
    "privilege_deputies.accept": sending(Action.ACCEPT_PRIVILEGE_DEPUTY),
    "privilege_deputies.end": sending(
        Action.NAME_PRIVILEGE_DEPUTY, Action.ACCEPT_PRIVILEGE_DEPUTY, relation="指名した人、代行される人、CISO"
    ),
    "officers.confirm": sending(Action.CONFIRM_OFFICER),
    "officers.name_deputy": sending(Action.NAME_DEPUTY),
    "officers.accept_deputy": sending(Action.ACCEPT_DEPUTY),
    "configuration.index": looking(Action.SEE_AUDIT),
    "configuration.show": looking(Action.SEE_AUDIT),
    "configuration.profile": looking(Action.SEE_AUDIT),
    "configuration.new": looking(Action.PROPOSE_CONFIGURATION),
    "configuration.propose": sending(Action.PROPOSE_CONFIGURATION),
    "configuration.accept": sending(Action.ACCEPT_CONFIGURATION),
    "configuration.refuse": sending(Action.ACCEPT_CONFIGURATION),
    "permissions.index": looking(Action.SEE_AUDIT),
    "permissions.table": looking(Action.SEE_AUDIT),
    "audit_trail.index": looking(Action.SEE_AUDIT),
    "audit_trail.show": looking(Action.SEE_AUDIT),
    "audit_trail.verification": looking(Action.SEE_AUDIT),
    "audit_trail.verify": looking(Action.SEE_AUDIT),
    "retention.index": looking(Action.SEE_AUDIT),
    "retention.order": sending(Action.HOLD_RECORDS),
    "retention.ask_to_lift": sending(Action.HOLD_RECORDS),
    "retention.keep": sending(Action.HOLD_RECORDS),
    "retention.lift": sending(Action.HOLD_RECORDS, relation="解除を求めた人とは別の人"),
    "log_check.index": looking(Action.SEE_AUDIT),
    "log_check.sign": sending(Action.SIGN_LOG_CHECK, relation="プロファイルが定める職"),
}

ROUTES: dict[str, Access] = {
    **_FOR_EVERYBODY, **_ON_THE_WAY, **_ONES_OWN, **_APPLICATIONS, **_PERSONNEL, **_MACHINES, **_PEOPLE, **_SYSTEMS,
    **_AUTHENTICATORS, **_STOPS, **_PRIVILEGED_USES, **_EXTERNAL_SERVICES, **_OFFICIAL_ACCOUNTS, **_OWN_DEVICES,
    **_EXCEPTIONS, **_REVIEWS, **_OVERSIGHT,
}  # fmt: skip
"""Every endpoint of the application."""


def require_every_route_judged(app: Flask) -> None:
    """Afterwards every route of the application is in the table. Raises RouteNotJudged, which names those that are not.

    Deny by default (ASVS 8.2.1): an application that starts has no page of which nobody decided whom it is for.
    """
    require_judged(rule.endpoint for rule in app.url_map.iter_rules())


def require_judged(endpoints: Iterable[str]) -> None:
    """Afterwards each of these endpoints is in the table. Raises RouteNotJudged."""
    forgotten = sorted(set(endpoints) - ROUTES.keys())
    if forgotten:
        raise RouteNotJudged(
            f"{', '.join(forgotten)}: nobody has said who may open this. Add it to ROUTES in web/route_access.py."
        )


def access_to(endpoint: str) -> Access:
    """Who may open the endpoint."""
    return ROUTES[endpoint]
