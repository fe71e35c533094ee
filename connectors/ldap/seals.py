"""A digest of an entry as it came: equal ones mean that nothing of what was asked for has changed.

It costs a hundredth of reading the entry, so that a directory of any size can be compared with what was last read back
of it, and only what differs is read in full. A server that names an entry's attributes in another order makes another
digest: that costs a look, and hides nothing.
"""

from hashlib import blake2b

SEAL_BYTES = 16


def seal(raw: bytes) -> bytes:
    """The digest of one search entry, from the first byte of its operation to the last."""
    return blake2b(raw, digest_size=SEAL_BYTES).digest()
