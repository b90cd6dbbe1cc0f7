"""The command line: verbs, their arguments, what they print.

`main.main` runs one; `verbs` holds what each does.
It may import project, simulation, door and what they stand on.
"""
