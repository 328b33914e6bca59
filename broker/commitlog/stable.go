package commitlog

// StableBelow is the last stable offset when everything below high counts as durable: for a broker that leaves syncing
// to the operating system.
func (s *ProducerState) StableBelow(high int64) int64 { return s.stable(high) }
