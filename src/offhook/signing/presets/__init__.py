"""Presets: how those who send webhooks prove who they are, by name. Pure."""

from offhook.signing.presets.checking import check, preset_of
from offhook.signing.presets.values import PRESETS, Preset, Sender

__all__ = ["PRESETS", "Preset", "Sender", "check", "preset_of"]
