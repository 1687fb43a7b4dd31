"""Attack the sandbox of this machine and report what was contained: ``aide-local sandbox audit``."""
