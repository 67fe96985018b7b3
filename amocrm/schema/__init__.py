"""The shapes of the wire, one file per domain: dictionaries as the API sends and takes them.

What a shape names is there or may be sent; what the API adds tomorrow is kept all the same. Keys
that come only when they are asked for (`with_`) are optional. Times are Unix seconds.
"""
