"""Who is expected to see which page and to do what: written down for the walk, without asking the code that decides.

Each line is a judgement of its own, from the roles and from how somebody stands to the very object. A route that has no
line here makes the walk fail.
"""

from collections.abc import Callable
from dataclasses import dataclass

from idm.vocabulary import Role
from tests.web.walk.walked_office import OWNER_UNIT, Thing


@dataclass(frozen=True)
class Somebody:
    """A member of the office who comes: the one role they hold, and the unit they hold it for."""

    key: str
    role: Role | None = None
    unit: str = ""

    def stands(self, thing: Thing, *relations: str) -> bool:
        """Whether they are the object's applicant, subject, sponsor ..."""
        return any(thing.persons.get(relation) == self.key for relation in relations)

    def manages(self, thing: Thing) -> bool:
        """Whether they are the manager of the system that the object belongs to."""
        return self.role is Role.SYSTEM and OWNER_UNIT.get(thing.system) == self.unit


Expectation = Callable[[Somebody, Thing], bool]


def only(*roles: Role) -> Expectation:
    """Those who hold one of these roles, whatever the object."""
    return lambda who, _thing: who.role in roles


def everybody(_who: Somebody, _thing: Thing) -> bool:
    """Whoever is signed in."""
    return True


def nobody(_who: Somebody, _thing: Thing) -> bool:
    """No one."""
    return False


def any_of(*some: Expectation) -> Expectation:
    """Whoever one of the expectations lets in."""
    return lambda who, thing: any(one(who, thing) for one in some)


def related(*relations: str) -> Expectation:
    """Who stands to the object in one of these relations."""
    return lambda who, thing: who.stands(thing, *relations)


def in_state(expectation: Expectation, *states: str) -> Expectation:
    """The expectation, while the object is in one of these states; nobody otherwise."""
    return lambda who, thing: thing.state in states and expectation(who, thing)


def own_unit(who: Somebody, thing: Thing) -> bool:
    """The section manager of the object's unit."""
    return who.role is Role.SECTION and who.unit == thing.unit


def own_system(who: Somebody, thing: Thing) -> bool:
    """The manager of the object's system."""
    return who.manages(thing)


def not_about_oneself(expectation: Expectation) -> Expectation:
    """The expectation, for somebody the object is not about."""
    return lambda who, thing: not who.stands(thing, "subject") and expectation(who, thing)


CISO, CHIEF, SECURITY, HR, DESK = (
    only(Role.CISO),
    only(Role.CHIEF),
    only(Role.SECURITY),
    only(Role.HR),
    only(Role.HANDOVER),
)
HEADS = (Role.CISO, Role.VICE_CISO, Role.CHIEF, Role.SECURITY)
GOVERNING = only(*HEADS, Role.AUDITOR)
OFFICE = only(*Role)
FEED = only(*HEADS, Role.HR, Role.AUDITOR)
FINDINGS = only(*HEADS, Role.SYSTEM, Role.AUDITOR)
EXCEPTIONS = only(*HEADS, Role.SECTION, Role.SYSTEM, Role.AUDITOR)
REGISTER = only(*HEADS, Role.HR, Role.AUDITOR, Role.SECTION)
REGISTERED = any_of(FEED, own_unit, related("sponsor"))
APPLICATION = any_of(FEED, related("applicant", "subject"), own_system)
WORK = only(*HEADS, Role.SYSTEM, Role.HANDOVER, Role.AUDITOR)
ORDER = any_of(GOVERNING, DESK, own_system)
FOUND = only(*HEADS, Role.SYSTEM, Role.AUDITOR)
LISTED = any_of(DESK, own_system)
LEAVERS = any_of(HR, DESK, own_unit)
FOR_0100 = any_of(HR, lambda who, _thing: who.role is Role.SECTION and who.unit == "0100")
"""What is sent names somebody, or something, of that unit."""
CARDS = only(*HEADS, Role.SYSTEM, Role.SECTION, Role.HANDOVER, Role.AUDITOR)
CARD = any_of(only(*HEADS, Role.SYSTEM, Role.HANDOVER, Role.AUDITOR), own_unit)
HANDLING = any_of(CHIEF, SECURITY, own_unit)

