"""Everything that stands before and beside tidemark, simulated: the source database and its connectors, the events and
the speed layer. From a seed and a scale, in three steps: initial, delta, settle. truth.py reads what must come of it.

To add a kind of broken value, add a Fault (dirty_values.py); a way to be late or doubled, a function in deliveries.py;
a thing that happens in the shop, a habit (shop.py, endings.py).
"""
