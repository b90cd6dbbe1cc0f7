"""Who somebody is and what they may do: accounts with roles, passwords, invitations. Knows no request and no page.

It may import storage and the ground.
"""
