"""What was measured of a rudiments dataset."""

from dataclasses import dataclass


@dataclass
class Findings:
    """Measurements of all shards together: arrays a row, figures a take, media a checked row."""

    rows: dict
    takes: list
    media: list
    problems: dict

    @property
    def count(self):
        return len(self.rows["sample_id"])
