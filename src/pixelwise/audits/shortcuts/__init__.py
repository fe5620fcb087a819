"""Does the score follow the object, or what happens to stand beside it?"""
