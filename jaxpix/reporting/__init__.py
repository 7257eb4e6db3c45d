"""From records to a report: tables, figures, one HTML page."""
