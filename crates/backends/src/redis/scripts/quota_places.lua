local first, numbers, behind = 1, 2, ''
