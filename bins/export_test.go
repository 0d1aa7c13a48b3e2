package bins

// Room bounds what is held, in bytes.
func (s *Sessions) Room(bytes int) { s.room = bytes }

// Waiting is how many bytes of events wait for dates that are being read.
func (s *Sessions) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting
}
