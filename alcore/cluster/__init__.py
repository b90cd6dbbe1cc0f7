"""Work spread over the machines of a Ray cluster, an optional package: joined, dealt out in shards, lost shards done again.

Begin with `joining.joined`, then `dealing.Hands`. It may import the ground alone, and knows no image, no model and no experiment.
"""
