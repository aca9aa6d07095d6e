"""The kiosk without a screen: which page comes when, what is on it, what is asked of the machine.

Pure: no Kivy, no disk, no network, no clock. Whoever shows, speaks or tests a page reads the same `Page`.
"""
