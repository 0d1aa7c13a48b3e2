package duckdb

// SetPortion lets so many events be removed at a time.
func (s *Store) SetPortion(n int) { s.portion = n }
