"""Networks and what is attached to them: backbones, heads, tasks.

`tasks.TASKS` says what a kind of label needs; a new one is an entry there.
It may import measures and the ground.
"""
