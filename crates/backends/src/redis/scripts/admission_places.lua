local first, numbers, instant, behind = 3, 3, now, session
