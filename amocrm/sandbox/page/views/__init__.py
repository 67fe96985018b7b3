"""What each page shows, as plain data: gathered under the lock, rendered without it."""
