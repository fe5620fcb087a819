"""The command line: a thin door, each verb calls one function of the library."""
