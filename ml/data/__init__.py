"""Readers of the data sets that networks are trained on: one file a set, plain arrays out, no Django."""
