"""Put a run together from its parts: the one place that knows every implementation."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Lock

from aide_local.deliver import write_files
from aide_local.errors import AideError
from aide_local.evaluate.open import open_evaluator
from aide_local.events import Event, RunStarted
from aide_local.home import Home
from aide_local.interpreter import probe
from aide_local.lanes import Writer
from aide_local.llm.llama import LlamaEngine
from aide_local.llm.protocol import Engine
from aide_local.llm.registry import resolve
from aide_local.loop import Parts, Run
from aide_local.policy import make_policy
from aide_local.prompts.build import Templates
from aide_local.prompts.pack import Packer
from aide_local.sandbox.protocol import Limits
from aide_local.sandbox.select import create_sandbox
from aide_local.store.run_store import DuckRunStore, create_run, open_run
from aide_local.task import Task
from aide_local.tree import Tree
from aide_local.types import RunSettings, Sampling

MakeEngine = Callable[[RunSettings, Path | None], Engine]
