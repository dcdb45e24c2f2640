"""What vouches for a result: which code could have influenced it."""
