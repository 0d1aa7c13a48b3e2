package weblog

import (
	"context"
	"fmt"
)

// Whether a file has the format it is read in shows in its first lines. Until
// then nothing of it is published or told as malformed, so that a file read in
// the wrong format leaves nothing behind.
const (
	firstLines = 1000 // in doubt
	fewLines   = 20   // fewer say nothing
)

// FormatError is a file of which more lines are malformed than not.
type FormatError struct {
	Malformed, Lines int64
	Format           Format // that it was read in
	Like             Format // that most malformed lines have; "" is none
	Kept             bool   // the lines that could be read are stored
}

func (e *FormatError) Error() string {
	says := fmt.Sprintf("%d of %d lines are not in the format %s; ", e.Malformed, e.Lines, e.Format)
	if e.Like != "" {
		says += fmt.Sprintf("they look like %s, so try: --format %[1]s", e.Like)
	} else {
		says += "they are no lines of an access log in the format combined or common"
	}
	if e.Kept {
		return says + " (the others are stored)"
	}
	return says + " (nothing of the file was stored)"
}

// doubt is what the first lines tell about the format.
type doubt struct {
	settled bool
	other   int64    // malformed lines that the other format reads
	held    []func() // tell of malformed lines
}

// other is the format that a line might have instead.
func (f Format) other() Format {
	if f == Common {
		return Combined
	}
	return Common
}

// misread tells of a malformed line, later if the format is in doubt.
func (im *importer) misread(ctx context.Context, line []byte, why fault) {
	if _, fault := parse(line, im.Format.other()); fault == noFault {
		im.doubt.other++
	}
	if im.doubt.settled {
		im.malformed(ctx, im.report.Lines, len(line), why)
		return
	}
	number, size := im.report.Lines, len(line)
	im.doubt.held = append(im.doubt.held, func() { im.malformed(ctx, number, size, why) })
}

// settle ends the doubt, after the first lines or at the end of a shorter file.
func (im *importer) settle(end bool) error {
	if im.doubt.settled {
		return nil
	}
	// Of a longer file the rest may be better.
	bad := im.mostly()
	if !end {
		bad = im.report.Malformed > firstLines*9/10
	}
	if bad {
		return im.wrongFormat()
	}
	im.doubt.settled = true
	for _, tell := range im.doubt.held {
		tell()
	}
	im.doubt.held = nil
	return nil
}

// mostly reports whether most of the lines so far are malformed.
func (im *importer) mostly() bool {
	return im.report.Lines >= fewLines && 2*im.report.Malformed > im.report.Lines
}

func (im *importer) wrongFormat() error {
	e := &FormatError{Malformed: im.report.Malformed, Lines: im.report.Lines, Format: im.Format, Kept: im.doubt.settled}
	if 2*im.doubt.other > im.report.Malformed {
		e.Like = im.Format.other()
	}
	return e
}
