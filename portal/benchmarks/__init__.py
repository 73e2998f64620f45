"""Measurements, run by hand: `make bench`. Never collected by pytest."""
