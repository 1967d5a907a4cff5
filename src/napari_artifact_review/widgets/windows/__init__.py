"""The windows and docks that open beside the dock."""
