"""Membership inference against a generator: does its synthetic table tell who it was fitted on?"""
