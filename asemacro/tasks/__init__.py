"""Long work: tasks side by side, progress, checkpoints, interruptions, the folder of a run.

run_tasks            results of tasks that do not need each other, in order
Task                 a piece of work with a name
Kept                 how its result is kept in a store
InTurn               an executor that runs one task after the other
running_on           a block whose tasks run on an executor of yours
executor_of          the same by name: threads, processes, the workers of a Dask scheduler
Checkpoint           finished tasks of a long run
RunFolder            the folder of a run
RunFile              the one file of a run
part                 a finished part of a run, from which it goes on
publish              files that are put in place together
Progress             share done and time left
progress_bar         a bar, or a line a minute
part_of              the progress of a part of a task
descend              the loop in which networks learn
sigterm_like_ctrl_c  both signals end work in the same way
Patience             a word if work takes over an hour
one_thread           linear algebra on one thread
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.tasks.checkpoint import Checkpoint as Checkpoint
    from asemacro.tasks.descent import descend as descend
    from asemacro.tasks.executors import executor_of as executor_of
    from asemacro.tasks.interrupts import sigterm_like_ctrl_c as sigterm_like_ctrl_c
    from asemacro.tasks.parts import part as part
    from asemacro.tasks.patience import Patience as Patience
    from asemacro.tasks.progress import Progress as Progress
    from asemacro.tasks.progress import part_of as part_of
    from asemacro.tasks.progress import progress_bar as progress_bar
    from asemacro.tasks.publication import publish as publish
    from asemacro.tasks.run_file import RunFile as RunFile
    from asemacro.tasks.run_folder import RunFolder as RunFolder
    from asemacro.tasks.running import InTurn as InTurn
    from asemacro.tasks.running import Kept as Kept
    from asemacro.tasks.running import Task as Task
    from asemacro.tasks.running import run_tasks as run_tasks
    from asemacro.tasks.threads import one_thread as one_thread
    from asemacro.tasks.where import running_on as running_on
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
