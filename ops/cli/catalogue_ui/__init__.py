"""The catalogue on a full screen: what can be done with it, apart from how it looks; Textual is imported by the latter only."""
