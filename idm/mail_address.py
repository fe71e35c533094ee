"""What counts as a mail address, wherever one is read or typed: the plain kind that every server takes. Pure."""

import re

LONGEST = 254
"""Characters (RFC 5321, 4.5.3.1.3, less the angle brackets)."""
MAIL_ADDRESS = re.compile(r"[0-9A-Za-z._%+'-]+@[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)+", re.ASCII)
