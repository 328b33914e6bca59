package kafka

// API is one row of the table as the documentation shows it.
type API struct {
	Key      int16
	Name     string
	Min, Max int16
}

// APIs are the API keys that are served, in their order, with the first and last version of each.
func APIs() []API {
	rows := table()
	out := make([]API, len(rows))
	for i, r := range rows {
		out[i] = API{r.key, r.name, r.min, r.max}
	}
	return out
}
