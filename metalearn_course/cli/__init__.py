"""The command line, `metalearn COMMAND`: one file a command."""
