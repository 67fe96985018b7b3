"""The Chats API (reference 8).

On the platforms it has one host for all accounts, `amojo.amocrm.ru` or `amojo.kommo.com`. It takes
no tokens: a channel signs each request with its secret. Over TCP it is served at the same origin
as everything else, since its paths begin with `/v2/origin/custom/`.
"""
