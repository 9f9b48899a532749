' A booking, for the golden files: every kind of value waits in its state.
TALK "Welcome!"
HEAR name AS NAME WITH "Your name?"
HEAR guests AS INTEGER WITH "How many guests?"
list = ["a", { k: 1.5 }]
again = list
today_ = TODAY
FOR EACH item IN list
  HEAR sure AS BOOLEAN WITH "Sure about ${item}?"
  IF sure THEN
    TALK "Booked for " + name + ", " + guests + " guests: " + again
    EXIT FOR
  END IF
NEXT
TALK RANDOM(1, 100) + " " + today_
