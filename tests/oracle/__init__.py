"""The oracle: what a program that shares nothing with ours measured, against ours."""
