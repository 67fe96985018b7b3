"""The Files service of an account (reference 7).

On the platforms it has hosts of its own: `drive-b.amocrm.ru` is what the account tells,
`drive-c.amocrm.ru` is where parts are sent to, and any other `drive` host answers the same. Over
TCP there is one origin, and no path of the service clashes with one of the API: so the account
tells the origin it was asked at, and `/v1.0/...` and `/download/...` are answered there.
"""
