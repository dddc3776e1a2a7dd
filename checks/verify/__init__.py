"""Verifying a bundle offline: first every byte, then every verdict, judged again."""
