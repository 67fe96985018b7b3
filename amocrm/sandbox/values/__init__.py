"""Values of custom fields, of rights and of events: what is accepted, and how it is stored."""
