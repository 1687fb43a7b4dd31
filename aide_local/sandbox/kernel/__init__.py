"""What the kernel offers to confine and to count: one file for each mechanism."""
