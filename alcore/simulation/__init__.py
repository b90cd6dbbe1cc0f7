"""The oracle experiment: strategies x seeds x rounds on labeled data, resumable, with statistics and a report. Start at conduct.py."""
