"""The engine's whole life in virtual time, drawn from one seed: networks, stores and processes that
fail at any step, and the promises that hold all the same.

``python -m offhook.testing.simulated --seed 7 --trace`` lives one life and tells it.
"""
