"""The endpoints below /scim/v2. A system comes with a bearer token; whoever comes with a cookie is nobody here.

A person who is pushed is the line of a personnel file (`idm.operations.hr.pushes`). Groups and rights are refused.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, current_app, g, request
from pydantic import ValidationError
from scim2_models import (
    Context,
    ForbiddenException,
    InvalidFilterException,
    InvalidSyntaxException,
    InvalidValueException,
    ListResponse,
    Meta,
    PatchOp,
    Resource,
    ResourceType,
    ResponseParameters,
    Schema,
    SCIMException,
)
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from idm.actor import Actor
from idm.errors import NotFound, PushTokenRefused, Refusal
from idm.feed.pushed_line import EMPLOYMENT
from idm.keys.secret_files import MATCH_KEY, load_or_create_key
from idm.models.pushes import PushedPerson
from idm.operations.hr import push_tokens, pushes
from idm.operations.hr.pushes import Pushing
from idm.queries.hr.pushed_people import pushed_page
from idm.unit_of_work import unit_of_work
from web import current
from web.scim import answers
from web.scim.answers import answer
from web.scim.guessing import Guessing
from web.scim.resources import MOST_IN_A_LIST, RIGHTS, SECRETS, Person, provider_config, resource_type, schemas

blueprint = Blueprint("scim", __name__, url_prefix="/scim/v2")

FILTER = re.compile(r'\s*(userName|externalId|id)\s+eq\s+("(?:[^"\\]|\\.)*")\s*', re.IGNORECASE)
FIELDS = {"username": "userName", "externalid": "externalId", "id": "id"}
NO_RIGHTS = "権限・グループ・役割は、SCIM では受け付けません。権限は申請と承認で付与します。"
KNOWN = frozenset({"ServiceProviderConfig", "ResourceTypes", "Schemas", "Users"})
GUESSING = "idm.scim.guessing"
NO_SECRETS = "パスワードと証明書は、SCIM では受け付けません。"

blueprint.register_error_handler(Refusal, answers.refused)
blueprint.register_error_handler(SCIMException, answers.wrong_request)
blueprint.register_error_handler(ValidationError, answers.wrong_resource)
blueprint.register_error_handler(HTTPException, answers.http_error)
blueprint.register_error_handler(Exception, answers.broken)


@blueprint.before_request
def come_in() -> None:
    """Afterwards it is known by which token the system came. Raises PushTokenRefused, TooManyPushes."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    try:
        with current.site().database.writing() as session:
            token = push_tokens.use(session, secret.strip() if scheme.lower() == "bearer" else None, now=current.now())
            g.push = (token.id, token.feed, token.name)
    except PushTokenRefused as refusal:
        # A good token is always heard: many systems may come from one address.
        guessing: Guessing = current_app.extensions.setdefault(GUESSING, Guessing())
        if guessing.note(current.source(), current.now()):
            _record_refusal(refusal)
        guessing.require_patience(current.source(), current.now())
        raise


def _record_refusal(refusal: Refusal) -> None:
    """Afterwards the audit record says from where somebody came without a good token."""
    try:
        with unit_of_work(
            current.site().database, actor=Actor.job("web.scim"), now=current.now(), attempted="push.sign_in",
            obj=("address", current.source()[:200]),
        ):  # fmt: skip
            raise refusal
    except PushTokenRefused:
        return


# --- what we can do --------------------------------------------------------------------------------------------------


@blueprint.get("/ServiceProviderConfig")
def about() -> Response:
    """What this server can do."""
    return answer(provider_config(_address()).model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE))


@blueprint.get("/ResourceTypes")
def resource_types() -> Response:
    """People, and nothing else."""
    return _described(ListResponse[ResourceType](total_results=1, resources=[resource_type(_address())]))


@blueprint.get("/ResourceTypes/<name>")
def one_resource_type(name: str) -> Response:
    """The same, by its name. Raises NotFound."""
    if name != "User":
        raise NotFound("この種類はありません。")
    return answer(resource_type(_address()).model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE))


@blueprint.get("/Schemas")
def all_schemas() -> Response:
    """Every attribute that is read."""
    found = list(schemas(_address()).values())
    return _described(ListResponse[Schema](total_results=len(found), resources=found))


@blueprint.get("/Schemas/<uri>")
def one_schema(uri: str) -> Response:
    """One of them, by its URI. Raises NotFound."""
    found = schemas(_address()).get(uri)
    if found is None:
        raise NotFound("このスキーマはありません。")
    return answer(found.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE))


