"""Addresses of the pages of a long list: filters and page stand in them, so that they can be shared and go back."""

from typing import Any

from flask import request, url_for


def link_to_page(number: int) -> str:
    """The address of another page of the same list, with the same filters."""
    kept: dict[str, Any] = {**request.args.to_dict(flat=False), **(request.view_args or {}), "page": number}
    return url_for(request.endpoint or "home.index", **kept)
