"""What has been measured so far, in a JSON file that a later run goes on from, and the table of it.

A cell is one subject and one event; each of its runs is a dictionary with the keys of `of_run`.
"""

import json
import os

from subjects import TITLES

EVENTS = {
    "planned": "planned hand-over",
    "kill": "kill -9 of the proxy",
    "cut": "host lost (its link cut)",
}


def of_run(visits, at):
    """The figures of one run: `visits` as visitor.py writes them, `at` the time of the event."""
    good = sorted(ended for _, ended, outcome in visits if outcome == "")
    before = [ended for ended in good if ended < at]
    after = [ended for ended in good if ended >= at]
    # The silence that the event caused may begin later than the event: the longest one from there on.
    silences = gaps(before[-1:] + after)
    hit = [visit for visit in visits if visit[1] >= at]
    return {
        "gap_ms": round(max(silences) * 1000, 2),
        "failed": sum(1 for visit in hit if visit[2] != ""),
        "slowest_ms": round(max(ended - begun for begun, ended, _ in hit) * 1000, 2),
        "quiet_gap_ms": round(max(gaps(before)) * 1000, 2),
        "visits": len(visits),
        "faults": count(visit[2] for visit in hit if visit[2] != ""),
    }


def gaps(times):
    """Lengths between neighbours."""
    return [later - earlier for earlier, later in zip(times, times[1:])]


def count(words):
    """How often each comes."""
    counts = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return counts


class Results:
    """The file."""

    def __init__(self, path):
        self.path = path
        self.document = {"cells": {}, "loaded": []}
        if os.path.exists(path):
            with open(path) as file:
                self.document = json.load(file)

    def runs(self, subject, event):
        """Runs of a cell."""
        return self.document["cells"].setdefault(f"{subject}/{event}", [])

    def add(self, subject, event, run):
        """Keeps one more run."""
        self.runs(subject, event).append(run)
        self.write()

    def add_loaded(self, run):
        """Keeps a run under load."""
        self.document["loaded"].append(run)
        self.write()

    def write(self):
        """Replaces the file in one step, so that a crash leaves a whole one."""
        os.makedirs(os.path.dirname(os.path.abspath(self.path)), exist_ok=True)
        with open(self.path + ".new", "w") as file:
            json.dump(self.document, file, indent=1)
        os.replace(self.path + ".new", self.path)

    def table(self):
        """Markdown: a row for each cell."""
        lines = [
            "| event | pair | runs | gap ms: least | median | 95th | most | failed connections, median | most "
            "| slowest visit ms, median |",
            "|---|---|---|---|---|---|---|---|---|---|",
        ]
        for event, title in EVENTS.items():
            for subject, name in TITLES.items():
                runs = self.document["cells"].get(f"{subject}/{event}", [])
                if runs:
                    lines.append(f"| {title} | {name} | {len(runs)} | {row(runs)} |")
        return "\n".join(lines)


def row(runs):
    """The figures of a cell as columns."""
    gap = sorted(run["gap_ms"] for run in runs)
    failed = sorted(run["failed"] for run in runs)
    slowest = sorted(run["slowest_ms"] for run in runs)
    figures = [gap[0], at_share(gap, 0.5), at_share(gap, 0.95), gap[-1]]
    text = " | ".join(f"{figure:,.0f}" for figure in figures)
    return f"{text} | {at_share(failed, 0.5)} | {failed[-1]} | {at_share(slowest, 0.5):,.0f}"


def at_share(ordered, share):
    """The value that this share of a sorted list does not exceed."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
