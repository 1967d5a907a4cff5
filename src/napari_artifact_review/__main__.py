"""Run the command line with ``python -m napari_artifact_review``."""

import sys

from napari_artifact_review.cli import main

sys.exit(main())
