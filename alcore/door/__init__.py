"""Who gets in: hosts, sign-in, what every request and answer needs, and the verb that serves.

`middleware.Door` stands before the whole app; `requests` before each route.
It may import project, accounts, uploads and the ground.
"""
