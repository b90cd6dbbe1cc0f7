"""One round without a store: pool, batches, training, scoring, the files it leaves.

`turn.run` does a round of an `Order`; `roundfiles` reads what it left.
It may import strategies, nets, measures, pixels and the ground.
"""
