package rows

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"time"

	"footfall/event"
)

const (
	saltBytes = 32
	// patience is how long the tables may take to make a salt, or to destroy old
	// ones: all events of a day wait with its first. Without a salt their visitor is
	// unknown.
	patience = 5 * time.Second
)

// Salt is the secret of a UTC day: 32 random bytes, made on first use. There
// is one for today and one for yesterday, any other day is an error. It is
// called per event and answers from memory. The caller must not change it.
func (s *Store) Salt(day event.Day) ([]byte, error) {
	today := event.DayOf(time.Now())
	if day != today && day != today-1 {
		return nil, fmt.Errorf("salt: there is none for %s, only for today and yesterday", day.Time().Format(time.DateOnly))
	}
	if salt := s.salt(day); salt != nil {
		return salt, nil
	}
	if err := s.sweep(context.Background(), today); err != nil { // the first event of a day
		return nil, err
	}
	return s.load(day)
}

// salt is what is in memory of a day.
func (s *Store) salt(day event.Day) []byte {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.salts[day]
}

// load reads the day's salt and makes it if nobody has yet.
func (s *Store) load(day event.Day) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s.asking.Lock()
	defer s.asking.Unlock()
	if salt := s.salt(day); salt != nil {
		return salt, nil
	}
	salt := make([]byte, saltBytes)
	rand.Read(salt) // never fails
	err := s.tables.Change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO salts (day, salt) VALUES (?,?) ON CONFLICT DO NOTHING", day, salt); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, "SELECT salt FROM salts WHERE day = ?", day).Scan(&salt)
	})
	if err != nil {
		return nil, fmt.Errorf("salt: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.salts[day] = salt
	return salt, nil
}

// sweep destroys every salt older than the day before today, in memory and in
// the tables. Nobody who wants a salt that is in memory waits for it.
func (s *Store) sweep(ctx context.Context, today event.Day) error {
	s.asking.Lock()
	defer s.asking.Unlock()
	if !s.forget(today) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	all, err := s.tables.Destroy(ctx, today-1)
	if err != nil {
		return fmt.Errorf("destroy old salts: %w", err)
	}
	if all { // else sweepDaily tries again
		s.mu.Lock()
		defer s.mu.Unlock()
		s.swept = today
	}
	return nil
}

// forget takes old salts out of memory. It is false if there are none in the
// tables, too.
func (s *Store) forget(today event.Day) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for day := range s.salts {
		if day < today-1 {
			delete(s.salts, day) // not overwritten: somebody may be hashing with it
		}
	}
	return s.swept < today
}

// sweepDaily destroys salts also when no event asks for one. It looks at the
// clock every minute because a timer to midnight would sleep with the machine.
func (s *Store) sweepDaily(ctx context.Context) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			// A failed sweep leaves swept behind: it is tried again in a
			// minute, and the day's first Salt reports it.
			_ = s.sweep(ctx, event.DayOf(time.Now()))
		}
	}
}
