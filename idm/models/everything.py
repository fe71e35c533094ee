"""Every table of the product, for whoever needs the whole schema: the migrations and the tests."""

from idm.models import audit, officers, people, requests, sign_in, systems, work
from idm.models.base import Base

TABLES = (people, systems, officers, requests, work, audit, sign_in)
METADATA = Base.metadata
