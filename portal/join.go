package portal

import (
	"net/http"
	"time"

	"footfall/affiliate"
)

// joinView is what join.html shows.
type joinView struct {
	Form *form
	Sent bool
}

// applicant is the visit of somebody unknown to a programme.
func (d *door) applicant(w http.ResponseWriter, r *http.Request) (*visit, bool) {
	v := &visit{door: d, w: w, r: r, zone: time.UTC}
	if err := v.in(r.PathValue("program")); err != nil {
		v.fail(err)
		return nil, false
	}
	return v, true
}

func (d *door) askJoin(w http.ResponseWriter, r *http.Request) {
	if v, ok := d.applicant(w, r); ok {
		v.fail(v.show(200, "join.html", "Join "+v.program.Name, joinView{}))
	}
}

// join takes an application. Its answer is the same whether the address is
// known or not: it tells nobody who takes part.
func (d *door) join(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	v, ok := d.applicant(w, r)
	if !ok {
		return
	}
	if !d.Allow(r) {
		w.Header().Set("Retry-After", "3600")
		v.message(http.StatusTooManyRequests, "Too many applications", "Try again in an hour.", link{})
		return
	}
	f, err := v.sent()
	if err != nil {
		v.fail(err)
		return
	}
	checkText(f, "name", 200, true)
	checkText(f, "email", 254, true)
	if _, ok := affiliate.FoldEmail(f.get("email")); !ok {
		f.wrong("email", "This is no address such as ann@example.com.")
	}
	if len(f.get("note")) > 2000 {
		f.wrong("note", "This is longer than 2000 bytes.")
	}
	if !f.ok() {
		v.fail(v.show(422, "join.html", "Join "+v.program.Name, joinView{Form: f}))
		return
	}
	a := affiliate.Affiliate{Program: v.program.ID, Name: f.get("name"), Email: f.get("email"), Note: f.get("note"), Status: "applied"}
	a, err = d.desk.Join(r.Context(), a)
	if err == nil && d.Applied != nil {
		d.Applied(v.program, a)
	}
	if err := (&form{}).take(err); err != nil { // what else can be wrong is that the address is known
		v.fail(err)
		return
	}
	v.fail(v.show(200, "join.html", "Join "+v.program.Name, joinView{Sent: true}))
}
