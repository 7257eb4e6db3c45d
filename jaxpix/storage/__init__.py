"""What lies on disks: files, locks, checkpoints, run folders, and the check of what others wrote."""
