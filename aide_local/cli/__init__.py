"""The command line. Heavy libraries are imported by the commands that need them: ``--help`` is instant."""
