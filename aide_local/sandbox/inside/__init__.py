"""The processes around a candidate: the warm server, its gate, the supervisor, and the last steps before the script.

They import the standard library and this package only; the server imports the usual packages when it is confined.
"""
