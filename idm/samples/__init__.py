"""An invented organisation to try the product with: 青葉県市町村職員共済組合, about 300 people, none of them real.

`aoba.csv` is its personnel file of 2026-04-01 and `aoba-next.csv` the one of 2026-10-01, both in the format that the
feed profile `aoba` describes; `aoba-orders.csv` is its appointment notice of 2027-04-01. Two modules make them, always
the same ones: `python -m idm.samples.people` and `python -m idm.samples.orders` write them anew.
"""

from pathlib import Path

SAMPLE_FEED = Path(__file__).parent / "aoba.csv"
"""The personnel file of 2026-04-01."""

NEXT_FEED = Path(__file__).parent / "aoba-next.csv"
"""The personnel file of 2026-10-01: 4 people joined, 5 moved, 2 are leaving, and one row is held for its 外字."""

ORDERS_FEED = Path(__file__).parent / "aoba-orders.csv"
"""The appointment notice of 2027-04-01 (feed profile `aoba-events`): transfers, renewals, absences, a name change."""

SAMPLE_ORGANISATION = Path(__file__).parent / "aoba-organisation.toml"
"""Its systems, rights by post and first officers."""
