"""The command line `amocrm`: what a person does with an account, without writing a program."""
