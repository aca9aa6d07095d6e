"""The citizens' mailbox: that a report is theirs too, how it went, a suggestion, a wish to be called."""
