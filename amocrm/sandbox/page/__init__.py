"""The page of the sandbox: what a person sees who opens its address in a browser.

Rendered here, with forms that post to the HTTP actions of `amocrm.sandbox.control`. It works
without JavaScript; with it, `static/page.js` refreshes what has changed.
"""
