"""What tests share: made data, toy classifiers, drawn runs, hostile input."""
