"""Whether the process lives, and whether it can serve; for the machine that watches it. Says nothing else."""

import logging

from flask import Blueprint, Response
from sqlalchemy.exc import SQLAlchemyError

from idm.errors import ConfigurationInvalid
from idm.queries.governance.configuration import policy_in_force
from idm.schema import require_current
from web import current

blueprint = Blueprint("health", __name__)
log = logging.getLogger(__name__)


@blueprint.get("/healthz")
def alive() -> Response:
    """The process answers."""
    return Response("ok\n", mimetype="text/plain")


@blueprint.get("/readyz")
def ready() -> Response:
    """The database answers, its tables are this release's, and a profile is in force; 503 otherwise."""
    try:
        require_current(current.site().database)
        with current.look() as session:
            policy_in_force(session, now=current.now())
    except (SQLAlchemyError, ConfigurationInvalid) as reason:
        log.warning("not ready: %s", type(reason).__name__)
        return Response("not ready\n", status=503, mimetype="text/plain")
    return Response("ok\n", mimetype="text/plain")
