"""See `verify.commandline`."""

import sys

from verify.commandline import main

sys.exit(main())
