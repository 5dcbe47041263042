"""How a browser comes in: the login form, the way for a code that works once, and the small file that carries one."""
