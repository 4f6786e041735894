"""The one thing about the wheel that is no plain setting: ``sousa.py`` is the ``__init__.py`` of its
package, and ``py.typed`` lies beside it."""

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class OnePackage(BuildHookInterface):
    """Puts ``sousa.py`` where a package keeps its own code; an editable install finds it in the checkout."""

    def initialize(self, version: str, build_data: dict) -> None:
        if version == "standard":
            # below sousa/, as all else
            build_data["force_include"] |= {"sousa.py": "__init__.py", "py.typed": "py.typed"}
