"""What the commands of `amocrm webhooks` do."""
