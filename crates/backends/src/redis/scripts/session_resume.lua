return session
