"""What a finished run is shown and cited by: one page of HTML, and the literature behind it.

write_report  one self-contained page of a run's figures, table, atoms and provenance
citations     what the results of a run should cite, as BibTeX
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.studies.report.literature import citations as citations
    from asemacro.studies.report.write import write_report as write_report
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
