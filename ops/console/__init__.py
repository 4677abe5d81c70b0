"""The console: web pages on which people see what the registry has, and whether all is well; what is to be done, it asks for."""
