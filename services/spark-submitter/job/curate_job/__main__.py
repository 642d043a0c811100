"""`python -m curate_job MANIFEST_URI`."""

import sys

from curate_job.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
