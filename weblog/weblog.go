// Package weblog reads the access logs of web servers, in Apache's "common"
// and "combined" formats, and makes events of their page views and downloads.
//
// The rules, exactly, so that another program reaches the same figures:
//
//   - The bytes are split at LF only; what follows the last LF is a line only
//     if it is not empty. Bytes are ISO-8859-1, nothing is trimmed.
//   - A common line is HOST SP IDENT SP USER SP [DD/Mon/YYYY:HH:MM:SS +ZZZZ] SP
//     "REQUEST" SP STATUS SP BYTES; the request ends at the last quote that
//     STATUS BYTES follow. A combined line goes on with SP "REFERRER" SP
//     "USERAGENT" and optional spaces, and in its quoted fields a quote only
//     occurs as \" . Any other line is malformed and counts nowhere else.
//   - A request is METHOD SP TARGET, with the protocol after it left out. The
//     path is the target without scheme and host in front, cut at the first
//     "?" or "#"; nothing is decoded.
//   - A page view is a GET answered with 200-299 or 304 of a path without an
//     extension or with one of html htm shtml php asp aspx jsp cgi pl.
//   - A download is a GET answered with 200 or 206 of a path with one of a list
//     of extensions (gz, zip, pdf, mp4, …; see isDownload).
//   - A visitor is the pair of HOST and user agent; days are UTC.
//
// Addresses and user agents go to Options.Enrich in memory and end there.
package weblog

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"footfall/enrich"
	"footfall/event"
)

// Format is how a line is laid out.
type Format string

// The two formats.
const (
	Common   Format = "common"
	Combined Format = "combined"
)

// ParseFormat finds a format by its name.
func ParseFormat(name string) (Format, error) {
	switch f := Format(strings.ToLower(name)); f {
	case Common, Combined:
		return f, nil
	}
	return "", fmt.Errorf("unknown log format %q: use combined or common", name)
}

// Report is what an import found. Lines = Valid + Malformed; a valid line is a
// page view, a download, or neither of them and then not stored.
type Report struct {
	Lines                int64   `json:"lines"`
	Valid                int64   `json:"valid"`
	Malformed            int64   `json:"malformed"`
	MalformedLineNumbers []int64 `json:"malformed_line_numbers"` // the first 200, from 1
	PageViews            int64   `json:"page_views"`             // bots included
	Downloads            int64   `json:"downloads"`              // bots included
	Bots                 int64   `json:"bots"`                   // page views by bots
	Duplicates           int64   `json:"duplicates"`             // known only to who stores; left to the caller
	TooOld               int64   `json:"too_old"`                // events not taken as the site keeps none of their time; left to the caller
}

// Add adds another file's report to r. Line numbers stay those of their file.
func (r *Report) Add(s Report) {
	r.Lines += s.Lines
	r.Valid += s.Valid
	r.Malformed += s.Malformed
	r.PageViews += s.PageViews
	r.Downloads += s.Downloads
	r.Bots += s.Bots
	r.Duplicates += s.Duplicates
	r.TooOld += s.TooOld
	for _, n := range s.MalformedLineNumbers {
		r.note(n)
	}
}

// note keeps a malformed line's number while there is room.
func (r *Report) note(number int64) {
	if len(r.MalformedLineNumbers) < maxNumbers {
		r.MalformedLineNumbers = append(r.MalformedLineNumbers, number)
	}
}

const (
	maxNumbers = 200
	maxLine    = 1 << 20 // bytes
	batchSize  = 1000    // events a Publish
	minSecret  = 16      // bytes
)

// Options says where the events go. Site, Secret, Publish and Enrich are
// required; the zero values of the others work.
type Options struct {
	Site   string // id of the site
	Secret []byte // keys the event ids; at least 16 bytes, the same at every import, not public
	Format Format // "" is Combined
	Source string // name of the file, for messages
	Host   string // of the pages: the site's domain
	Now    func() time.Time
	Salt   []byte // of the visitor hashes; nil draws one for this call. Several files of one log share one

	// Publish takes at most 1,000 events at a time. The slice is used again
	// after it returns.
	Publish func(ctx context.Context, events []event.Event) error
	// Enrich adds what the sender tells; the address ends there.
	Enrich func(*event.Event, enrich.Sender)
	// Malformed hears of every malformed line: why it is, and a text to keep
	// that holds nothing of the line itself.
	Malformed func(ctx context.Context, number int64, reason, scrubbed string)
	// Progress is called now and then with what was read so far; bytesRead
	// counts the file's own bytes, compressed or not.
	Progress func(r Report, bytesRead int64)
}

