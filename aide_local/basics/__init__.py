"""Small tools that know nothing of tasks and runs: files, tables, text and units."""
