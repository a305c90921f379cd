"""What every room needs and no lesson teaches: files written whole, and progress bars."""
