package bins

// Room bounds what is held, in bytes.
func (s *Sessions) Room(bytes int) { s.room = bytes }
