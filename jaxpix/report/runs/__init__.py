"""Run folders of attacks, read, checked and grouped into what a report tells of."""
