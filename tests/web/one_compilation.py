"""Applications of a test process share what is compiled: templates and addresses, once and not once per test.

A program has one application and compiles everything once. A test process has one application per test, and would
spend half of the time of its pages compiling the same again.
"""

from collections.abc import Callable
from typing import Any

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule

_templates: dict[str, bytes] = {}
_builders: dict[object, Callable[..., tuple[str, str]]] = {}
_compile_builder = Rule._compile_builder


class _InMemory(BytecodeCache):
    """Keeps compiled templates; jinja throws away what no longer fits its source."""

    def load_bytecode(self, bucket: Bucket) -> None:
        """Filled, where the template was compiled before."""
        if bucket.key in _templates:
            bucket.bytecode_from_string(_templates[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Kept for the next application."""
        _templates[bucket.key] = bucket.bytecode_to_string()


def _builder(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
    """What writes the rule's addresses: it depends on nothing but the rule's text and defaults."""
    key = (rule.rule, tuple(rule._trace), repr(rule.defaults), append_unknown)
    if key not in _builders:
        _builders[key] = _compile_builder(rule, append_unknown)
    return _builders[key]


def share() -> None:
    """Afterwards every new application takes what was compiled before."""
    options: dict[str, Any] = {**Flask.jinja_options, "bytecode_cache": _InMemory()}
    Flask.jinja_options = options
    setattr(Rule, "_compile_builder", _builder)  # noqa: B010 -- to mypy, a plain assignment to a method is a mistake
