"""Puts the web application together."""

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Flask, g, request, url_for
from flask_babel import Babel

from idm.database import Database
from idm.keys.secret_files import SECOND_FACTOR_KEY, load_or_create_key
from idm.operations.signing_in.provider_sign_in import ProviderOpener
from idm.operations.signing_in.sign_in_directory import PasswordChecker
from idm.operations.signing_in.web_sessions import Stage
from idm.settings import Settings
from web import (
    formats,
    forms,
    health,
    help_page,
    home,
    navigation,
    paging,
    refusals,
    route_access,
    row_ids,
    security,
    session,
)
from web.approval import account_names, application_wizard, approvals, requests, standing
from web.current import EXTENSION, FormerPassword, Site, never_takes_former
from web.exceptions import exception_register
from web.external_services import external_services
from web.factors import authenticators, enrolment_lists, external_access, losses
from web.governance import configuration, permissions_page
from web.hand_work import work_orders
from web.hr import batches, calendar, feed_answers, feed_uploads, leaving, personnel_files, pushed_people
from web.information_systems import found_accounts, listings, systems
from web.logs import audit_trail, log_check, retention
from web.notification import notices
from web.official_accounts import official_accounts
from web.organisation import officers, people
from web.outsiders import outside, outside_contracts, outside_duties
from web.own_devices import my_devices, own_devices
from web.passwords import handovers, leaks, locks
from web.privileged import privilege_deputies, privileged_words, register, registered_people, use_oversight, uses, vault
from web.reviews import review_answers, reviews
from web.rights import giving_back
from web.scim import people as scim
from web.signing_in import (
    enrolment,
    fresh_factor,
    own_factors,
    own_password,
    passkeys,
    provider_sign_in,
    sign_in,
    signed_in_places,
    without_factor,
)
from web.stops import stops, violations
from web.sweep import finding_overview, findings, sign_offs, unused_ids
from web.waiting_work import waiting_on

BLUEPRINTS = (
    home.blueprint,
    requests.blueprint,
    application_wizard.blueprint,
    approvals.blueprint,
    standing.blueprint,
    personnel_files.blueprint,
    feed_uploads.blueprint,
    pushed_people.blueprint,
    feed_answers.blueprint,
    batches.blueprint,
    leaving.blueprint,
    account_names.blueprint,
    outside_contracts.blueprint,
    outside_duties.blueprint,
    outside.blueprint,
    people.blueprint,
    calendar.blueprint,
    people.own_page,
    notices.blueprint,
    handovers.blueprint,
    work_orders.blueprint,
    listings.blueprint,
    enrolment_lists.blueprint,
    external_access.blueprint,
    locks.blueprint,
    authenticators.blueprint,
    losses.blueprint,
    leaks.blueprint,
    stops.blueprint,
    sign_offs.blueprint,
    violations.blueprint,
    exception_register.blueprint,
    external_services.blueprint,
    official_accounts.blueprint,
    my_devices.blueprint,
    own_devices.blueprint,
    giving_back.blueprint,
    register.blueprint,
    registered_people.blueprint,
    uses.blueprint,
    use_oversight.blueprint,
    vault.blueprint,
    systems.blueprint,
    findings.blueprint,
    unused_ids.blueprint,
    finding_overview.blueprint,
    reviews.blueprint,
    review_answers.blueprint,
    found_accounts.blueprint,
    officers.blueprint,
    privilege_deputies.blueprint,
    configuration.blueprint,
    permissions_page.blueprint,
    audit_trail.blueprint,
    log_check.blueprint,
    retention.blueprint,
    sign_in.blueprint,
    provider_sign_in.blueprint,
    enrolment.blueprint,
    fresh_factor.blueprint,
    passkeys.blueprint,
    without_factor.blueprint,
    own_factors.blueprint,
    own_password.blueprint,
    signed_in_places.blueprint,
    help_page.blueprint,
    health.blueprint,
    scim.blueprint,
)


def machine_clock() -> datetime:
    """The machine's clock: read here, at the edge, and nowhere below."""
    return datetime.now(UTC)


def create_app(
    settings: Settings, database: Database, *, clock: Callable[[], datetime] = machine_clock,
    check_password: PasswordChecker | None = None, open_provider: ProviderOpener | None = None,
    former_password: FormerPassword = never_takes_former,
) -> Flask:  # fmt: skip
    """The application of one installation, ready to serve. Keys are made in the secrets folder at the first start.

    `check_password` is how it asks the directory people sign in with, `open_provider` how it reaches the provider they
    sign in with; without it, nobody signs in with one. `former_password` is what is known of kinds of directory. Raises
    ConfigurationInvalid when a key cannot be used, RouteNotJudged when nobody has said who may open a route.
    """
    app = Flask(__name__)
    secure = security.is_https(settings)
    app.config.update(
        SECRET_KEY=load_or_create_key(settings.secrets_dir, "web-forms.key"),
        SESSION_COOKIE_NAME="__Host-idm-forms" if secure else "idm-forms",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
    )
    security.find_addresses(app, settings)
    factor_key = load_or_create_key(settings.secrets_dir, SECOND_FACTOR_KEY)
    app.extensions[EXTENSION] = Site(
            settings, database, clock, factor_key, check_password, open_provider, former_password
        )  # fmt: skip
    app.url_map.converters["int"] = row_ids.RowIdConverter
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    Babel(app, default_locale="ja", default_timezone="Asia/Tokyo")
    security.protect(app)
    session.install(app)
    fresh_factor.install(app)
    refusals.install(app)
    formats.install(app)
    privileged_words.install(app)
    _offer_to_templates(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    route_access.require_every_route_judged(app)
    return app


def _offer_to_templates(app: Flask) -> None:
    """Afterwards templates know who is signed in, the organisation, the navigation and what static files are called."""

    def address_of(name: str) -> Callable[[], str]:
        version = sha256(Path(app.root_path, "static", name).read_bytes()).hexdigest()[:12]
        return lambda: url_for("static", filename=name, version=version)

    def runs_script() -> str:
        g.runs_script = True
        return ""

    def keep_page_open() -> str:
        g.holds_input = True
        return ""

    def of_request() -> dict[str, Any]:
        found = g.get("signed_in")
        return {
            "signed_in": found,
            "organisation_name": g.get("organisation_name", ""),
            "sign_in_provider": g.get("sign_in_provider"),
            "now": g.get("now"),
        }

    def menu() -> tuple[navigation.Link, ...]:
        found = g.get("signed_in")
        if found is None or found.stage is not Stage.SIGNED_IN:
            return ()
        return navigation.menu_for(found.roles, request.endpoint, waiting_on)

    app.context_processor(of_request)
    app.jinja_env.globals.update(
        described_by=forms.described_by,
        keep_page_open=keep_page_open,
        site_menu=menu,
        link_to_page=paging.link_to_page,
        passkey_script=address_of("passkey.js"),
        runs_script=runs_script,
        style_sheet=address_of("idm.css"),
    )
