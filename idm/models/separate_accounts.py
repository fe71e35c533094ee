"""The database's own word that nobody's daily account carries a privileged right, and no other carries another (D8).

`OWN_ACCOUNT_DDL` holds the triggers for the migration; tables made from the metadata get them by themselves.
"""

from typing import cast

from sqlalchemy import DDL, Table, event

from idm.models.requests import Grant

_SENTENCE = "a privileged right is on a privileged account, and no other right is"
_WRONG = (
    "(SELECT privileged FROM entitlements WHERE id = NEW.entitlement_id) <> "
    "((SELECT kind FROM accounts WHERE id = NEW.account_id) = 'privileged')"
)
OWN_ACCOUNT_DDL: dict[str, list[str]] = {
    "sqlite": [
        f"CREATE TRIGGER grants_own_account_{moment.split()[0].lower()} BEFORE {moment} ON grants WHEN {_WRONG} "
        f"BEGIN SELECT RAISE(ABORT, '{_SENTENCE}'); END"
        for moment in ("INSERT", "UPDATE OF account_id, entitlement_id")
    ],
    "postgresql": [
        f"CREATE OR REPLACE FUNCTION grants_own_account() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF {_WRONG} "
        f"THEN RAISE EXCEPTION USING MESSAGE = '{_SENTENCE}', ERRCODE = 'check_violation'; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER grants_own_account BEFORE INSERT OR UPDATE OF account_id, entitlement_id ON grants "
        "FOR EACH ROW EXECUTE FUNCTION grants_own_account()",
    ],
}
"""Every trigger by dialect, in the order in which a migration runs them."""

for _dialect, _statements in OWN_ACCOUNT_DDL.items():
    for _statement in _statements:
        _ddl = DDL(_statement)  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it unannotated
        event.listen(cast(Table, Grant.__table__), "after_create", _ddl.execute_if(dialect=_dialect))
