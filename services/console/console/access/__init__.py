"""Who may see the console, and who may act.

settings.py says what can be switched on; guard.py stands before every request (its Host, its origin, the headers of its
answer); identity.py knows who asks and proves it (session cookie, trusted proxy); sign_in.py lets people in by token,
oidc.py by their provider. Without a setting nobody can act: the console only shows.
"""
