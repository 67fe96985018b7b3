"""Tools that know nothing of amoCRM: time, forked children, files, locks, threads."""