# --- people ----------------------------------------------------------------------------------------------------------


@blueprint.get("/Users")
def people() -> Response:
    """Those whom systems of this feed have pushed; `filter` knows userName, externalId and id with eq."""
    field, value = _filter(request.args.get("filter"))
    first, most = max(1, _number("startIndex", 1)), min(max(0, _number("count", MOST_IN_A_LIST)), MOST_IN_A_LIST)
    with current.look() as session:
        total, found = pushed_page(session, _feed(), first=first, most=most, field=field, value=value)
        shown = [_person(one) for one in found]
    listed = ListResponse[Person](
        total_results=total, start_index=first, items_per_page=len(shown), resources=shown
    )  # fmt: skip
    return answer(listed.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE, response_parameters=_wanted()))


@blueprint.post("/Users")
def push() -> Response:
    """Afterwards the person is known, or waits."""
    told = _sent(Context.RESOURCE_CREATION_REQUEST)
    with _act("push.create", "new") as session:
        person = pushes.create(session, told, by=_pushing())
        shown = _person(person)
    payload = shown.model_dump(scim_ctx=Context.RESOURCE_CREATION_RESPONSE, response_parameters=_wanted())
    return answer(payload, 201, Location=str(shown.meta.location) if shown.meta else "")


@blueprint.get("/Users/<pushed_id>")
def person(pushed_id: str) -> Response:
    """One person, as they were pushed."""
    with current.look() as session:
        _, found = pushed_page(session, _feed(), first=1, most=1, field="id", value=pushed_id)
        if not found:
            raise NotFound("この人は送られていません。")
        shown = _person(found[0])
    return answer(shown.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE, response_parameters=_wanted()))


@blueprint.put("/Users/<pushed_id>")
def replace(pushed_id: str) -> Response:
    """Afterwards the person is known as told now, or waits."""
    told = _sent(Context.RESOURCE_REPLACEMENT_REQUEST)
    return _changed(pushed_id, "push.replace", lambda _before: told)


@blueprint.patch("/Users/<pushed_id>")
def change(pushed_id: str) -> Response:
    """Afterwards what was told of the person is known, or waits; the rest is as it was told before."""
    body = _body()
    _refuse_rights(_named_in(body))
    operations = PatchOp[Person].model_validate(body, scim_ctx=Context.RESOURCE_PATCH_REQUEST)

    def patched(before: Mapping[str, Any]) -> dict[str, Any]:
        user = Person.model_validate(dict(before))
        operations.patch(user)
        return _dumped(user)

    return _changed(pushed_id, "push.change", patched)


@blueprint.delete("/Users/<pushed_id>")
def withdraw(pushed_id: str) -> Response:
    """Afterwards the person leaves, at the end of today where no day was told; nothing known of them is deleted."""
    with _act("push.withdraw", pushed_id) as session:
        pushes.withdraw(session, pushes.find(session, _feed(), pushed_id), by=_pushing())
    return answer(None, 204)


# --- what never comes in ---------------------------------------------------------------------------------------------


@blueprint.get("/Groups")
def groups() -> Response:
    """None: no system learns of rights here."""
    return answer(ListResponse[Person](total_results=0, resources=[]).model_dump())


