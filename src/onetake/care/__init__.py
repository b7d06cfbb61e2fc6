"""What the commands think: which recordings are meant, what is wrong with them, and what becomes of them.

Nothing here prints or reads words of a command line, and each module is imported by the command that needs it.
"""
