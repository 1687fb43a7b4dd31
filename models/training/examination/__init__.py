"""The examination of a model: what is asked, how an answer is judged, and the figures of the card."""
