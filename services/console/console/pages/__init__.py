"""The pages: what people look at and act on.

wording.py says how values are written, render.py makes a page of a record and a template (templates/), static.py serves
what the browser needs (static/, and what tidemark_pages and the command line's pages share), live.py tells an open page
that it is old. read.py, asked.py and acts.py are the pages themselves: those of the console's own state, those whose
answer the command line gives in a process of its own, and those that publish.
"""