SERVICES = only(*HEADS, Role.SYSTEM, Role.SECTION, Role.AUDITOR)
KEEPS_SERVICE = any_of(CHIEF, SECURITY, related("administrator"))
KEEPS_DEVICE = any_of(CHIEF, SECURITY, own_unit)
KEEPS_ACCOUNT = any_of(KEEPS_DEVICE, related("responsible"))
SPEAKS = any_of(KEEPS_ACCOUNT, related("poster"))
SPEAKING = ("in_use", "taken_over", "settled")
HAS_DEVICE = any_of(KEEPS_DEVICE, related("holder"))
SEES_PRIVILEGED = only(*HEADS, Role.SYSTEM, Role.AUDITOR)
IN_USE = ("asked", "approved", "to attend", "open")

LOOKING: dict[str, Expectation] = {
    "home.index": everybody, "me.index": everybody, "notices.index": everybody,
    "notices.everybody": only(*HEADS, Role.AUDITOR),
    "requests.index": everybody, "requests.show": APPLICATION, "requests.printed": APPLICATION,
    "requests.received": APPLICATION, "requests.confirm_withdrawal": APPLICATION,
    "application_wizard.start": everybody, "application_wizard.begin_again": everybody,
    "approvals.index": everybody, "approvals.history": everybody,
    "standing.index": OFFICE, "standing.new": HR, "standing.show": OFFICE,
    "hr.index": FEED, "hr.draft": nobody, "account_names.of_draft": nobody,
    "feed_uploads.new": HR, "feed_uploads.show": HR, "feed_uploads.rows": HR,
    "feed_answers.matches": HR, "feed_answers.match": HR, "feed_answers.check_match": HR, "feed_answers.gaiji": HR,
    "feed_answers.map_form": nobody,
    "batches.index": only(Role.HR, Role.CHIEF), "batches.show": only(Role.HR, Role.CHIEF), "batches.new": HR,
    "calendar.index": REGISTER, "calendar.day": REGISTER,
    "leaving.index": only(Role.SECTION, Role.HR, Role.HANDOVER), "leaving.show": LEAVERS,
    "people.index": OFFICE, "people.show": OFFICE,
    "outside.index": any_of(REGISTER, lambda who, _thing: who.key == "sponsor"),
    "outside.show": in_state(REGISTERED, "sponsored"), "outside.new": only(Role.HR, Role.SECTION),
    "outside_contracts.index": REGISTER, "outside_contracts.new": only(Role.HR, Role.SECTION),
    "outside_contracts.show": any_of(FEED, own_unit),
    "outside_duties.consents": REGISTER, "outside_duties.services": REGISTER,
    "systems.index": OFFICE, "systems.show": OFFICE, "systems.right": OFFICE, "systems.factors": OFFICE,
    "found_accounts.index": FOUND, "found_accounts.show": FOUND,
    "found_accounts.application": only(Role.SYSTEM, Role.SECURITY),
    "systems.password_rules": FINDINGS,
    "unused_ids.index": FINDINGS, "findings.index": FINDINGS, "findings.show": FINDINGS, "findings.sweeps": FINDINGS,
    "sweep_sign_offs.index": FINDINGS, "sweep_sign_offs.show": FINDINGS, "sweep_sign_offs.failures": FINDINGS,
    "finding_overview.index": FINDINGS, "finding_overview.of_system": FINDINGS, "finding_overview.table": FINDINGS,
    "reviews.index": everybody, "reviews.new": only(Role.SYSTEM, Role.SECURITY, Role.CHIEF),
    "reviews.show": GOVERNING, "reviews.result": GOVERNING,
    "review_answers.index": in_state(own_unit, "open"), "review_answers.save": in_state(own_unit, "open"),
    "work_orders.index": WORK, "work_orders.history": WORK, "work_orders.show": ORDER, "work_orders.sheet": ORDER,
    "listings.index": only(Role.SYSTEM, Role.HANDOVER), "listings.new": only(Role.SYSTEM, Role.HANDOVER),
    "listings.show": LISTED,
    "handovers.overdue": only(*HEADS, Role.SECTION, Role.HANDOVER, Role.AUDITOR),
    "giving_back.confirm": nobody, "giving_back.ending": everybody,
    "external_services.index": SERVICES, "external_services.printed": SERVICES, "external_services.table": SERVICES,
    "external_services.show": any_of(SERVICES, related("administrator")),
    "external_services.new": only(Role.SECURITY, Role.SECTION),
    "official_accounts.index": SERVICES, "official_accounts.printed": SERVICES, "official_accounts.table": SERVICES,
    "official_accounts.new": only(Role.SECURITY, Role.SECTION),
    "official_accounts.show": any_of(SERVICES, related("responsible", "poster")),
    "my_devices.index": everybody, "my_devices.new": everybody,
    "own_devices.index": only(*HEADS, Role.SECTION, Role.AUDITOR),
    "own_devices.printed": only(*HEADS, Role.SECTION, Role.AUDITOR),
    "own_devices.table": only(*HEADS, Role.SECTION, Role.AUDITOR),
    "own_devices.show": any_of(GOVERNING, own_unit, related("holder")),
    "exceptions.index": EXCEPTIONS, "exceptions.printed": EXCEPTIONS, "exceptions.table": EXCEPTIONS,
    "exceptions.show": EXCEPTIONS, "exceptions.new": only(Role.SECTION, Role.SYSTEM),
    "leaks.index": only(*HEADS, Role.SECTION, Role.HANDOVER, Role.AUDITOR),
    "stops.index": FOUND, "stops.show": any_of(only(*HEADS, Role.AUDITOR), own_system),
    "stops.progress": any_of(only(*HEADS, Role.AUDITOR), own_system),
    "stops.new_person": only(*HEADS), "stops.new_card": only(*HEADS), "stops.new_accounts": only(*HEADS, Role.SYSTEM),
    "stops.new_system": any_of(only(*HEADS), own_system),
    "violations.index": any_of(GOVERNING, only(Role.SECTION)), "violations.show": any_of(GOVERNING, own_unit),
    "violations.new": not_about_oneself(HANDLING),
    "leaks.new": any_of(related("subject"), DESK, SECURITY, own_unit),
    "handovers.index": DESK, "handovers.show": related("officer"), "handovers.history": any_of(GOVERNING, DESK),
    "locks.show": DESK,
    "officers.index": OFFICE,
    "privilege_deputies.index": FINDINGS,
    "configuration.index": GOVERNING, "configuration.show": GOVERNING, "configuration.profile": GOVERNING,
    "configuration.new": SECURITY,
    "permissions.index": GOVERNING, "permissions.table": GOVERNING,
    "authenticators.index": CARDS, "authenticators.table": CARDS, "losses.index": CARDS,
    "authenticators.show": CARD, "losses.show": CARD, "authenticators.new": DESK,
    "losses.new": any_of(related("subject"), DESK, SECURITY, own_unit),
    "losses.progress": any_of(related("subject"), DESK, SECURITY, own_unit),
    "enrolment_lists.index": only(Role.SYSTEM, Role.HANDOVER), "enrolment_lists.new": only(Role.SYSTEM, Role.HANDOVER),
    "external_access.index": OFFICE, "external_access.table": OFFICE,
    "fresh_factor.show": everybody, "own_factors.codes": everybody, "own_factors.confirm_removal": nobody,
    "own_password.show": everybody, "signed_in_places.everybody": SECURITY,
    "privileged_register.index": SEES_PRIVILEGED, "privileged_register.system": SEES_PRIVILEGED,
    "privileged_register.printed": SEES_PRIVILEGED, "privileged_register.table": SEES_PRIVILEGED,
    "privileged_register.registered": in_state(SEES_PRIVILEGED, "proposed", "registered", "ended"),
    "privileged_register.new": only(Role.SYSTEM, Role.SECURITY),
    "registered_people.used": in_state(SEES_PRIVILEGED, "proposed", "registered", "ended"),
    "privileged_uses.index": everybody, "privileged_uses.new": nobody, "privileged_uses.new_emergency": nobody,
    "privileged_uses.show": any_of(SEES_PRIVILEGED, related("user", "namer", "attendant", "approver")),
    "privileged_use_oversight.index": everybody, "privileged_use_oversight.history": SEES_PRIVILEGED,
    "privileged_use_oversight.table": SEES_PRIVILEGED,
    "vault.index": SEES_PRIVILEGED, "vault.show": in_state(SEES_PRIVILEGED, "kept"),
    "audit_trail.index": GOVERNING, "audit_trail.show": GOVERNING, "audit_trail.verification": GOVERNING,
    "log_check.index": GOVERNING, "retention.index": GOVERNING,
}  # fmt: skip
"""The pages for those signed in: the page is shown, or is not there (404)."""

