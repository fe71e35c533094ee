"""Chains what was committed, signs the end of the chain, and keeps the signature elsewhere (control G1)."""

from idm import audit
from idm.keys.signing import load_or_create_key
from jobs.installation import Installation


def seal(installation: Installation, *, sign: bool) -> int:
    """Afterwards every committed audit record is chained; with `sign`, its end is signed and kept elsewhere.

    Returns how many records were chained. Raises ConfigurationInvalid when the key or the file elsewhere is missing.
    """
    now = installation.clock()
    chained = 0
    while True:
        with installation.database.writing() as session:
            count = audit.seal(session, now=now)
        chained += count
        if count == 0:
            break
    if sign:
        key = load_or_create_key(installation.settings.secrets_dir)
        with installation.database.writing() as session:
            audit.checkpoint(session, key, now=now)
        with installation.database.reading() as session:
            audit.append_missing(session, installation.settings.checkpoint_file)
    return chained
