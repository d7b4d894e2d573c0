"""The judge: whether a roll kept its promises, from the history of the emulated AWS alone.

It measures what the users of a service see, and knows nothing of how the roll counts.
"""