DOING: dict[str, Expectation] = {
    "requests.withdraw": related("applicant"),
    "application_wizard.take_step": everybody, "application_wizard.finish": everybody,
    "approvals.decide": any_of(
        in_state(CHIEF, "pending, for oneself", "pending, by the section", "pending, by HR"),
        in_state(only(Role.VICE_CISO), "pending, for the chief"),
    ),
    "approvals.permit_exception": CISO,
    "standing.propose": nobody, "standing.approve": nobody, "standing.refuse": nobody,
    "standing.end": only(Role.HR, Role.CISO),
    "hr.drop": nobody, "hr.submit_draft": nobody, "account_names.choose": nobody,
    "pushed_people.take_up": nobody,
    "feed_uploads.send": HR, "feed_uploads.confirm": nobody, "feed_uploads.discard": nobody,
    "feed_uploads.propose_batch": nobody,
    "feed_answers.answer_match": HR, "feed_answers.check_gaiji": nobody, "feed_answers.map_gaiji": nobody,
    "batches.propose": HR, "batches.permit": in_state(CHIEF, "waiting"), "batches.refuse": in_state(CHIEF, "waiting"),
    "leaving.settle": not_about_oneself(LEAVERS), "leaving.correct": not_about_oneself(LEAVERS),
    "people.invitation": any_of(
        in_state(not_about_oneself(only(*HEADS, Role.HANDOVER)), "decides"), in_state(DESK, "employed")
    ),
    "outside.take_step": only(Role.HR, Role.SECTION),
    "outside.name_sponsor": any_of(HR, own_unit),
    "outside.renew": in_state(any_of(HR, related("sponsor")), "sponsored"),
    "outside.end": in_state(any_of(HR, own_unit, related("sponsor")), "sponsored"),
    "outside.hand_over": in_state(any_of(HR, related("sponsor")), "sponsored"),
    "outside.accept": nobody,
    "outside_contracts.register": FOR_0100,
    "outside_contracts.extend": any_of(HR, own_unit), "outside_contracts.end": any_of(HR, own_unit),
    "outside_duties.record_consent": FOR_0100, "outside_duties.report": FOR_0100,
    "outside_duties.lift": not_about_oneself(any_of(HR, own_unit)),
    "found_accounts.settle": any_of(SECURITY, own_system), "found_accounts.submit": any_of(SECURITY, own_system),
    "found_accounts.take_inventory": any_of(SECURITY, own_system),
    "sweep_sign_offs.sign": nobody,
    "unused_ids.reopen": in_state(any_of(SECURITY, own_system), "disabled"),
    "findings.repair": in_state(any_of(SECURITY, own_system), "open"),
    "findings.justify": in_state(any_of(SECURITY, CHIEF), "open"),
    "findings.accept_risk": in_state(CISO, "open"), "findings.take_back": nobody,
    "findings.assign": in_state(any_of(SECURITY, CHIEF, own_system), "open"),
    "findings.move_due": in_state(any_of(SECURITY, CHIEF), "open"),
    "findings.add_note": any_of(SECURITY, CHIEF, own_system),
    "work_orders.tick": in_state(any_of(DESK, own_system), "issued"),
    "work_orders.confirm": in_state(any_of(SECURITY, CHIEF, own_system), "done"),
    "work_orders.send_back": in_state(any_of(SECURITY, CHIEF, own_system), "done"),
    "work_orders.confirm_ticked": only(Role.SECURITY, Role.CHIEF, Role.SYSTEM),
    "reviews.begin": any_of(SECURITY, CHIEF), "reviews.close": in_state(any_of(SECURITY, CHIEF), "open"),
    "reviews.withdraw": in_state(any_of(SECURITY, CHIEF), "open"),
    "review_answers.check": in_state(own_unit, "open"), "review_answers.give": in_state(own_unit, "open"),
    "review_answers.send": in_state(own_unit, "open"),
    "listings.send": only(Role.SYSTEM, Role.HANDOVER), "listings.take_over": LISTED, "listings.discard": LISTED,
    "handovers.ask": DESK, "handovers.reveal": in_state(related("officer"), "open"),
    "handovers.receive": in_state(related("officer"), "open"),
    "locks.ask": DESK,
    "officers.confirm": in_state(only(*HEADS), "unconfirmed"),
    "officers.name_deputy": only(Role.CHIEF, Role.SYSTEM), "officers.accept_deputy": CISO,
    "privilege_deputies.name": only(Role.CHIEF, Role.SYSTEM, Role.SECURITY), "privilege_deputies.accept": CISO,
    "privilege_deputies.end": only(Role.CISO, Role.CHIEF),
    "configuration.propose": SECURITY, "configuration.accept": in_state(CISO, "waiting"),
    "configuration.refuse": in_state(CISO, "waiting"),
    "audit_trail.verify": GOVERNING,
    "log_check.sign": only(*HEADS),
    "retention.order": only(Role.CISO, Role.CHIEF), "retention.lift": in_state(CISO, "asked"),
    "retention.keep": in_state(only(Role.CISO, Role.CHIEF), "asked"),
    "retention.ask_to_lift": in_state(only(Role.CISO, Role.CHIEF), "open"),
    "privileged_register.propose": any_of(SECURITY, own_system),
    "privileged_register.accept": in_state(only(Role.CHIEF, Role.SECURITY), "proposed"),
    "privileged_register.refuse": in_state(only(Role.CHIEF, Role.SECURITY), "proposed"),
    "privileged_register.renew": in_state(only(Role.CHIEF, Role.SECURITY), "registered"),
    "privileged_register.end": in_state(any_of(SECURITY, own_system), "proposed", "registered"),
    "registered_people.propose_owner": in_state(any_of(SECURITY, own_system), "registered"),
    "registered_people.accept_owner": nobody, "registered_people.refuse_owner": nobody,
    "registered_people.changed_by_hand": in_state(any_of(SECURITY, own_system), "registered"),
    "privileged_uses.ask": nobody, "privileged_uses.ask_in_emergency": nobody,
    "privileged_uses.bring_key": in_state(related("user"), "open"),
    "privileged_uses.reveal": in_state(related("user"), "open"),
    "privileged_uses.withdraw": in_state(related("user", "namer"), "asked", "approved", "to attend"),
    "privileged_uses.give_back": in_state(related("user"), "open"),
    "privileged_uses.report": in_state(related("user"), "unreported"),
    "privileged_use_oversight.permit": nobody,
    "privileged_use_oversight.refuse": in_state(any_of(CHIEF, SECURITY, own_system), "asked"),
    "privileged_use_oversight.attend": in_state(related("attendant"), "to attend"),
    "privileged_use_oversight.stop": in_state(any_of(only(*HEADS), own_system, related("attendant")), *IN_USE),
    "privileged_use_oversight.check": any_of(
        in_state(any_of(CHIEF, SECURITY, own_system), "reported"),
        in_state(only(Role.CISO, Role.VICE_CISO), "reported emergency"),
    ),
    "vault.rotate": in_state(any_of(CHIEF, SECURITY, own_system), "kept"),
    "authenticators.issue": DESK, "authenticators.activate": DESK, "authenticators.collect": DESK,
    "authenticators.recover": in_state(DESK, "lost"), "authenticators.remove": in_state(DESK, "lost"),
    "authenticators.destroy": nobody,
    "authenticators.witness": nobody,
    "authenticators.deny": nobody,
    "giving_back.give_back": nobody, "giving_back.renew": everybody,
    "official_accounts.ask": any_of(SECURITY, lambda who, _thing: who.role is Role.SECTION and who.unit == "0100"),
    "official_accounts.answer": in_state(CHIEF, "asked"),
    "official_accounts.withdraw": in_state(related("asker"), "asked"),
    "official_accounts.name_responsible": in_state(CHIEF, *SPEAKING),
    "official_accounts.change_custody": in_state(KEEPS_ACCOUNT, *SPEAKING),
    "official_accounts.name_poster": in_state(KEEPS_ACCOUNT, *SPEAKING),
    "official_accounts.end_poster": KEEPS_ACCOUNT,
    "official_accounts.check": in_state(KEEPS_ACCOUNT, "in_use"),
    "official_accounts.password_changed": in_state(SPEAKS, *SPEAKING),
    "official_accounts.step_done": in_state(SPEAKS, "taken_over", "settled"),
    "official_accounts.settle": in_state(KEEPS_ACCOUNT, "taken_over", "settled"),
    "official_accounts.confirm_recovery": in_state(KEEPS_DEVICE, "settled"),
    "official_accounts.report": in_state(any_of(SERVICES, SPEAKS), "in_use"),
    "official_accounts.give_up": in_state(KEEPS_ACCOUNT, *SPEAKING),
    "official_accounts.confirm_end": in_state(KEEPS_DEVICE, "ended"),
    "my_devices.ask": lambda who, _thing: who.key != "contractor",
    "own_devices.withdraw": in_state(related("holder"), "asked", "ciso permitted"),
    "own_devices.answer": any_of(in_state(CISO, "asked"), in_state(own_unit, "ciso permitted")),
    "own_devices.check": in_state(KEEPS_DEVICE, "permitted"), "own_devices.confirm": in_state(KEEPS_DEVICE, "cleared"),
    "own_devices.settle": in_state(KEEPS_DEVICE, "lost"),
    "own_devices.end": in_state(HAS_DEVICE, "permitted"), "own_devices.cleared": in_state(HAS_DEVICE, "to_clear"),
    "own_devices.lost": in_state(HAS_DEVICE, "permitted", "to_clear", "cleared"),
    "own_devices.found_again": in_state(HAS_DEVICE, "lost"),
    "external_services.ask": only(Role.SECURITY, Role.SECTION),
    "external_services.answer": in_state(CHIEF, "asked"),
    "external_services.name_administrator": only(Role.CISO, Role.CHIEF, Role.SECURITY),
    "external_services.withdraw": in_state(related("asker"), "asked"),
    "external_services.check": in_state(KEEPS_SERVICE, "approved"),
    "external_services.plan_end": in_state(KEEPS_SERVICE, "approved"),
    "external_services.call_off_end": in_state(KEEPS_SERVICE, "ending"),
    "external_services.close": in_state(KEEPS_SERVICE, "ending"),
    "external_services.name_account": in_state(KEEPS_SERVICE, "approved", "ending"),
    "external_services.account_done": KEEPS_SERVICE,
    "external_services.account_confirmed": in_state(any_of(SECURITY, CHIEF), "done"),
    "exceptions.ask": only(Role.SECTION, Role.SYSTEM), "exceptions.report": nobody,
    "exceptions.answer": in_state(CISO, "asked"), "exceptions.check": in_state(any_of(SECURITY, CHIEF), "permitted"),
    "exceptions.end": any_of(CISO, own_system, in_state(related("asker"), "asked")),
    "stops.order_person": only(*HEADS), "stops.order_system": any_of(only(*HEADS), own_system),
    "stops.order_card": in_state(only(*HEADS), "active"), "stops.order_accounts": only(*HEADS, Role.SYSTEM),
    "stops.confirm": in_state(only(*HEADS), "unconfirmed"),
    "stops.ask_to_lift": in_state(only(*HEADS), "open", "unconfirmed"), "stops.keep": in_state(only(*HEADS), "asked"),
    "stops.lift": in_state(only(Role.CISO, Role.VICE_CISO, Role.SECURITY), "asked"),
    "violations.report": not_about_oneself(HANDLING), "violations.close": HANDLING,
    "violations.guide": in_state(own_unit, "reported"), "violations.failed": in_state(own_unit, "guided"),
    "violations.stop": in_state(CHIEF, "failed"),
    "leaks.report": any_of(related("subject"), DESK, SECURITY, own_unit),
    "losses.report": in_state(any_of(related("subject"), DESK, SECURITY, own_unit), "active"),
    "losses.close": any_of(SECURITY, CHIEF),
    "enrolment_lists.send": only(Role.SYSTEM, Role.HANDOVER),
    "fresh_factor.give": everybody, "own_factors.make_codes": everybody, "own_factors.removal": nobody,
    "own_password.change": everybody, "notices.choose": everybody, "provider_sign_in.end": nobody,
    "signed_in_places.end_own": nobody, "signed_in_places.end_others": everybody,
    "signed_in_places.end_of_person": only(Role.SECURITY, Role.HANDOVER),
    "signed_in_places.end_of_everybody": SECURITY,
}  # fmt: skip
"""What is sent: nobody else is obeyed (403, 404, 409), and nothing changes."""

