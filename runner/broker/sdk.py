"""The one place where alpaca-py is imported, and where its import is kept cheap.

alpaca-py's trading package imports pandas, half of the time the import takes, for a single use:
parsing two dates in GetCorporateAnnouncementsRequest. While it is imported, a stand-in takes the
name `pandas` in `sys.modules`; the stand-in imports the real one when it is first used. It is
gone from `sys.modules` as soon as alpaca-py is loaded, so everybody else imports the real pandas as
if nothing had happened. When pandas is loaded already there is nothing to save and nothing is done.

`importlib.util.LazyLoader` cannot do this: `import pandas as pd` reads `__spec__`, which loads it.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType


class _Deferred(ModuleType):
    """A module that imports the real one of the same name at the first attribute read."""

    def __getattr__(self, attribute: str) -> object:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), attribute)


def load() -> None:
    """Import alpaca-py's trading package, without pandas where possible. Cheap when repeated."""
    if "alpaca.trading" in sys.modules or "pandas" in sys.modules:
        importlib.import_module("alpaca.trading")
        return
    stand_in = _Deferred("pandas")
    sys.modules["pandas"] = stand_in
    try:
        importlib.import_module("alpaca.trading")
    finally:
        if sys.modules.get("pandas") is stand_in:
            del sys.modules["pandas"]
