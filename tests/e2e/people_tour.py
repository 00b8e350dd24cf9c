"""One order of events in which all that happens which people_machine.py leaves to chance.

A line is an act of people_model.Model, and after a bar what goes on meanwhile.
"""

TOUR = """
begin ada1 ada
begin bob1 bob
begin cyd1 cyd
send ada1 bob first
send bob1 ada answer
read bob1
read ada1
verify bob1 ada
send bob1 ada verified
sign_in ada2 ada
sign_in ada3 ada
send ada2 bob unlinked
look ada1
approve ada1 ada2 right
ask ada2
ask ada2
ask ada3
approve ada1 ada2 mistyped
approve ada1 ada2 wrong
approve ada1 ada2 carelessly
reset ada2 unseen
ask ada2
read ada2
send ada1 bob copied
read ada2
forget_request ada
ask ada3
approve ada1 ada3 right | approve ada2 ada3 right
ask ada3
send ada3 bob third
read ada1
read bob1
sign_in bob2 bob
ask bob2
approve bob1 bob2 wrong
approve bob1 bob2 wrong
approve bob1 bob2 wrong
approve bob1 bob2 wrong
approve bob1 bob2 wrong
approve bob1 bob2 right
forget_request bob
ask bob2
approve bob1 bob2 right
ask bob2
read bob2
verify bob2 cyd
accept bob2 cyd
send cyd1 ada removing | revoke ada1 ada2
read ada2
read ada2
send ada2 bob closed
revoke ada1 ada2
sign_in ada2 ada
read ada2
send bob1 ada renewing | renew_key ada1
read_later ada1
sign_in ada4 ada
forget_request ada
ask ada4
send bob1 ada linking | approve ada1 ada4 right
ask ada4
revoke ada1 ada3 | send ada3 bob late
read bob1
read bob2
read ada4
send ada3 bob ended
sign_in ada5 ada
forget_request ada
ask ada5
revoke ada4 ada1 | approve ada1 ada5 right
ask ada5
read ada5
send ada5 bob before
revoke ada4 ada5 | revoke ada5 ada4
read bob1
sign_in ada6 ada
dawdle ada6
reset ada6 seen
sign_in ada6 ada
reset ada6 seen
look ada5
let_wish_be_due ada
reset ada6 seen | veto ada5
veto ada5
sign_in ada7 ada
reset ada6 unseen | reset ada7 unseen
read ada7
send bob1 ada unaccepted
accept bob1 ada
send bob1 ada accepted
read bob2
read bob1
send cyd1 ada renewed
sign_in cyd2 cyd
ask cyd2
approve cyd1 cyd2 right
ask cyd2
sign_in cyd3 cyd
forget_request cyd
ask cyd3
approve cyd1 cyd3 right | revoke cyd2 cyd1
sign_in cyd4 cyd
approve cyd2 cyd3 right | reset cyd4 unseen
send ada7 cyd reset
sign_in cyd5 cyd
send ada7 cyd resetting | reset cyd5 unseen
sign_in cyd6 cyd
ask cyd6
reset cyd6 unseen | approve cyd5 cyd6 right
ask cyd6
sign_in cyd7 cyd
reset cyd7 unseen | revoke cyd5 cyd6
sign_in cyd8 cyd
revoke cyd7 cyd7 | reset cyd8 unseen
read bob1
send cyd8 bob before
read bob1
lose_key bob1
send cyd8 bob off
revoke bob2 bob2
send cyd8 bob nobody
renew_key bob1
send cyd8 bob back
read bob1
revoke cyd8 cyd8
send bob1 cyd nobody
read cyd8
"""
