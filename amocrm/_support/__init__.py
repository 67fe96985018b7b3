"""Tools that know nothing of amoCRM: time, forked children, files, locks, threads."""

import logging as _logging

# Here, because whatever logs imports a module of this package.
_logging.getLogger("amocrm").addHandler(_logging.NullHandler())
