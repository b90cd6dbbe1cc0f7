"""The HTTP routes below /api/v1.

`routes.routes` makes them all; `masks` holds those of masks.
It may import door, project, accounts, storage's types and the ground.
"""
