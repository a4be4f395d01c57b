"""The version of the rules that a build is measured by.

It is stored with what a target is (`results.record.TargetRecord`), and results of
another version are measured again. A test holds it to what is made of fixed builds.
"""

#: Raised when the same build would be recorded otherwise than before: other noise
#: rules, other attribution to lines, another way to ask a builder of ours.
MEASURING = 1
