"""The Files service of an account (reference 7).

On the platforms it has hosts of its own: `drive-b.amocrm.ru` is the `drive_url` of an account,
parts are sent to `drive-c.amocrm.ru`, and any other `drive` host answers the same. Over TCP there
is one origin, and no path of the service clashes with one of the API: so `drive_url` is that
origin, and `/v1.0/...` and `/download/...` are answered there.
"""
