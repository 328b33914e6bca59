raise ValueError("no luck at import")
