"""What public functions accept: one line a function, and one line of refusal for everything else.

checked          a decorator: checks of arguments by name
check_fields     the same for the fields of a dataclass
whole            whole numbers
number           finite numbers
array            arrays of a shape
many             lists of what another check takes
shown            a refused value in a few words
generator_of     a random generator
bound_of_memory  refuse what does not fit the memory
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.arguments.checks import bound_of_memory as bound_of_memory
    from asemacro.arguments.checks import generator_of as generator_of
    from asemacro.arguments.checks import shown as shown
    from asemacro.arguments.door import array as array
    from asemacro.arguments.door import check_fields as check_fields
    from asemacro.arguments.door import checked as checked
    from asemacro.arguments.door import many as many
    from asemacro.arguments.door import number as number
    from asemacro.arguments.door import whole as whole
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
