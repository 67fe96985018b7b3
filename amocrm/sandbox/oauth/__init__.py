"""Tokens, codes and the consent page of the sandbox."""