@blueprint.route("/Groups", methods=["POST"], endpoint="refuse_group")
@blueprint.route("/Groups/<path:rest>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], endpoint="refuse_group")
def refuse_group(rest: str = "") -> Response:
    """Refused: rights follow from applications and their approval alone (FK 6-1(1))."""
    with _act("push.group", rest[:100] or "new"):
        raise Refusal(NO_RIGHTS, code="PUSH-RIGHTS")


@blueprint.route("/", defaults={"rest": ""}, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
@blueprint.route("/<path:rest>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def elsewhere(rest: str) -> Response:
    """Nothing is here, or nothing that can be asked in this way."""
    if rest.partition("/")[0] in KNOWN:
        raise MethodNotAllowed(description="この要求は、このアドレスでは受け付けません。")
    raise NotFound(f"SCIM に /{rest[:100]} はありません。")


def _changed(pushed_id: str, attempted: str, told: Any) -> Response:
    with _act(attempted, pushed_id) as session:
        found = pushes.find(session, _feed(), pushed_id)
        pushes.change(session, found, told(found.resource), by=_pushing())
        shown = _person(found)
    return answer(shown.model_dump(scim_ctx=Context.RESOURCE_REPLACEMENT_RESPONSE, response_parameters=_wanted()))


def _act(attempted: str, person_id: str) -> Any:
    by = _pushing()
    return unit_of_work(
        current.site().database, actor=by.actor, now=by.now, attempted=attempted, obj=("pushed_person", person_id),
        policy_digest=by.policy.digest,
    )  # fmt: skip


def _pushing() -> Pushing:
    token_id, feed, name = g.push
    secret = load_or_create_key(current.site().settings.secrets_dir, MATCH_KEY)
    return Pushing(
        feed=feed, match_secret=secret, actor=Actor.job(f"scim: {name}"), policy=current.policy(), now=current.now(),
        token_id=token_id,
    )  # fmt: skip


def _feed() -> str:
    return str(g.push[1])


def _address() -> str:
    return f"{current.site().settings.base_url.rstrip('/')}{blueprint.url_prefix}"


# --- what came -------------------------------------------------------------------------------------------------------


def _body() -> dict[str, Any]:
    try:
        found = json.loads(request.get_data())
    except (ValueError, RecursionError):
        raise InvalidSyntaxException(detail="JSON として読めません。") from None
    if not isinstance(found, dict):
        raise InvalidSyntaxException(detail="JSON のオブジェクトが必要です。")
    return found


def _sent(context: Context) -> dict[str, Any]:
    body = _body()
    _refuse_rights(body.keys())
    return _dumped(Person.model_validate(body, scim_ctx=context))


def _dumped(user: Resource[Any]) -> dict[str, Any]:
    """The attributes that a system may tell, whatever of ours stands beside them."""
    told: dict[str, Any] = json.loads(json.dumps(user.model_dump(scim_ctx=Context.RESOURCE_CREATION_REQUEST)))
    for name in ("id", "meta"):
        told.pop(name, None)
    return told


def _named_in(body: Mapping[str, Any]) -> set[str]:
    """Every attribute that a PATCH is about, by its path or in its value."""
    operations = body.get("Operations")
    named: set[str] = set()
    for one in operations if isinstance(operations, list) else ():
        if isinstance(one, Mapping):
            named.add(re.split(r"[.\[]", str(one.get("path") or "").rpartition(":")[2])[0])
            if not one.get("path") and isinstance(one.get("value"), Mapping):
                named |= set(map(str, one["value"]))
    return named


def _refuse_rights(named: Any) -> None:
    """Raises ForbiddenException where something would give a right, or is a secret that we never take."""
    small = {str(name).casefold() for name in named}
    if small & RIGHTS:
        raise ForbiddenException(detail=NO_RIGHTS)
    if small & SECRETS:
        raise ForbiddenException(detail=NO_SECRETS)


def _filter(text: str | None) -> tuple[str | None, str]:
    if not text:
        return None, ""
    found = FILTER.fullmatch(text)
    if found is None:
        raise InvalidFilterException(detail="filter は userName・externalId・id の eq だけを受け付けます。")
    return FIELDS[found[1].casefold()], json.loads(found[2])


def _number(name: str, usual: int) -> int:
    said = request.args.get(name, "")
    if not said:
        return usual
    if not re.fullmatch(r"-?\d{1,9}", said, re.ASCII):
        raise InvalidValueException(detail=f"{name} は整数で書いてください。")
    return int(said)


def _wanted() -> ResponseParameters[Any]:
    names = {name: request.args[name] for name in ("attributes", "excludedAttributes") if name in request.args}
    return ResponseParameters[Person].model_validate(names)


# --- what goes out ---------------------------------------------------------------------------------------------------


def _person(found: PushedPerson) -> Resource[Any]:
    told = {**found.resource, "id": found.id}
    if found.waiting_since is not None:
        told[EMPLOYMENT] = {**(told.get(EMPLOYMENT) or {}), "waiting": True}
    shown: Resource[Any] = Person.model_validate(told)
    shown.meta = Meta(
        resource_type="User", created=found.created_at, last_modified=found.changed_at,
        location=f"{_address()}/Users/{found.id}",
    )  # fmt: skip
    return shown


def _described(listed: "ListResponse[ResourceType] | ListResponse[Schema]") -> Response:
    """A list of what describes this server: always whole (RFC 7644 4)."""
    if request.args.get("filter"):
        raise ForbiddenException(detail="ここでは filter を使えません。")
    return answer(listed.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE))
