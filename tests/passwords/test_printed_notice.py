"""The layout engine of notices: loaded by who makes one, and by nobody else."""

import subprocess
import sys


def test_no_command_and_no_page_pays_for_the_layout_of_notices() -> None:
    said = "import sys, jobs.command_line, jobs.worker, web.app; print('weasyprint' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "False"
