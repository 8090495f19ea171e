local first, numbers, behind = 3, 3, session
