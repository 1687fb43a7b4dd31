"""The live run: the loop, its parts and how they are put together."""
