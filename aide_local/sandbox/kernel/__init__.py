"""The kernel mechanisms that confine and count processes, one file each."""
