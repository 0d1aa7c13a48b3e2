package segment

// Recent is what came since the last roll and is in memory: how many visitors,
// each once for every date, and about how many bytes they take.
func (l *Live) Recent() (visitors, bytes int) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, b := range l.books {
		for _, g := range b.generations {
			for _, c := range g.dates {
				visitors += len(c.visitors)
			}
		}
	}
	return visitors, l.bytes
}
