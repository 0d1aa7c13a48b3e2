package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"sync"
	"text/tabwriter"
	"time"

	"gopkg.in/yaml.v3"

	"footfall/account"
	"footfall/api"
	"footfall/metric"
	"footfall/segment"
)

var segmentCommands = []command{
	{"segment list", "[--site S]", "list a site's segments", listSegments},
	{"segment set", "FILE [--site S]", "define the segments in a file, YAML or JSON; - is what comes in", setSegments},
	{"segment remove", "NAME [--site S]", "remove a segment", removeSegment},
	{"segment test", "FILE [--site S]", "count who would be in the segments in a file, without defining them", testSegments},
	{"segment counts", "NAME [--site S] [--from DAY] [--to DAY]", "list how many were in a segment each day", countSegment},
	{"visitor history", "ID [--site S] [--product P] [--category C] [--from DAY] [--to DAY]", "show what is kept of a visitor", visitorHistory},
	{"visitor segments", "ID [--site S] [--explain true]", "list the segments that a visitor is in", visitorSegments},
}

// segmentBook is the definitions of segments in memory, for those who ask at
// every request.
type segmentBook struct {
	kept account.Segments
	mu   sync.Mutex
	now  map[string][]segment.Definition // by site
}

func newSegmentBook(kept account.Segments) *segmentBook {
	return &segmentBook{kept: kept, now: map[string][]segment.Definition{}}
}

// of lists a site's current definitions by name.
func (b *segmentBook) of(ctx context.Context, site string) ([]segment.Definition, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if all, ok := b.now[site]; ok {
		return all, nil
	}
	kept, err := b.kept.Segments(ctx, site)
	if err != nil {
		return nil, err
	}
	all := make([]segment.Definition, len(kept))
	for i, k := range kept {
		if all[i], err = segment.ParseOne([]byte(k.Definition)); err != nil {
			return nil, fmt.Errorf("segment %s of %s: %w", k.Name, site, err)
		}
		all[i].Version = k.Version
	}
	b.now[site] = all
	return all, nil
}

// defined reports whether there is a definition of a name.
func defined(definitions []segment.Definition, name string) bool {
	return slices.ContainsFunc(definitions, func(d segment.Definition) bool { return d.Name == name })
}

// put keeps definitions.
func (b *segmentBook) put(ctx context.Context, site string, all []segment.Definition) ([]account.Segment, error) {
	texts := make([]account.Segment, len(all))
	for i, d := range all {
		d.Version = 0 // the same text for the same conditions
		text, err := d.MarshalJSON()
		if err != nil {
			return nil, err
		}
		texts[i] = account.Segment{Name: d.Name, Definition: string(text)}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.now, site)
	return b.kept.PutSegments(ctx, site, texts)
}

// remove takes a definition away.
func (b *segmentBook) remove(ctx context.Context, site, name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.now, site)
	return b.kept.RemoveSegment(ctx, site, name)
}

// parseSegments reads one definition or a list of them. What is wrong is a
// *metric.QueryError, which doors tell who asked.
func parseSegments(text []byte) (all []segment.Definition, err error) {
	var form struct{ Segments *yaml.Node }
	if yaml.Unmarshal(text, &form) == nil && form.Segments == nil {
		var one segment.Definition
		one, err = segment.ParseOne(text)
		all = []segment.Definition{one}
	} else {
		all, err = segment.Parse(text)
	}
	if err != nil {
		return nil, &metric.QueryError{Why: err.Error()}
	}
	if len(all) == 0 {
		return nil, &metric.QueryError{Why: "there is no segment in it"}
	}
	return all, nil
}

// spellSegment is a kept definition as doors tell it.
func spellSegment(s account.Segment) (api.Segment, error) {
	var form struct{ When json.RawMessage }
	err := json.Unmarshal([]byte(s.Definition), &form)
	return api.Segment{Name: s.Name, Version: s.Version, When: form.When, Created: s.Created.Format(time.RFC3339)}, err
}

func spellSegments(kept []account.Segment) ([]api.Segment, error) {
	all := make([]api.Segment, len(kept))
	for i, s := range kept {
		var err error
		if all[i], err = spellSegment(s); err != nil {
			return nil, fmt.Errorf("segment %s: %w", s.Name, err)
		}
	}
	return all, nil
}

func (k *control) listSegments(w http.ResponseWriter, r *http.Request) error {
	site, err := k.h.sites.find(r.FormValue("site"))
	if err != nil {
		return err
	}
	all, err := people{k.h}.Segments(r.Context(), site)
	if err != nil {
		return err
	}
	return answer(w, api.SegmentList{Site: site.ID, Segments: all})
}

// keeping is the site that is named; it keeps histories.
func (k *control) keeping(r *http.Request) (account.Site, error) {
	site, err := k.h.sites.find(r.FormValue("site"))
	if err != nil {
		return site, err
	}
	return site, api.CheckHistory(site)
}

// definitions is the site that is named, which keeps histories, and the
// definitions that were sent.
func (k *control) definitions(r *http.Request) (account.Site, []byte, error) {
	site, err := k.keeping(r)
	if err != nil {
		return site, nil, err
	}
	text, err := io.ReadAll(io.LimitReader(r.Body, api.MaxBody))
	return site, text, err
}

