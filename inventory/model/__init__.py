"""What an estate is made of.

Entities, their fields and closed lists of words, hardware, policies, the IPv6 plan, and the estate as a whole.
"""
