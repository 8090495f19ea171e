local first, numbers, answer = 1, 2, {}
