"""What a browser says it is, in a few words that its owner recognises: 「Chrome（Windows）」. Pure.

The text comes from whoever sends it and proves nothing; only words of these tables are kept of it.
"""

BROWSERS = (
    ("Edg/", "Edge"), ("EdgA/", "Edge"), ("EdgiOS/", "Edge"), ("OPR/", "Opera"), ("Vivaldi/", "Vivaldi"),
    ("FxiOS/", "Firefox"), ("Firefox/", "Firefox"), ("CriOS/", "Chrome"), ("Chrome/", "Chrome"),
    ("Trident/", "Internet Explorer"), ("Safari/", "Safari"),
)  # fmt: skip
"""A part of the text → the browser; the first one found counts, for most call themselves by others' names as well."""

SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("CrOS", "ChromeOS"), ("Windows", "Windows"),
    ("Macintosh", "Mac"), ("Linux", "Linux"),
)  # fmt: skip
UNKNOWN = "不明なブラウザー"


def browser_words(user_agent: str) -> str:
    """The browser and the system it runs on, as far as the tables know them."""
    browser = next((name for part, name in BROWSERS if part in user_agent), UNKNOWN)
    system = next((name for part, name in SYSTEMS if part in user_agent), "")
    return f"{browser}（{system}）" if system else browser
