"""The mapping language: a source's record in, call fields out. Pure: no I/O, no clock, no guess."""