func (k *control) setSegments(w http.ResponseWriter, r *http.Request) error {
	site, text, err := k.definitions(r)
	if err != nil {
		return err
	}
	put, err := people{k.h}.PutSegments(r.Context(), site, text)
	if err == nil {
		err = k.note(r, "segment set", site.ID, "", nameSegments(put))
	}
	if err != nil {
		return err
	}
	return answer(w, api.SegmentList{Site: site.ID, Segments: put})
}

func noSegment(site account.Site, name string) error {
	return fmt.Errorf("there is no segment %q at %s; footfall segment list shows them", name, site.ID)
}

func (k *control) removeSegment(w http.ResponseWriter, r *http.Request) error {
	site, err := k.h.sites.find(r.FormValue("site"))
	if err != nil {
		return err
	}
	name := r.FormValue("name")
	if err := (people{k.h}).RemoveSegment(r.Context(), site, name); errors.Is(err, account.ErrNotFound) {
		return noSegment(site, name)
	} else if err != nil {
		return err
	}
	if err := k.note(r, "segment remove", site.ID, name, ""); err != nil {
		return err
	}
	return answer(w, map[string]string{"site": site.ID, "removed": name})
}

func (k *control) testSegments(w http.ResponseWriter, r *http.Request) error {
	site, text, err := k.definitions(r)
	if err != nil {
		return err
	}
	run, err := wholly(r.Context(), k.h, func() (api.DryRun, bool, error) {
		run, err := people{k.h}.TestSegments(r.Context(), site, text)
		return run, run.Complete, err
	})
	if err != nil {
		return err
	}
	return answer(w, run)
}

func (k *control) countSegment(w http.ResponseWriter, r *http.Request) error {
	site, err := k.keeping(r)
	if err != nil {
		return err
	}
	params := r.URL.Query()
	name := params.Get("name")
	params.Del("name")
	params.Set("site", site.ID)
	_, from, to, err := api.ParseMembers(params, []account.Site{site})
	if err != nil {
		return err
	}
	days, err := people{k.h}.SegmentMembers(r.Context(), site, name, from, to)
	if errors.Is(err, account.ErrNotFound) {
		return noSegment(site, name)
	}
	if err != nil {
		return err
	}
	return answer(w, api.SegmentDays{Site: site.ID, Segment: name, Days: days})
}

func listSegments(ctx context.Context, c *call) error {
	var all api.SegmentList
	return c.once(ctx, "GET", "/segment/list", c.form("segment list"), &all, func(w io.Writer) { printSegments(w, all) })
}

func printSegments(w io.Writer, all api.SegmentList) {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "SEGMENT\tVERSION\tSINCE\tWHEN")
	for _, s := range all.Segments {
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\n", s.Name, s.Version, s.Created, s.When)
	}
	t.Flush()
}

// sendFile sends the one file that is named and decodes the answer.
func (c *call) sendFile(ctx context.Context, path string, form url.Values, out any, text func(io.Writer)) error {
	if len(c.args) != 1 {
		return misused("name the one file with definitions, or - for what comes in")
	}
	return c.sendNamed(ctx, c.args[0], path, form, out, text)
}

// sendNamed sends a file, or with the name - what comes in.
func (c *call) sendNamed(ctx context.Context, name, path string, form url.Values, out any, text func(io.Writer)) error {
	in := io.Reader(os.Stdin)
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	content, err := io.ReadAll(io.LimitReader(in, api.MaxBody+1))
	if err != nil {
		return err
	}
	if len(content) > api.MaxBody {
		return errors.New("the file is larger than 64 KiB: make several of it")
	}
	k, err := c.dial(ctx)
	if err != nil {
		return err
	}
	err = k.send(ctx, "POST", path, form, bytes.NewReader(content), out)
	if err = errors.Join(err, k.close()); err != nil {
		return err
	}
	return c.print(out, text)
}

func setSegments(ctx context.Context, c *call) error {
	var put api.SegmentList
	return c.sendFile(ctx, "/segment/set", c.form("segment set"), &put, func(w io.Writer) { printSegments(w, put) })
}

func testSegments(ctx context.Context, c *call) error {
	var run api.DryRun
	return c.sendFile(ctx, "/segment/test", c.form("segment test"), &run, func(w io.Writer) {
		for _, s := range run.Segments {
			fmt.Fprintf(w, "%s: %d of %d visitors\n", s.Segment, s.Members, run.Visitors)
		}
		fmt.Fprintf(w, "Nothing was changed. It took %d ms.\n", run.TookMS)
	})
}

func removeSegment(ctx context.Context, c *call) error {
	var out map[string]string
	return c.named(ctx, "segment to remove", "name", "/segment/remove", c.form("segment remove"), &out, func(w io.Writer) { fmt.Fprintf(w, "removed: %s\n", out["removed"]) })
}

func countSegment(ctx context.Context, c *call) error {
	if len(c.args) != 1 {
		return misused("name the one segment")
	}
	form := c.form("segment counts")
	form.Set("name", c.args[0])
	var days api.SegmentDays
	return c.once(ctx, "GET", "/segment/counts", form, &days, func(w io.Writer) {
		for _, d := range days.Days {
			fmt.Fprintf(w, "%s %d\n", d.Date, d.Members)
		}
	})
}
