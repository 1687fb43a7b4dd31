"""What hostile scripts try, one property each: the suite behind ``aide-local sandbox audit``."""
