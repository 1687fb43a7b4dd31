"""The GPU's device files and settings, for candidates that may use the GPU.

Names as the drivers make them: NVIDIA's open kernel modules (nvidia-modprobe), Linux's amdgpu (kfd, render nodes).
"""

from __future__ import annotations

import os
import re

# Control, one of each card, unified memory, and the capability files of NVIDIA; kfd is AMD's compute driver.
_FILES = re.compile(r"nvidia(ctl|-uvm|-uvm-tools|-modeset|\d+)|kfd")
_FOLDERS = {"nvidia-caps": re.compile(r"nvidia-cap\d+"), "dri": re.compile(r"renderD\d+")}
# Where libraries read the card's place on the bus and the topology of its memory. Nothing is mounted below these, as
# it is in /sys/fs and /sys/kernel.
GPU_FOLDERS = ("/sys/bus", "/sys/class", "/sys/dev", "/sys/devices", "/sys/module", "/opt/rocm")
# Which of the cards to use, and how they are numbered.
GPU_VARIABLES = (
    "CUDA_VISIBLE_DEVICES",
    "CUDA_DEVICE_ORDER",
    "HIP_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    "HSA_OVERRIDE_GFX_VERSION",
)


def gpu_files(folder: str = "/dev") -> list[str]:
    """Return the paths of the device files by which programs compute on a GPU; empty without a GPU.

    Render nodes count only beside a card that computes, and the nodes that set the screen's mode never.
    """
    found = [name for name in _names(folder) if _FILES.fullmatch(name)]
    if not any(name == "kfd" or re.fullmatch(r"nvidia\d+", name) for name in found):
        return []
    for below, pattern in _FOLDERS.items():
        found += [f"{below}/{name}" for name in _names(f"{folder}/{below}") if pattern.fullmatch(name)]
    return [f"{folder}/{name}" for name in found if not os.path.isdir(f"{folder}/{name}")]


def _names(folder: str) -> list[str]:
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []
