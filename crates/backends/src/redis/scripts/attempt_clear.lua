local w = load(KEYS[1])
w.kept, w.blocked, w.unreported = {}, nil, false
save_as_long_as_before(KEYS[1], w)
return 1
