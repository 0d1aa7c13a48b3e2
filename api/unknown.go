package api

import "net/http"

// routes are all there are below /v1, the collector's too: who mistypes one
// asks for any of them.
const routes = "figures are at GET /v1/query, several at once at POST /v1/query, funnels at POST /v1/funnel and /v1/funnels, goals at /v1/goals, notes at /v1/notes, deletions at POST /v1/events/delete and /v1/persons/erase, who came back at POST /v1/retention, which pages are next to one at POST /v1/journey, at GET /v1/daily and, as they change, /v1/live, visitors at /v1/visitors/{id}/history and segments, segments at /v1/segments, events go to POST /v1/page, track, identify, group, screen, alias, batch and import"

func unknown(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*") // so that a page can read it
	refuse(w, http.StatusNotFound, "there is no "+r.URL.Path+": "+routes)
}
