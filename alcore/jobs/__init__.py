"""Background work: who runs it, how far it is, how long it may take.

`runner.JobRunner` over any `contract.JobTable`; what the kinds of job do is not known here.
It may import the ground only.
"""
