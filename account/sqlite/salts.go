package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"time"

	"footfall/event"
)

const saltBytes = 32

// Salt is the secret of a UTC day: 32 random bytes, made on first use. There
// is one for today and one for yesterday, any other day is an error. It is
// called per event and answers from memory. The caller must not change it.
func (s *Store) Salt(day event.Day) ([]byte, error) {
	today := event.DayOf(time.Now())
	if day != today && day != today-1 {
		return nil, fmt.Errorf("salt: there is none for %s, only for today and yesterday", day.Time().Format(time.DateOnly))
	}
	s.mu.RLock()
	salt := s.salts[day]
	s.mu.RUnlock()
	if salt != nil {
		return salt, nil
	}
	if err := s.sweep(today); err != nil { // the first event of a day
		return nil, err
	}
	return s.load(day)
}

// load reads the day's salt and makes it if nobody has yet.
func (s *Store) load(day event.Day) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if salt := s.salts[day]; salt != nil {
		return salt, nil
	}
	salt := make([]byte, saltBytes)
	rand.Read(salt) // never fails
	err := s.within(context.Background(), func(tx *sql.Tx) error {
		if _, err := tx.Exec("INSERT INTO salts (day, salt) VALUES (?,?) ON CONFLICT DO NOTHING", day, salt); err != nil {
			return err
		}
		return tx.QueryRow("SELECT salt FROM salts WHERE day = ?", day).Scan(&salt)
	})
	if err != nil {
		return nil, fmt.Errorf("salt: %w", err)
	}
	s.salts[day] = salt
	return salt, nil
}

// sweep destroys every salt older than the day before today, in memory, in the
// file and in its write-ahead log.
func (s *Store) sweep(today event.Day) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.swept >= today {
		return nil
	}
	for day := range s.salts {
		if day < today-1 {
			delete(s.salts, day) // not overwritten: somebody may be hashing with it
		}
	}
	if _, err := s.db.Exec("DELETE FROM salts WHERE day < ?", today-1); err != nil {
		return fmt.Errorf("destroy old salts: %w", err)
	}
	// Deleting overwrites the page in the log; the file has it only after a
	// checkpoint, and the log is clean only when cut to nothing.
	empty, err := s.file.EmptyLog()
	if err != nil {
		return fmt.Errorf("destroy old salts: %w", err)
	}
	// Another process may be reading the log: sweepDaily tries again.
	if empty {
		s.swept = today
	}
	return nil
}

// sweepDaily destroys salts also when no event asks for one. It looks at the
// clock every minute because a timer to midnight would sleep with the machine.
func (s *Store) sweepDaily() {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
			// A failed sweep leaves swept behind: it is tried again in a
			// minute, and the day's first Salt reports it.
			_ = s.sweep(event.DayOf(time.Now()))
		}
	}
}
