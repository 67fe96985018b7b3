"""`python -m amocrm.cli`: the program `amocrm`."""

from amocrm.cli.entry import main

main()
