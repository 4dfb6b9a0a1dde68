"""Django's PostgreSQL backend, with a server that starts by itself.

Use: `"ENGINE": "evoke.postgresql"` and, beside NAME, `"EMBEDDED": <data folder>`. Without that key it is Django's own.
"""
