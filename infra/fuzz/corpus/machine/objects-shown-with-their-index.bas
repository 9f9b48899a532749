ON ERROR RESUME NEXT
FOR i=1TO 30
key=""+(i MOD 100)
counts[key]=[]+1
s=SELECT counts
NEXT