"""Messages: delivers what waits, tests the channels, and retries what was given up."""
