"""What each native loss can be called with: the source of live cases and of property-based tests."""

from .draw import Draw
from .registry import Domain, domain, domains

__all__ = ["Domain", "Draw", "domain", "domains"]
