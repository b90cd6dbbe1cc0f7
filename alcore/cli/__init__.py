"""The command line: verbs, their arguments, what they print.

`main.main` runs one.
It may import project, simulation, door and what they stand on.
"""