func (o Options) withDefaults() (Options, error) {
	switch {
	case o.Site == "":
		return o, errors.New("weblog: which site? Options.Site is empty")
	case len(o.Secret) < minSecret:
		return o, fmt.Errorf("weblog: Options.Secret needs %d bytes or more", minSecret)
	case o.Publish == nil || o.Enrich == nil:
		return o, errors.New("weblog: Options.Publish and Options.Enrich are required")
	}
	if o.Format == "" {
		o.Format = Combined
	}
	if _, err := ParseFormat(string(o.Format)); err != nil {
		return o, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Salt == nil {
		o.Salt = make([]byte, 32)
		rand.Read(o.Salt) // never fails
	}
	return o, nil
}

// Import reads a log, plain or gzip (told by its first bytes), and publishes
// its page views and downloads. Event ids are derived from the lines, so that
// importing the same file again adds nothing where ids count once. When it
// fails, the report says what was read until then; it can be run again. A file
// of which most lines are malformed is a *FormatError.
func Import(ctx context.Context, r io.Reader, o Options) (Report, error) {
	o, err := o.withDefaults()
	if err != nil {
		return Report{}, err
	}
	counted := &countingReader{r: r}
	plain, err := unpacked(counted)
	if err != nil {
		return Report{}, fmt.Errorf("reading %s: %w", o.Source, err)
	}
	im := &importer{Options: o, ids: newIDs(o.Secret, o.Site), received: o.Now().UTC()}
	lines := newLineReader(plain)
	for {
		line, long, err := lines.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return im.report, fmt.Errorf("reading %s after line %d: %w", o.Source, im.report.Lines, err)
		}
		im.line(ctx, line, long)
		if im.report.Lines == firstLines {
			if err := im.settle(false); err != nil {
				return im.report, err
			}
		}
		if len(im.batch) >= batchSize || im.report.Lines%progressEvery == 0 {
			if err := im.flush(ctx, counted.n); err != nil {
				return im.report, err
			}
		}
	}
	if err := im.settle(true); err != nil {
		return im.report, err
	}
	if err := im.flush(ctx, counted.n); err != nil || !im.mostly() {
		return im.report, err
	}
	return im.report, im.wrongFormat()
}

const progressEvery = 10_000 // lines

// unpacked reads through gzip if the magic number says so.
func unpacked(r io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	if magic, _ := b.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		return gzip.NewReader(b)
	}
	return b, nil
}

// importer is one Import under way.
type importer struct {
	Options
	ids      *ids
	received time.Time
	batch    []event.Event
	report   Report
	doubt    doubt
}

// line counts one line and appends its event, if it makes one, to the batch.
func (im *importer) line(ctx context.Context, line []byte, long bool) {
	im.report.Lines++
	e, why := entry{}, faultLong
	if !long {
		e, why = parse(line, im.Format)
	}
	if why == noFault && event.Timely("", e.time, im.received) != nil {
		why = faultFar
	}
	if why != noFault {
		im.report.Malformed++
		im.report.note(im.report.Lines)
		im.misread(ctx, line, why)
		return
	}
	im.report.Valid++
	t, readable := readTarget(text(e.request))
	if !readable {
		return
	}
	page, download := t.isPage(e.status), t.isDownload(e.status)
	if !page && !download {
		return
	}
	ev := im.event(e, t)
	ev.ID = im.ids.next(line)
	if page {
		im.report.PageViews++
		if ev.Bot != "" {
			im.report.Bots++
		}
	} else {
		im.report.Downloads++
	}
	im.batch = append(im.batch, ev)
}

func (im *importer) malformed(ctx context.Context, number int64, size int, why fault) {
	if im.Malformed != nil {
		im.Malformed(ctx, number, string(why), fmt.Sprintf("%s line %d, %d bytes", im.Source, number, size))
	}
}

// event makes the event of a page view or download.
func (im *importer) event(e entry, t target) event.Event {
	ev := event.Event{
		Site: im.Site, Kind: event.Page, Channel: "import",
		Time: e.time, Original: e.time, Received: im.received,
		Host: im.Host, Search: cut(t.search),
	}
	if !t.isPage(e.status) {
		ev.Kind, ev.Name = event.Track, event.Download
	}
	sender := enrich.Sender{UserAgent: text(e.userAgent), Referrer: text(e.referrer), Salt: im.Salt}
	if sender.Referrer == "-" {
		sender.Referrer = ""
	}
	host := text(e.host)
	if ip, err := netip.ParseAddr(host); err == nil {
		sender.IP = ip
	} else {
		sender.Host = host
	}
	sender.URL = "https://" + im.Host + "/" + strings.TrimPrefix(t.path, "/")
	if t.search != "" {
		sender.URL += "?" + t.search
	}
	im.Enrich(&ev, sender)
	ev.Path = cut(t.path) // as the rules say, whatever a URL parser made of it
	return ev
}

// flush publishes the batch and tells the progress.
func (im *importer) flush(ctx context.Context, bytesRead int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(im.batch) > 0 {
		if err := im.Publish(ctx, im.batch); err != nil {
			return fmt.Errorf("storing %s up to line %d: %w", im.Source, im.report.Lines, err)
		}
		im.batch = im.batch[:0]
	}
	if im.Progress != nil {
		im.Progress(im.report, bytesRead)
	}
	return nil
}

// text reads ISO-8859-1 bytes. NUL, which no store takes, becomes U+FFFD.
func text(b []byte) string {
	plain := true
	for _, c := range b {
		if c == 0 || c >= utf8.RuneSelf {
			plain = false
			break
		}
	}
	if plain {
		return string(b)
	}
	var s strings.Builder
	s.Grow(2 * len(b))
	for _, c := range b {
		if c == 0 {
			s.WriteRune(utf8.RuneError)
		} else {
			s.WriteRune(rune(c))
		}
	}
	return s.String()
}

// cut shortens a text to what an event field may hold.
func cut(s string) string {
	if len(s) <= event.MaxText {
		return s
	}
	n := event.MaxText
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
