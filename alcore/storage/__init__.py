"""All SQL: one class a table, bound to a project where it has one; the journal and what its events mean.

`database.Database` is opened once; `items`, `rounds`, `journal`, `queries`, `maskstore` take it and a project's id.
It may import pixels, jobs and the ground.
"""