OPEN_TO_STRANGERS = frozenset({
    "static", "health.alive", "health.ready", "help.index", "sign_in.start", "sign_in.give_password",
    "sign_in.timed_out", "enrolment.enrol", "enrolment.set_password", "provider_sign_in.begin",
    "provider_sign_in.begin_linking", "provider_sign_in.answer",
})  # fmt: skip
BY_TOKEN = frozenset({
    "scim.about", "scim.resource_types", "scim.one_resource_type", "scim.all_schemas", "scim.one_schema", "scim.people",
    "scim.push", "scim.person", "scim.replace", "scim.change", "scim.withdraw", "scim.groups", "scim.refuse_group",
    "scim.elsewhere",
})  # fmt: skip
"""For systems with a token: nobody with a browser comes further than 401, whoever they are signed in as."""
CODE, FACTOR = "/sign-in/code", "/sign-in/second-factor"
BY_LINK = frozenset({
    "sign_in.sign_out", "enrolment.new_secret_by_link", "enrolment.confirm_by_link", "passkeys.new_by_link",
    "passkeys.ask_by_link", "passkeys.enrol_by_link",
})  # fmt: skip
OPEN_HALF_WAY = {
    CODE: BY_LINK | {
        "sign_in.code", "sign_in.give_code", "passkeys.back", "passkeys.ask", "passkeys.answer", "without_factor.code",
        "without_factor.give_code", "without_factor.lost", "without_factor.report",
    },
    FACTOR: BY_LINK | {
        "enrolment.second_factor", "enrolment.confirm_second_factor", "enrolment.new_secret", "passkeys.new",
        "passkeys.ask_to_enrol", "passkeys.enrol",
    },
}  # fmt: skip
"""What somebody may open whose sign-in has come only so far, by where everything else leads them."""

