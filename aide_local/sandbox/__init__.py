"""Run candidates confined and within limits: they are code that nobody has read.

``protocol`` says what the rest of the package asks of a sandbox. ``host`` runs in the main process, ``inside`` in
the processes above and around a candidate, ``kernel`` wraps one kernel mechanism a file, ``audit`` attacks it all.
"""
