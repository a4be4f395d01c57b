"""Predict from measured behaviours what a Dockerfile does otherwise on another target.

A Dockerfile becomes steps; rules find patterns in them; a pattern whose behaviour was
measured to differ between two targets is a finding.

May import: errors, dockerfile, targets, judge.
"""
