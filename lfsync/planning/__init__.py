"""Desired and live to a plan."""
