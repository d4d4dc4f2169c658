"""`python -m asemacro`: the command line where its script is not on the path, as in the job of a queue."""

from asemacro.cli.app import main

if __name__ == "__main__":
    main()
