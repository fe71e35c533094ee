"""Feed profiles that come with the product: one TOML file for each personnel system's export."""

from pathlib import Path

FEEDS = Path(__file__).parent
"""The folder of the feed profiles."""
