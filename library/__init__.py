"""The library: books, copies and their lending.

The room is here so that the house has its shape; models, services and pages come with lending itself.
"""
