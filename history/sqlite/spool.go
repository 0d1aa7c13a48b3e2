package sqlite

import (
	"bufio"
	"encoding/gob"
	"io"
	"iter"
	"os"

	"footfall/history"
)

// spool is days on their way, in a file without a name that only this process
// can read: they may be more than memory is to hold.
type spool struct {
	file    *os.File // nil while there are no days
	buffer  *bufio.Writer
	encoder *gob.Encoder
	days    int
}

// add adds a day; the file is in a folder.
func (s *spool) add(day *history.Day, folder string) (err error) {
	if s.file == nil {
		if s.file, err = os.CreateTemp(folder, "days-*"); err != nil { // for the owner only
			return err
		}
		if err := os.Remove(s.file.Name()); err != nil {
			return err
		}
		s.buffer = bufio.NewWriterSize(s.file, 64<<10)
		s.encoder = gob.NewEncoder(s.buffer)
	}
	s.days++
	return s.encoder.Encode(day)
}

// all hands over the days as they were added, once all are there.
func (s *spool) all() iter.Seq2[*history.Day, error] {
	return func(yield func(*history.Day, error) bool) {
		if s.days == 0 {
			return
		}
		err := s.buffer.Flush()
		if err == nil {
			_, err = s.file.Seek(0, io.SeekStart)
		}
		if err != nil {
			yield(nil, err)
			return
		}
		decoder := gob.NewDecoder(bufio.NewReaderSize(s.file, 64<<10))
		for range s.days {
			day := &history.Day{}
			if err := decoder.Decode(day); !yield(day, err) || err != nil {
				return
			}
		}
	}
}

func (s *spool) close() {
	if s.file != nil {
		s.file.Close()
	}
}
