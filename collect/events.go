package collect

import (
	"context"
	"net/http"
	"strconv"

	"github.com/valyala/fastjson"

	"footfall/event"
)

// events answers the routes that take JSON: one event of the path's kind, or a
// batch if kind is "".
func (c *Collector) events(w http.ResponseWriter, r *http.Request, kind event.Kind) *refusal {
	var site Site
	var ref *refusal
	key := headerKey(r)
	if key != "" { // an unknown key is refused before its body is read
		if site, ref = c.siteOf(key); ref != nil {
			return ref
		}
	}
	j, ref := c.enter()
	if ref != nil {
		return ref
	}
	defer c.leave(j)
	limit := ofUnknown
	if key != "" {
		limit, j.claim.site = ofKnown, site.ID
	}
	body, ref := c.read(w, r, j, limit)
	if ref != nil {
		return ref
	}
	found, ref := scan(body)
	if ref != nil {
		return ref
	}
	if key == "" {
		if site, ref = c.siteOf(string(found.writeKey)); ref != nil {
			return ref
		}
		if !j.claim.known(site.ID) {
			return full
		}
	}
	if ref = originAllowed(&site, r); ref != nil {
		return ref
	}
	v, ref := j.build(body, found)
	if ref != nil {
		return ref
	}
	j.decoder.origin = c.origin(r, &site, "web")
	if kind != "" {
		ref = c.takeOne(j, v, kind, len(body))
	} else {
		ref = c.takeBatch(j, v, found.largest)
	}
	if ref != nil {
		return ref
	}
	return c.keep(w, r, j, &site, kind == "")
}

// takeOne decodes the one event of a body of size bytes.
func (c *Collector) takeOne(j *job, v *fastjson.Value, kind event.Kind, size int) *refusal {
	if size > event.MaxBytes {
		c.Count("refused", "size", 1)
		return tooLarge("the event is larger than 32 KB")
	}
	if err := c.add(j, v, kind); err != nil {
		ref := invalid(err)
		c.Count("refused", ref.reason(), 1)
		return ref
	}
	return nil
}

// takeBatch decodes the events of a batch, the largest of which takes so many
// bytes in it; what can't be kept of it is in j.rejected afterwards.
func (c *Collector) takeBatch(j *job, v *fastjson.Value, largest int) *refusal {
	batch := member(v, "batch")
	if batch == nil || batch.Type() != fastjson.TypeArray {
		return &refusal{status: http.StatusBadRequest, field: "batch", why: "must be an array of events"}
	}
	events := batch.GetArray()
	if len(events) > maxBatch {
		return tooLarge("the batch holds " + strconv.Itoa(len(events)) + " events, the limit is 2500")
	}
	shared, err := object("context", member(v, "context"))
	if err != nil {
		return invalid(err)
	}
	sharedSize := 0
	if shared != nil {
		sharedSize = len(member(v, "context").MarshalTo(nil))
		if shared.Len() > maxShared || sharedSize*len(events) > maxMerged {
			return tooLarge("the batch's context is too large to be merged into every event")
		}
	}
	if !j.claim.take(len(events) * (sharedSize + eventBytes)) {
		return full
	}
	j.decoder.shared, j.decoder.sharedSent = shared, member(v, "sentAt")
	for i, x := range events {
		if largest+sharedSize > event.MaxBytes { // else no event can be too large
			j.answer = x.MarshalTo(j.answer[:0])
			if n := len(j.answer) + sharedSize; n > event.MaxBytes {
				c.reject(j, i, x, event.Invalid("event", "is %d bytes with the batch's context, the limit is %d", n, event.MaxBytes))
				continue
			}
		}
		if err := c.add(j, x, ""); err != nil {
			c.reject(j, i, x, err)
		}
	}
	return nil
}

// reject notes that event x of a batch can't be kept.
func (c *Collector) reject(j *job, index int, x *fastjson.Value, err error) {
	j.rejected = append(j.rejected, rejection{index: index, reason: err.Error(), label: invalid(err).reason(), raw: j.decoder.scrubbed(x)})
}

// keep publishes a request's events, sets aside what can't be kept and answers.
func (c *Collector) keep(w http.ResponseWriter, r *http.Request, j *job, site *Site, batch bool) *refusal {
	if optedOut(site, r) {
		w.Header()["X-Footfall"] = dropped
		if n := len(j.events) + len(j.rejected); n > 0 {
			c.Count("dropped", "dnt", n)
		}
		c.succeed(w, done)
		return nil
	}
	if ref := c.publish(r.Context(), j, site); ref != nil {
		return ref
	}
	if batch && len(j.rejected) > 0 {
		j.answer = report(j.answer[:0], len(j.events), j.rejected)
		c.succeed(w, j.answer)
		return nil
	}
	c.succeed(w, done)
	return nil
}

// publish puts a request's events on disk, then sets aside the rejected ones: a
// request that must be sent again sets nothing aside twice.
func (c *Collector) publish(ctx context.Context, j *job, site *Site) *refusal {
	if len(j.events) > 0 {
		if err := c.Publish(ctx, j.events...); err != nil {
			c.warn(err)
			return &refusal{status: http.StatusServiceUnavailable, why: "the events could not be put on disk, send them again"}
		}
		c.Count("accepted", "", len(j.events))
	}
	for _, x := range j.rejected {
		if x.label != tooOld {
			c.Refuse(ctx, site.ID, x.reason, x.raw)
		}
		c.Count("refused", x.label, 1)
	}
	return nil
}

// warn logs a failed Publish, now and then: each one is counted.
func (c *Collector) warn(err error) {
	now, last := c.Now().UnixNano(), c.warned.Load()
	if now-last >= int64(warnInterval) && c.warned.CompareAndSwap(last, now) {
		c.Log.Warn("events were not kept: the queue did not take them", "error", err)
	}
}
