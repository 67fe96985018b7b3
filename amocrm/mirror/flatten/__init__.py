"""Turns pages of the API into rows; see `amocrm.mirror.flatten.flatten`."""
