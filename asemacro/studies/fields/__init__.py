"""Field equations of block magnetisations: what they are learned from, and what they must show to be trusted.

learn_from_fields  a learned field equation from field data
LearnedFields      such an equation and where it was learned: save, load, energy
read_fields        field data from npz, zarr and OVF files
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.studies.fields.learned import LearnedFields as LearnedFields
    from asemacro.studies.fields.learned import learn_from_fields as learn_from_fields
    from asemacro.studies.fields.readers import read_fields as read_fields
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
