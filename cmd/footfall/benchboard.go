package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// board is an open dashboard of the benchmark: it listens and draws as live.js does.
type board struct {
	http                   *http.Client
	address, path, session string
	site                   int

	stream  string        // that the page listens to
	gap     time.Duration // between two drawings
	mu      sync.Mutex    // guards what follows
	counts  bool          // it is measured
	redraws bool          // one is due
	last    string        // what was told last
	next    time.Time     // not to be drawn before
	told    []figuresAt
	drawn   []figuresAt
	took    []time.Duration
	bytes   int
	lost    int
}

// figuresAt is figures that a board got at a moment.
type figuresAt struct{ at, asOf time.Time }

var (
	boardStream = regexp.MustCompile(`data-live="([^"]*)" data-gap="(\d+)"`)
	boardMoment = regexp.MustCompile(`data-moment="(\d+)"`)
)

func (b *board) get(ctx context.Context, path string, header ...string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, "GET", b.address+path, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Cookie", b.session)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := b.http.Do(r)
	if err == nil && answer.StatusCode != http.StatusOK {
		answer.Body.Close()
		err = errors.New(answer.Status)
	}
	return answer, err
}

// load loads the page.
func (b *board) load(ctx context.Context, header ...string) error {
	began := time.Now()
	answer, err := b.get(ctx, b.path, header...)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	at := time.Now()
	stream, moment := boardStream.FindSubmatch(page), boardMoment.FindSubmatch(page)
	if stream == nil || moment == nil {
		return fmt.Errorf("no dashboard: %.200s", page)
	}
	gap, _ := strconv.Atoi(string(stream[2]))
	ms, _ := strconv.ParseInt(string(moment[1]), 10, 64)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stream, b.gap = html.UnescapeString(string(stream[1])), time.Duration(gap)*time.Second
	if b.counts {
		b.drawn = append(b.drawn, figuresAt{at, time.UnixMilli(ms)})
		b.took = append(b.took, at.Sub(began))
		b.bytes += len(page)
	}
	return nil
}

// begin begins to measure. The board has been open for long: it is somewhere between two
// drawings.
func (b *board) begin() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts, b.next = true, time.Now().Add(time.Duration(rand.Int64N(int64(b.gap))))
}

// listen hears what changes until ctx ends, and comes again when it is cut off.
func (b *board) listen(ctx context.Context) {
	for ctx.Err() == nil {
		if err := b.hear(ctx); err != nil && ctx.Err() == nil {
			b.mu.Lock()
			b.lost++
			b.mu.Unlock()
			time.Sleep(time.Second)
		}
	}
}

func (b *board) hear(ctx context.Context) error {
	answer, err := b.get(ctx, b.stream)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	lines := bufio.NewReader(answer.Body)
	id := ""
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return err
		}
		if said, ok := strings.CutPrefix(line, "id: "); ok {
			id = strings.TrimSpace(said)
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			if err := b.tell(ctx, id, data); err != nil {
				return err
			}
		}
	}
}

// tell takes figures that are told, and draws the board anew as soon as it may.
func (b *board) tell(ctx context.Context, id, data string) error {
	var figures struct{ Figures []json.RawMessage }
	if err := json.Unmarshal([]byte(data), &figures); err != nil {
		return err
	}
	moment, says, _ := strings.Cut(id, "-")
	ms, err := strconv.ParseInt(moment, 10, 64)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.counts {
		b.told = append(b.told, figuresAt{time.Now(), time.UnixMilli(ms)})
	}
	if first := b.last == ""; first || says == b.last || b.redraws {
		b.last = says
		return nil
	}
	b.last, b.redraws = says, true
	time.AfterFunc(max(100*time.Millisecond, time.Until(b.next)), func() { b.draw(ctx) })
	return nil
}

// draw draws the board anew.
func (b *board) draw(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	err := b.load(ctx, "Cache-Control", fmt.Sprintf("max-age=%d", int(b.gap.Seconds())/3)) // as live.js, of a board where much comes
	b.mu.Lock()
	defer b.mu.Unlock()
	b.redraws, b.next = false, time.Now().Add(b.gap)
	if err != nil && ctx.Err() == nil {
		b.lost++
	}
}
