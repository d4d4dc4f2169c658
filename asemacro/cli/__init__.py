"""The command `asemacro`: thin verbs over the functions that scripts call.

main  entry point of the command
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.cli.app import main as main
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
