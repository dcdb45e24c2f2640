"""The sections of the page: each with its exhibits and their captions, and the exhibits of every experiment."""
