package weblog

import (
	"bufio"
	"io"
)

// lineReader splits at LF and nowhere else, with bounded memory.
type lineReader struct {
	r     *bufio.Reader
	spill []byte // a line that does not fit the reader's buffer
}

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, 64<<10)}
}

// next is the next line without its LF, valid until the following call. Of a
// line that is too long the front is returned and long is true. The error is
// io.EOF after the last line.
func (l *lineReader) next() (line []byte, long bool, err error) {
	line, err = l.r.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		l.spill = l.spill[:0]
		for err == bufio.ErrBufferFull {
			if len(l.spill)+len(line) <= maxLine {
				l.spill = append(l.spill, line...)
			} else {
				long = true
			}
			line, err = l.r.ReadSlice('\n')
		}
		if len(l.spill)+len(line) > maxLine {
			long = true
		} else {
			l.spill = append(l.spill, line...)
		}
		line = l.spill
	}
	switch {
	case err == nil:
		if n := len(line); line[n-1] == '\n' { // not so at the front of a long one
			line = line[:n-1]
		}
		return line, long, nil
	case err == io.EOF && (len(line) > 0 || long):
		return line, long, nil
	}
	return nil, false, err
}

// countingReader counts the bytes read through it.
type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
