"""The bundled models, and how they are made. Not part of the installed package: only the data files are."""
