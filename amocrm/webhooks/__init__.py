"""Receives webhooks: reads and verifies them, stores them, answers, and handles them afterwards."""
