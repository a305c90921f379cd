"""A process for a student's answers, with no more rights than answering takes.

`client` starts a server and asks; `server` has imported PyTorch once and forks a keeper per submission;
`keeper` watches over memory and time; its child, walled in by `walls`, runs the student's code.
Nobody but that child ever executes a student's code, and it holds nothing of the marker's but a socket.
"""
