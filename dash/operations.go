package dash

import (
	"context"
	"net/http"
	"time"

	"footfall/account"
	"footfall/language"
)

// Operations is what the page about the server shows, and does for who may change
// the server.
type Operations interface {
	Pipeline(ctx context.Context) (Pipeline, error)
	Server(ctx context.Context) (Server, error)
	// Aside lists what is set aside: the oldest items of a filter, or one of them,
	// which is account.ErrNotFound if it is not there any more.
	Aside(ctx context.Context, f AsideFilter) ([]AsideItem, error)
	// MoveAside redrives items or drops them for good, and tells how many.
	MoveAside(ctx context.Context, by account.Who, m AsideMove) (int, error)
	// Recount begins to compare all figures with a recount, unless that is under way.
	Recount(by account.Who)
}

// Pipeline is where events are on their way through the server.
type Pipeline struct {
	Status
	Pace     float64  // events accepted a second, in the last minute
	Readers  []Reader // store, archive and, if there is a programme, ledger
	Archived uint64   // events
	Objects  uint64   // of the archive
	Unread   bool     // the archive has not answered since the start: nobody knows what is in it
	Queue    Queue
	Hot      language.Key      // where hot buckets are; "" is nowhere
	Sealed   time.Time         // when bins were brought up to date last; zero is never
	Dirty    int               // days with events that are not in bins
	Aside    map[string]uint64 // set aside now, by who refused it
	Building bool              // the event store is being made anew
}

// Reader takes events from the queue.
type Reader struct {
	Name    string // store, archive or ledger
	Waiting uint64
	Lag     time.Duration // age of the oldest one waiting
	Pace    float64       // events taken a second, in the last minute
	Failing time.Time     // since when it can't write; zero if it can
	Why     language.Key  // it can't, with what to do; "" is not known
}

// Queue is the log that events are accepted into.
type Queue struct {
	Bytes  uint64
	Oldest time.Time     // of what it still has; zero if it is empty
	MaxAge time.Duration // after which it forgets what was read
	// Refusing is since when it could keep nothing that came; zero if it could.
	Refusing time.Time
}

// Server is what the server is made of, and how that is.
type Server struct {
	Version, Runtime string
	Began            time.Time
	Memory           uint64 // bytes that the process has
	Engines          []Engine
	Disk             []Part // by size
	Free             uint64 // bytes, where the data is
	ArchiveBytes     uint64
	Archived         time.Time // when the archive was written last; zero is not since the start
	Seals            []Seal
	Roll             Roll
	Backups          []Backup // newest first
	Jobs             []Job
	Audit            Audit // the last recount
	Recount          Errand
}

// Engine is what does one part of the work.
type Engine struct {
	Role, Kind language.Key
	Problem    language.Key // with what follows from it; "" is none
	Type       string       // the command that mends it; "": its own log tells more
}

// Part is what takes room on the disk.
type Part struct {
	Name  language.Key
	Bytes int64
}

// Seal is how far the bins of a site are.
type Seal struct {
	Site   string    // domain
	At     time.Time // when they were brought up to date; zero is never
	Dirty  int       // days with events that are not in them
	Frozen string    // date before which figures can't be counted again; "" is none
}

// Roll is the newest one since the start.
type Roll struct {
	At      time.Time // zero: there was none
	Took    time.Duration
	Days    int // recounted
	Problem string
}

// Backup is one that the server made.
type Backup struct {
	Dir     string
	Made    time.Time
	Bytes   int64
	Events  uint64 // accepted before it
	Missing bool   // it is not where it was made
	Problem string // why it was not completed
}

// Job is a scheduled one: at a site, or one with an interval.
type Job struct {
	Name    language.Key
	Number  int       // of a scheduled export; 0 is no such
	Sites   int       // at which it is so; 0 is all, or the server
	Site    string    // domain of one of them
	Last    string    // the date that is done; "" is none
	Done    time.Time // else when it ended; zero is not yet
	Problem string
	Again   time.Time // when it is tried again
}

// Errand is work that goes on without a page.
type Errand struct {
	Began   time.Time // zero: there was none since the start
	Ended   time.Time // zero: it is under way
	By      string    // who began it
	Problem string
}

// Running reports whether it is under way.
func (e Errand) Running() bool { return !e.Began.IsZero() && e.Ended.IsZero() }

// operationsView is the page about the server.
type operationsView struct {
	said
	Health       Health
	Pipeline     *Pipeline // nil: nobody can tell
	Stages       []stage
	Wide, Narrow drawing
	Server       *Server // nil: nobody can tell
	Changes      bool    // who looks may change the server
	Now          time.Time
}

// ofServer lets a page through where this door was told of the server.
func (d *Door) ofServer(do page) page {
	return func(w http.ResponseWriter, r *http.Request, in visit) {
		if d.Operations == nil {
			d.refuse(w, http.StatusNotFound, "This server tells nothing of itself.")
			return
		}
		do(w, r, in)
	}
}

// operations shows what the server does. What can't be told is left out, and said.
func (d *Door) operations(w http.ResponseWriter, r *http.Request, in visit) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	v := operationsView{said: read(in.tongue, r), Now: d.Now(), Changes: in.who.MaySomewhere(account.ChangeServer)}
	if p, err := d.Operations.Pipeline(ctx); err != nil {
		d.Log.Error("dash: nobody can tell where events are", "error", err)
	} else {
		texts := p.texts(in.tongue, v.Now)
		v.Pipeline, v.Stages = &p, p.stages(in.tongue, texts)
		v.Wide, v.Narrow = wide.draw(in.tongue, texts), narrow.draw(in.tongue, texts)
	}
	if s, err := d.Operations.Server(ctx); err != nil {
		d.Log.Error("dash: nobody can tell how the server is", "error", err)
		v.Problem = in.Say("What the server is made of can't be read just now; the reason is in its log.")
	} else if v.Server = &s; s.Recount.Running() {
		w.Header().Set("Refresh", "5") // also without script
	}
	v.Health = in.health(v.Pipeline, v.Server, v.Now)
	d.show(w, http.StatusOK, "operations.html", in, v)
}

// ServerTexts is what of the page about the server moves: texts by the name of the
// place where they stand, in the language of a tag.
func (d *Door) ServerTexts(ctx context.Context, tag string) (map[string]string, error) {
	p, err := d.Operations.Pipeline(ctx)
	if err != nil {
		return nil, err
	}
	return p.texts(tongue{language.Of(tag)}, d.Now()), nil
}

// recount begins a recount of all figures.
func (d *Door) recount(w http.ResponseWriter, r *http.Request, in visit) {
	d.Operations.Recount(in.who)
	go303(w, r, "/operations", "recounting")
}

// addsUp is the old address of what is now a part of the page about the server.
func (d *Door) addsUp(w http.ResponseWriter, r *http.Request, _ visit) {
	http.Redirect(w, r, "/operations#account", http.StatusMovedPermanently)
}
