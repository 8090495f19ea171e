local first, numbers, answer = 3, 3, { session }
