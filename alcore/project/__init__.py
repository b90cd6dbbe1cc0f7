"""What can be done with a project: each module takes a `stored.Stored`, none takes the façade.

Doors call these modules; notebooks hold `facade.Project`, which does the same.
It may import everything but simulation and the doors.
"""
