"""Membership inference: can an attacker tell who was trained on?"""
