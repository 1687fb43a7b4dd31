"""The model: a local GGUF run by llama.cpp in a process of its own, behind :class:`protocol.LanguageModel`."""
