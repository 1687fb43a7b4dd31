"""For all tests."""

from __future__ import annotations

import signal

# A shell starts what it runs in the background with SIGINT ignored, and programs that tests start would inherit that: Ctrl+C
# could not be tested. A handler is not inherited; what is started begins with the default.
signal.signal(signal.SIGINT, signal.default_int_handler)
