"""What the site has otherwise than GitHub: formulas as MathML, and no links to what is no page."""

from __future__ import annotations

import re
import textwrap
from typing import Any

from latex2mathml.converter import convert

NOT_A_PAGE = re.compile(
    r"(?<!!)\[([^\]]+)\]\((?!https?:|#)"
    r"(?:[^)]*\.(?:py|json|jsonl)|\.\./(?:unified_loss|conformance|backends)/[^)]*|examples/[^)]*)\)"
)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by mkdocs for each page, before it is rendered."""
    markdown = re.sub(r"^```math\n(.*?)^```$", lambda found: formula(found[1]), markdown, flags=re.M | re.S)
    return NOT_A_PAGE.sub(r"\1", markdown)


def formula(text: str) -> str:
    """LaTeX as MathML, which browsers render without a script."""
    return f'<div class="formula">{convert(textwrap.dedent(text).strip(), display="block")}</div>'
