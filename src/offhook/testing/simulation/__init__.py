"""Simulated days of a call centre: the same seed gives the same calls, fact for fact.

The shapes are those of a real centre: the anonymous bank of the Technion's service engineering
laboratory, February 1999, 33,344 calls.
"""

from offhook.testing.simulation.day import Centre, simulate_day
from offhook.testing.simulation.story import Step

__all__ = ["Centre", "Step", "simulate_day"]
