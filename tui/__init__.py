"""The terminal UI.

Start reading at :mod:`tui.protocol`, which says what screens know of the app, then :mod:`tui.app`, which shows them.
:mod:`tui.keys` lists every key. The package depends on ``aide_local``; the reverse is one import in its command line.
"""
