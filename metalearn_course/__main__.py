"""`python -m metalearn_course` is the command `metalearn`."""

import sys

from metalearn_course.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
