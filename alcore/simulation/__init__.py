"""The oracle experiment: strategies x seeds x rounds on labeled data, resumable, with statistics and a report. Start at conduct.py.

`conduct.simulate` is what others call; `presets` holds the papers' experiments.
It may import training, importing and what they stand on: never storage, jobs or project.
"""
