"""Telling people that their password falls due asks few things of the database, however many they are (control E5)."""

from uuid import uuid4

from sqlalchemy import event, insert, select

from idm.models.people import Person
from idm.models.systems import Account
from idm.models.work import MailMessage
from idm.operations.passwords.warnings_before_due import DUE_SUBJECT, PasswordDue, warn
from idm.vocabulary import AccountKind
from tests.cast import NOW, TODAY, Cast

FIRST, MANY = 1000, 300


def crowd(cast: Cast) -> None:
    """Many people with an account each."""
    numbers = range(FIRST, FIRST + MANY)
    people = [
        {"id": one, "name": f"n{one}", "kana": "k", "search_key": "k", "mail": f"a{one}@example.jp", "created_at": NOW}
        for one in numbers
    ]
    accounts = [
        {
            "id": one, "uuid": uuid4(), "system_id": 1, "person_id": one, "kind": AccountKind.PERSONAL,
            "login_name": f"l{one}", "created_at": NOW, "generation": 0,
        }
        for one in numbers
    ]  # fmt: skip
    with cast.database.writing() as session:
        session.execute(insert(Person), people)
        session.execute(insert(Account), accounts)


def test_many_are_told_with_few_statements_and_each_once(cast: Cast) -> None:
    crowd(cast)
    said: list[str] = []
    event.listen(cast.database.engine, "before_cursor_execute", lambda *args: said.append(args[2]))
    dues = [PasswordDue(FIRST + number, TODAY, TODAY) for number in range(MANY)]
    for told in (MANY, 0):
        said.clear()
        with cast.database.writing() as session:
            assert warn(session, dues, now=NOW) == told
        assert len(said) < 20, "however many they are"
    with cast.database.reading() as session:
        recipients = session.scalars(select(MailMessage.recipient).where(MailMessage.subject == DUE_SUBJECT)).all()
    assert sorted(recipients) == sorted(f"a{due.account_id}@example.jp" for due in dues)
