n = 500000
f = RANGE(0, n)
TALK f[1]