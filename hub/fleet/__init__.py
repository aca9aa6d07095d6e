"""What the hub wants of its devices: settings, bundles, commands; decided here, sent, and sent again."""
