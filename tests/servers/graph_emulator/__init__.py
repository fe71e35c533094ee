"""An EMULATOR of Microsoft Graph, small and plain: Graph itself cannot be had.

What it does and where that is written stands beside each behaviour, by the title of Microsoft's page. What it does not
model it answers with 501, so that a test which relies on it fails. It has never been compared with a live tenant.
Not modelled: licences, administrative units, guests, activations of PIM, Conditional Access, `$expand`,
`$search`, `$count`.
"""
