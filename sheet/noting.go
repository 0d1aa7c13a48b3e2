package sheet

import "io"

// Noting notes that something was written: an answer that has begun can't become
// an error any more, but only be broken off.
type Noting struct {
	To    io.Writer
	Begun bool
}

// Write writes on.
func (n *Noting) Write(p []byte) (int, error) {
	n.Begun = true
	return n.To.Write(p)
}
