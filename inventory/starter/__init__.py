"""The first estate of somebody who has none: questions, examples, and a folder made whole or not at all."""
