"""The additional windows and docks."""
