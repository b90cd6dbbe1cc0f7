"""Numbers of arrays: scores of predictions, how far to trust them, k-center, k-means, the map.

Pure functions; each module is meant to be imported by itself.
It may import the ground only.
"""
