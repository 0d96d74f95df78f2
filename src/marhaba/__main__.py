"""`python -m marhaba`."""

import sys

from marhaba.cli.main import main

sys.exit(main())
