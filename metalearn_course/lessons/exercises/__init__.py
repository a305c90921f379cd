"""Reference solutions of the lessons' exercises, one file a lesson."""
