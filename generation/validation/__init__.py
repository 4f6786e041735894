"""What validating any corpus has in common: measurements of shards, judgements on them, and the report.

A corpus *examines* each of its shards in any process (plain arrays and counts of what is wrong),
*checks* the measurements of all of them, and writes a *report*.
"""
