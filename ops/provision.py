"""The former name of `ops.host.provision`, for stacks made before December 2026; to be removed in June 2027.

Such a stack has recorded `python3 -m ops.provision --root DIR remove …` as what takes it down. `up` records the present name.
"""

import sys

from ops.host.provision import main

if __name__ == "__main__":
    sys.exit(main())
