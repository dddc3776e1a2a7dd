"""The files of an estate as they are written: every value with its place, layers merged, nothing trusted yet."""