FORMS: dict[str, dict[str, str]] = {
    "approvals.permit_exception": {"exception_reason": "災害", "exception_days": "7"},
    "batches.propose": {"day": "令和8年4月1日", "reason": "異動"},
    "external_services.answer": {"answer": "refuse", "answer_note": "不要"},
    "external_services.check": {"needed": "yes", "comment": "確認"},
    "external_services.plan_end": {"end_on": "令和9年4月1日", "end_reason": "満了"},
    "external_services.name_account": {"account": "admin"},
    "external_services.account_done": {"how": "deleted", "note": "確認"},
    "official_accounts.ask": {"unit": "0100"},
    "official_accounts.answer": {"answer": "refuse", "answer_note": "不要"},
    "official_accounts.check": {"comment": "確認"},
    "official_accounts.report": {"what": "投稿"},
    "official_accounts.step_done": {"note_password": "変えた"},
    "official_accounts.give_up": {"ended_how": "削除"},
    "official_accounts.confirm_end": {"gone": "yes", "closing_note": "確認"},
    "own_devices.answer": {"answer": "refuse", "answer_note": "不要"},
    "own_devices.check": {"needed": "yes", "comment": "確認"},
    "own_devices.end": {"end_note": "不要"},
    "own_devices.confirm": {"gone": "yes", "confirm_note": "確認"},
    "own_devices.cleared": {"cleared_how": "消した"},
    "own_devices.lost": {"lost_what": "電車"},
    "own_devices.settle": {"settle_note": "消した"},
    "exceptions.answer": {"answer": "refuse", "answer_note": "不要"},
    "exceptions.end": {"end_note": "不要"},
    "exceptions.check": {"needed": "yes", "comment": "確認"},
    "exceptions.report": {"report": "報告"},
    "pushed_people.take_up": {"feed": "scim"},
    "leaving.settle": {"state": "returned", "note": "受領"},
    "leaving.correct": {"note": "訂正"},
    "sweep_sign_offs.sign": {"seat": "chief"},
    "unused_ids.reopen": {"reason": "必要"},
    "findings.justify": {"reason": "確認済み", "until": "令和8年4月10日"},
    "findings.accept_risk": {"accept_reason": "更改まで", "accept_until": "令和8年4月10日"},
    "findings.take_back": {"back_reason": "不要"},
    "findings.assign": {"owner": ""},
    "findings.move_due": {"due": "令和8年4月10日", "due_reason": "調査中"},
    "findings.add_note": {"note": "確認中"},
    "outside_contracts.end": {"last_day": "令和9年2月28日", "reason": "満了"},
    "outside_contracts.extend": {"last_day": "令和10年3月31日", "reason": "延長"},
    "outside_contracts.register": {
        "number": "契1",
        "company": "会社",
        "title": "業務",
        "manager_name": "責任者",
        "unit": "0100",
        "valid_from": "令和8年4月1日",
        "last_day": "令和9年3月31日",
    },
    "outside_duties.record_consent": {"staff_number": "100009", "given_on": "令和8年4月1日", "document": "綴り1"},
    "outside_duties.report": {"staff_number": "100009", "service": "internet", "reason": "不要"},
    "outside.renew": {"last_day": "令和9年3月31日"},
    "outside.end": {"reason": "終了"},
    "configuration.refuse": {"reason": "不要"},
    "configuration.propose": {"reason": "変更"},
    "reviews.begin": {"title": "定期", "scope": "unit"},
    "reviews.withdraw": {"reason": "打ち間違い"},
    "work_orders.tick": {"act": "keep"},
    "work_orders.send_back": {"reason": "不足"},
    "found_accounts.settle": {"answer": "finding", "reason": "確認"},
    "found_accounts.submit": {"reason": "棚卸し"},
    "standing.end": {"reason": "終了"},
    "handovers.ask": {"account_id": "2"},
    "batches.permit": {"comment": "確認"},
    "batches.refuse": {"comment": "不要"},
    "outside.hand_over": {"sponsor": "100025"},
    "outside.name_sponsor": {"sponsor": "100025"},
    "stops.order_person": {"reason": "不審"},
    "stops.order_system": {"reason": "不審"},
    "stops.order_card": {"reason": "不審"},
    "stops.order_accounts": {"reason": "不審", "names": "nobody-at-all"},
    "stops.ask_to_lift": {"reason": "終わった"},
    "stops.keep": {"reason": "まだ"},
    "violations.report": {"what": "他人のIDを使った"},
    "violations.guide": {"guidance": "注意した"},
    "violations.failed": {"note": "また使った"},
    "violations.close": {"closing_note": "終わり"},
    "violations.stop": {"reason": "改善されない"},
    "losses.report": {"circumstances": "車内に置き忘れた"},
    "losses.close": {"outcome": "found", "note": "確認した"},
    "standing.propose": {"system": "1", "reason": "異動"},
    "privileged_register.propose": {
        "kind": "shared",
        "purpose": "受付",
        "staff_number": "100004",
        "kept": "no",
        "last_day": "令和9年3月31日",
    },
    "privileged_register.refuse": {"reason": "不要"},
    "privileged_register.renew": {"last_day": "令和9年3月31日"},
    "privileged_register.end": {"reason": "不要"},
    "registered_people.propose_owner": {"staff_number": "100004", "owner_reason": "異動"},
    "privileged_uses.report": {"report": "設定を変更した"},
    "privileged_use_oversight.permit": {"comment": "確認した"},
    "privileged_use_oversight.refuse": {"comment": "不要"},
    "privileged_use_oversight.stop": {"reason": "不審"},
    "vault.rotate": {"reason": "by_hand"},
}
"""What is filled in, so that an operation comes to ask who sends it."""
